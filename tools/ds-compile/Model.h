// Reading what ds-compile is given: a Hugging Face folder, a config.json or an .mlir file.
#pragma once

#include "dialects/ds/DS.h"
#include "passes/precision/PrecisionModel.h"
#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/SourceMgr.h"

#include <optional>
#include <string>
#include <vector>

namespace dsmlir {

struct LoadedModel {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string hash;                     ///< of the source
  std::optional<Checkpoint> checkpoint; ///< what --precision-recipe auto reads; none where nobody asks, or the model is an .mlir file
  std::vector<std::string> messages;    ///< the importer's warnings and notes

  mlir::ds::ModelOp model() { return *module->getOps<mlir::ds::ModelOp>().begin(); }
};

/// How a model is loaded where a program asks for it, not a user.
struct Manner {
  bool quiet = false;        ///< errors alone are said
  bool ignorePolicy = false; ///< a policy in the IR is taken away
};

/// A context with our dialects, whose diagnostics that have no place in a file are said on stderr without one.
void prepareContext(mlir::MLIRContext &context, Manner manner = {});

/// Imports or parses a model; `sources` gets the text of an .mlir file, and `precision` says whether --precision-recipe auto asks what the
/// checkpoint holds. Warnings and notes go to stderr. DSRT_UNREADABLE, DSRT_REJECTED, with an empty message where diagnostics have said
/// why.
dsrt::Expected<LoadedModel> loadModel(mlir::MLIRContext &context, llvm::SourceMgr &sources, const std::string &path,
                                      const PrecisionOptions &precision, Manner manner = {});

} // namespace dsmlir

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

namespace dsmlir {

struct LoadedModel {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string hash;                     ///< of the source
  std::optional<Checkpoint> checkpoint; ///< what --precision-recipe auto reads; none where the model is an .mlir file

  mlir::ds::ModelOp model() { return *module->getOps<mlir::ds::ModelOp>().begin(); }
};

/// A context with our dialects, whose diagnostics that have no place in a file are said on stderr without one.
void prepareContext(mlir::MLIRContext &context);

/// Imports or parses a model; `sources` gets the text of an .mlir file. Warnings and notes go to stderr. DSRT_UNREADABLE, DSRT_REJECTED,
/// with an empty message where diagnostics have said why.
dsrt::Expected<LoadedModel> loadModel(mlir::MLIRContext &context, llvm::SourceMgr &sources, const std::string &path);

/// All of a text, to stdout.
dsrt::Status printResult(const std::string &text);

} // namespace dsmlir

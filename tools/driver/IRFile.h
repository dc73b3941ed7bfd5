// Reading .mlir files, hostile until checked.
#pragma once

#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <memory>
#include <string>

namespace dsmlir {

/// MLIR's parser and printer recurse: brackets, and aliases in aliases, may be nested this deep.
inline constexpr size_t maximumNesting = 256;

/// The file ("-": stdin), or DSRT_UNREADABLE where it is missing, bytecode, or nested more than `maximumNesting` deep.
dsrt::Expected<std::unique_ptr<llvm::MemoryBuffer>> readIRFile(const std::string &path);

/// Parses and verifies a module; `sources` gets the text, so that diagnostics can point at it. `hash` becomes the XXH3 of the text
/// (16 hexadecimal digits). DSRT_UNREADABLE, with an empty message where diagnostics have said why.
dsrt::Expected<mlir::OwningOpRef<mlir::ModuleOp>> parseIRFile(mlir::MLIRContext &context, llvm::SourceMgr &sources, const std::string &path,
                                                              std::string &hash);

} // namespace dsmlir

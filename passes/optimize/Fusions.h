// Which sequences of calls one fused call replaces, as data (Fusions.cpp).
#pragma once

#include "dialects/dsrt/DSRT.h"

#include <string>
#include <vector>

namespace dsmlir {

/// An operand or attribute, by its name in the table of operations, of one of the calls that a fusion replaces.
struct PartOperand {
  unsigned part;
  llvm::StringRef name;
};

/// One sequence and its fused call.
struct FusionRule {
  /// The calls that are replaced, the first the one that is looked for; the others are found through `same`.
  std::vector<llvm::StringRef> parts;
  /// What must be the same value, or the same attribute, in two parts.
  std::vector<std::pair<PartOperand, PartOperand>> same;
  /// The operation that replaces them, and where its operands and attributes come from: all of them, by name. Results of parts that are not
  /// among them are intermediate: nothing else may read them.
  llvm::StringRef fused;
  std::vector<std::pair<llvm::StringRef, PartOperand>> operands;
  /// What else must hold of the parts; null: nothing.
  bool (*fits)(llvm::ArrayRef<mlir::Operation *> parts) = nullptr;
};

/// A fusion that can be switched by its name.
struct Fusion {
  llvm::StringRef name;
  llvm::StringRef summary;
  std::vector<FusionRule> rules;
};

/// All fusions, in the order in which they are applied.
llvm::ArrayRef<Fusion> fusions();

/// Null for an unknown name.
const Fusion *findFusion(llvm::StringRef name);

/// What is wrong with a name that `findFusion` does not know: what is expected, and the nearest name.
std::string unknownFusion(llvm::StringRef name);

} // namespace dsmlir

// What a parameter becomes between the file and the product, decided once: legalisation writes it on ds.param, where formats are
// attributes, and the plan lists it, where they are plain structs (passes/precision/ParameterSteps.h). No MLIR in this file.
#pragma once

#include <optional>

namespace mlir::ds {

/// `resident` is what stays in memory; `via`, where there is one, what the value is rounded to on the way there.
template <typename Format> struct HeldParameter {
  std::optional<Format> via;
  Format resident;
};

/// design/PRECISION.md, "Quantisation is part of the type".
///
/// \param stored   what the checkpoint holds
/// \param storage  layer 1: the params dtype, or a low-bit format; nothing where the policy says nothing
/// \param compute  what the product takes
///
/// Format has isQuantised(), holdsSameAs(other) (what one holds, the other can take as it is), widensTo(other) (of dtypes: every value
/// is one of the other's) and ==.
template <typename Format>
HeldParameter<Format> holdParameter(const Format &stored, const std::optional<Format> &storage, const Format &compute) {
  HeldParameter<Format> held{storage, compute};
  auto takesAsItIs = [](const Format &from, const Format &to) { return from.isQuantised() && to.isQuantised() && from.holdsSameAs(to); };
  // A low-bit checkpoint under low-bit compute skips the params dtype, not a low-bit storage that was asked for.
  if (held.via && stored.isQuantised() && compute.isQuantised() && !held.via->isQuantised())
    held.via.reset();
  // A step that changes no value is none.
  if (held.via && (held.via->isQuantised() ? takesAsItIs(stored, *held.via) : stored.widensTo(*held.via)))
    held.via.reset();
  // What is there already in the format that is computed in is used as it is.
  const Format &before = held.via ? *held.via : stored;
  if (takesAsItIs(before, compute))
    held.resident = before;
  if (held.via && *held.via == held.resident)
    held.via.reset();
  return held;
}

} // namespace mlir::ds

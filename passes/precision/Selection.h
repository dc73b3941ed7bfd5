// Precision options that put a chosen part of a resolution's low-bit modules into low precision, and leave everything else as it is.
// Plain C++.
#pragma once

#include "passes/precision/PrecisionModel.h"

#include <cstdint>
#include <vector>

namespace dsmlir {

/// The modules that compute or are stored in low precision, ascending.
std::vector<uint32_t> lowBitModules(const Resolution &resolution);

/// Options of a precision file under which of these modules exactly `members` are in low precision, each for compute, for storage or for
/// both as `resolution` has it, in the same formats. All other modules keep their dtypes; with no members nothing is in low precision.
/// Patterns are regular expressions.
///
/// What the modules of the model resolve to under them is what was asked for, whatever `resolution` came from; only a policy in the IR
/// would add to it.
PrecisionOptions optionsForSelection(const Resolution &resolution, const std::vector<uint32_t> &members);

/// Options of a precision file under which everything computes and is stored in one dtype: "fp32", "bf16" or "fp16".
PrecisionOptions optionsForDtype(const std::string &dtype);

} // namespace dsmlir

// How prompts are cut into calls that fit the artifact's memory plan.
#pragma once

#include "runtime/launcher/Manifest.h"

#include <cstdint>
#include <vector>

namespace dsrt {

/// What one call can hold; each at least 1.
struct CallLimits {
  int64_t tokens, rows, wanted;
};
CallLimits limitsOf(const Manifest &manifest);

/// Which tokens' logits are asked for.
enum class Wanted { LastOfRow, All };

/// Tokens `begin` .. `begin + count` of a row.
struct RowPiece {
  int64_t row, begin, count;
  int64_t wantedFrom; ///< logits are asked for from this token of the row on; begin + count where for none
};

/// One call: at most one piece of each row, rows in ascending order.
struct PrefillCall {
  std::vector<RowPiece> pieces;
};

/// Calls that together hold every token of every row once, each row in order. `lengths` are at least 1.
std::vector<PrefillCall> planPrefill(const std::vector<int64_t> &lengths, Wanted wanted, const CallLimits &limits);

/// One token of every row that has a token at that position, position by position: what decode calls hold when they read a prompt.
std::vector<PrefillCall> planDecode(const std::vector<int64_t> &lengths, Wanted wanted, const CallLimits &limits);

} // namespace dsrt

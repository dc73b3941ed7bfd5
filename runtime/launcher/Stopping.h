// When a row is finished.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <set>
#include <string>

namespace dsrt {

/// Why a row ended: a stop id came; as many tokens as asked for; the row fills the artifact's max-length.
enum class FinishReason { None, Stop, Length, Context };
/// "stop", "length", "context".
const char *name(FinishReason reason);

/// The ids under "eos_token_id" (an integer, a list, or null) of the folder's generation_config.json, or where that file or the
/// field is not there, of its config.json; none where neither has it. DSRT_UNREADABLE where a file is malformed.
/// \param weights  the folder, or one .safetensors file of it
Expected<std::set<int32_t>> readStopIds(const std::string &weights);

struct StopRule {
  std::set<int32_t> ids;
  int64_t maxNewTokens = 0;
  int64_t maxLength = 0; ///< of prompt and new tokens together

  /// New tokens that a row can get at the most.
  int64_t roomFor(int64_t promptLength) const;
  /// Of a row that has no new token yet.
  FinishReason atStart(int64_t promptLength) const;
  /// After `newTokens` tokens, of which `token` is the last. The token that stops counts as one of them.
  FinishReason after(int32_t token, int64_t promptLength, int64_t newTokens) const;
};

} // namespace dsrt

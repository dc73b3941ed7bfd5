// Text of models whose tokens are bytes (vocabulary 256, no tokenizer.json), and its way to a terminal, character by character.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt {

/// Whether text can be had for these weights. DSRT_REJECTED with what to use instead: token ids.
Status checkBytes(const std::string &weights, int64_t vocabulary);

/// Bytes as token ids; no token is added in front.
std::vector<int32_t> bytesToTokens(std::string_view text);

/// Holds back the bytes of a UTF-8 character until it is complete. Bytes that are no UTF-8 pass as they are.
class Utf8Stream {
public:
  /// What can be shown after `bytes` came.
  std::string push(std::string_view bytes);
  /// What was held back when nothing more comes.
  std::string finish();

private:
  std::string held;
};

} // namespace dsrt

// Token ids from the command line and from safetensors files, checked against what the artifact takes.
#pragma once

#include "runtime/launcher/Session.h"

#include <string>
#include <string_view>

namespace dsrt {

/// "1,2,3" as one row. DSRT_USAGE where it is none.
Expected<TokenRows> parseTokens(std::string_view text);

/// Tensor `tensor`, I32 or I64, [batch, length] or [length] for one row; where the file has a tensor `lengths` (I32 or I64, [batch]), row r
/// holds the first lengths[r] of its tokens. `paddedLength` becomes the tensor's length. DSRT_UNREADABLE for a malformed file,
/// DSRT_REJECTED for a tensor that is missing or of another shape or dtype.
Expected<TokenRows> readTokens(const std::string &path, const std::string &tensor, int64_t &paddedLength);

/// DSRT_REJECTED with row, position and numbers where a row is shorter than `shortest` or longer than the artifact's max-length, or a
/// token is not in the vocabulary.
Status checkTokens(const TokenRows &rows, const Manifest &manifest, int64_t shortest = 1);

/// An F32 tensor of exactly this shape, copied. DSRT_REJECTED where it is missing or another one.
Expected<std::vector<float>> readF32(const std::string &path, const std::string &tensor, const std::vector<int64_t> &shape);

} // namespace dsrt

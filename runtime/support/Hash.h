// A hash of several fields: what says whether two inputs are the same.
#pragma once

#include "runtime/support/Status.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace dsrt {

/// The XXH3 of a sequence of fields, each with its length or in a fixed width, so that no two sequences are one text.
class Hash {
public:
  Hash() { XXH3_64bits_reset(&state); }
  Hash &operator<<(int64_t value) { return raw(&value, sizeof value); }
  Hash &operator<<(double value) { return *this << __builtin_bit_cast(int64_t, value); }
  Hash &operator<<(std::string_view text) { return (*this << int64_t(text.size())).raw(text.data(), text.size()); }
  /// Bytes without their number: for data whose size is in a field before.
  Hash &raw(const void *data, size_t bytes) {
    XXH3_64bits_update(&state, data, bytes);
    return *this;
  }
  /// 16 hexadecimal digits.
  std::string text() const { return format("%016llx", static_cast<unsigned long long>(XXH3_64bits_digest(&state))); }

private:
  XXH3_state_t state;
};

} // namespace dsrt

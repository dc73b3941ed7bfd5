// Status and Expected: how the runtime reports errors. A status is a code of dsrt.h (which is also the exit code of the
// tools) and one message that says what, where and what to do. No exception crosses an interface.
#pragma once

#include "dsrt/dsrt.h"

#include <cstdarg>
#include <string>
#include <utility>
#include <variant>

namespace dsrt {

class [[nodiscard]] Status {
public:
  Status() = default;
  Status(dsrt_code code, std::string message) : statusCode(code), text(std::move(message)) {}

  bool ok() const { return statusCode == DSRT_OK; }
  dsrt_code code() const { return statusCode; }
  const std::string &message() const { return text; }

private:
  dsrt_code statusCode = DSRT_OK;
  std::string text;
};

/// A value, or the status that says why there is none.
template <typename T> class [[nodiscard]] Expected {
public:
  Expected(T value) : content(std::move(value)) {}
  Expected(Status status) : content(std::move(status)) {}

  explicit operator bool() const { return content.index() == 0; }
  T &operator*() { return std::get<0>(content); }
  const T &operator*() const { return std::get<0>(content); }
  T *operator->() { return &std::get<0>(content); }
  const T *operator->() const { return &std::get<0>(content); }
  Status status() const { return content.index() == 0 ? Status() : std::get<1>(content); }

private:
  std::variant<T, Status> content;
};

/// printf into a std::string.
std::string format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

} // namespace dsrt

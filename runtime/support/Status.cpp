// format(): printf into a string.
#include "runtime/support/Status.h"

#include <cstdio>

std::string dsrt::format(const char *pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(nullptr, 0, pattern, arguments);
  va_end(arguments);
  std::string text(length > 0 ? length : 0, '\0');
  if (length > 0)
    vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  return text;
}

// libFuzzer's entry point.
#include "test/fuzz/Fuzz.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  accepts({reinterpret_cast<const char *>(data), size});
  return 0;
}

// The conformance suite on the CUDA backend: argument 1 is the plugin. Without a device it says why and exits with 69.
#include "test/conformance/Harness.h"

#include <cstdio>
#include <dlfcn.h>

int main(int count, char **words) {
  testing::InitGoogleTest(&count, words);
  if (count != 2) {
    fprintf(stderr, "usage: %s PLUGIN [gtest options]\n", words[0]);
    return DSRT_USAGE;
  }
  void *plugin = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
  auto get = plugin ? reinterpret_cast<dsrt_backend_get_function>(dlsym(plugin, "dsrt_backend_get")) : nullptr;
  if (!get) {
    fprintf(stderr, "the cuda backend is not available: %s\n", dlerror());
    return DSRT_UNAVAILABLE;
  }
  const dsrt_backend *backend = get();
  char message[256] = "";
  dsrt_backend_options options = {};
  void *state = nullptr;
  if (int32_t code = backend->create(&options, &state, message, sizeof message); code != DSRT_OK) {
    fprintf(stderr, "the cuda backend is not available: %s\n", message);
    return code;
  }
  backend->destroy(state);
  dsrt::conformance::registerCases(backend, 0x1p-13);
  return RUN_ALL_TESTS();
}

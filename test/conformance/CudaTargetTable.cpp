// The table of cuda-sm90 against the plugin of this build: it is asked what it supports, which needs neither a device nor a driver.
#include "test/conformance/TargetTable.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <dlfcn.h>

int main(int count, char **words) {
  testing::InitGoogleTest(&count, words);
  void *plugin = dlopen(DSRT_CUDA_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  auto get = plugin ? reinterpret_cast<dsrt_backend_get_function>(dlsym(plugin, "dsrt_backend_get")) : nullptr;
  if (!get) {
    fprintf(stderr, "cannot load the cuda backend: %s\n", dlerror());
    return 1;
  }
  dsrt::conformance::registerTargetTable("cuda-sm90", get());
  return RUN_ALL_TESTS();
}

// A plugin for tests: the backend for tests under the name "cuda", so that what ds-run does with a device is seen without one. The
// environment says what the device is like: FAKE_MEMORY, bytes that are free; FAKE_NO_DEVICE, anything: it cannot start.
//
// Variants are compiled with -D: FAKE_ABI, FAKE_NAME, FAKE_NO_TABLE.
#include "test/runtime/launcher/FakeBackend.h"

#include "dsrt/dsrt_abi.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#ifndef FAKE_ABI
#define FAKE_ABI DSRT_ABI_HASH
#endif
#ifndef FAKE_NAME
#define FAKE_NAME "cuda"
#endif

namespace {

int32_t create(const dsrt_backend_options *options, void **state, char *message, size_t size) {
  if (getenv("FAKE_NO_DEVICE") || options->device > 1) {
    snprintf(message, size, "there is no device %d", options->device);
    return DSRT_UNAVAILABLE;
  }
  fake::State *made = new fake::State;
  if (const char *bytes = getenv("FAKE_MEMORY"))
    made->memory.free = strtoull(bytes, nullptr, 10);
  *state = made;
  return DSRT_OK;
}

void destroy(void *state) { delete static_cast<fake::State *>(state); }

int32_t describe(void *, char *text, size_t size) {
  snprintf(text, size, "%s", R"({"device":"a device for tests","devices":2,"memory_bytes":1073741824,"driver":"13.0"})");
  return DSRT_OK;
}

int32_t supports(dsrt_op, const int32_t *, int32_t) { return 1; }

int32_t fillRandom(void *, const dsrt_weight *weight, uint64_t) {
  memset(const_cast<void *>(weight->data), 0, size_t(weight->experts * weight->rows * weight->cols) * sizeof(float));
  return DSRT_OK;
}

} // namespace

extern "C" __attribute__((visibility("default"))) const dsrt_backend *dsrt_backend_get() {
  static const dsrt_backend plugin = [] {
    dsrt_backend table = *fake::queuedBackend();
    table.name = FAKE_NAME, table.abi_hash = FAKE_ABI;
    table.create = create, table.destroy = destroy, table.describe = describe, table.supports = supports, table.fill_random = fillRandom;
    return table;
  }();
#ifdef FAKE_NO_TABLE
  return nullptr;
#endif
  return &plugin;
}

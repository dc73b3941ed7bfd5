// The C interface that artifacts and backends link against: dsrt_<operation> for each row of the table, from a call of the
// artifact to a slot of the backend, and the two functions of a context. They stand in one file so that a program that links
// a backend has all of them; the program exports them to the artifacts that it opens.
#include "runtime/launcher/Context.h"

#include "dsrt/dsrt_calls.h"

#include <cstdarg>

extern "C" void *dsrt_context_state(dsrt_context *context) { return context->state; }

extern "C" int32_t dsrt_context_fail(dsrt_context *context, int32_t code, const char *pattern, ...) {
  va_list arguments, again;
  va_start(arguments, pattern);
  va_copy(again, arguments);
  int length = vsnprintf(nullptr, 0, pattern, arguments);
  va_end(arguments);
  std::string text(length > 0 ? length : 0, '\0');
  if (length > 0)
    vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  context->message = context->site < 0 ? text : context->describe(context->site) + ": " + text;
  return code;
}

namespace {

/// What a grouped product has written of a result [rows, columns]: rows offsets[first] .. offsets[first + experts]. The others stay as they
/// were, and may hold anything.
dsrt::WrittenResult writtenByExperts(dsrt_context *context, const void *data, int64_t columns, int32_t dtype, const int32_t *offsets,
                                     int64_t first, int64_t experts) {
  if (!context->checkFinite)
    return {data, 0, dtype};
  int32_t begin = 0, end = 0;
  const dsrt_backend *backend = context->backend;
  if (backend->synchronize(context->state) != DSRT_OK ||
      backend->copy_out(context->state, &begin, offsets + first, sizeof begin) != DSRT_OK ||
      backend->copy_out(context->state, &end, offsets + first + experts, sizeof end) != DSRT_OK)
    return {data, 0, dtype};
  int64_t size = dtype == DSRT_F32 ? 4 : 2; // results of products are F32, BF16 or F16
  return {static_cast<const char *>(data) + begin * columns * size, (end - begin) * columns, dtype};
}

} // namespace

extern "C" {
#include "dsrt/dsrt_stubs.inc"
}

// What stands around each call of an artifact: failures get the name of the call, --trace its times, --check-finite its values.
#include "runtime/launcher/Context.h"

#include "runtime/numerics/Codecs.h"

#include <cstring>

using namespace dsrt;

std::string dsrt_context::describe(int32_t index) const {
  if (!sites || index < 0 || index >= int64_t(sites->size()))
    return format("site %d", index);
  const ManifestSite &named = (*sites)[index];
  return named.path + " (" + named.operation + ")";
}

Status dsrt_context::status(int32_t code) const {
  if (code == DSRT_OK)
    return {};
  return {dsrt_code(code), message.empty() ? describe(site) + ": the backend failed without a message" : message};
}

Status dsrt_context::backendStatus(int32_t code, const char *what) const {
  if (code == DSRT_OK)
    return {};
  std::string text = std::string("the ") + backend->name + " backend cannot " + what;
  const char *reason = backend->message ? backend->message(state) : "";
  if (*reason)
    text += std::string(": ") + reason;
  return {dsrt_code(code), text};
}

namespace {

template <typename Bits> int64_t firstWithExponent(const void *data, int64_t count, Bits exponent) {
  const uint8_t *bytes = static_cast<const uint8_t *>(data);
  for (int64_t i = 0; i < count; ++i) {
    Bits bits;
    memcpy(&bits, bytes + i * sizeof(Bits), sizeof(Bits));
    if ((bits & exponent) == exponent)
      return i;
  }
  return -1;
}

} // namespace

int64_t dsrt::firstNotFinite(const void *data, int64_t count, int32_t dtype) {
  switch (dtype) {
  case DSRT_F32:
    return firstWithExponent<uint32_t>(data, count, 0x7f800000u);
  case DSRT_BF16:
    return firstWithExponent<uint16_t>(data, count, 0x7f80u);
  case DSRT_F16:
    return firstWithExponent<uint16_t>(data, count, 0x7c00u);
  case DSRT_F8E4M3: // no infinity; 0x7f and 0xff are NaN
    return firstWithExponent<uint8_t>(data, count, 0x7fu);
  case DSRT_F8E5M2:
    return firstWithExponent<uint8_t>(data, count, 0x7cu);
  case DSRT_UE8M0: // no infinity; 0xff is NaN
    return firstWithExponent<uint8_t>(data, count, 0xffu);
  }
  return -1;
}

namespace {

/// Whether the trace takes its times from the backend's queue.
bool marksTrace(const dsrt_context &context) { return context.trace && context.backend->queue; }

int32_t failed(dsrt_context *context, int32_t code, const char *what) {
  return dsrt_context_fail(context, code, "%s", context->backendStatus(code, what).message().c_str());
}

void addToTrace(dsrt_context &context, int32_t site, uint64_t begin, uint64_t end) {
  bool named = context.sites && site >= 0 && site < int64_t(context.sites->size());
  context.trace->add(named ? (*context.sites)[site].operation : "call", named ? (*context.sites)[site].path : "", begin, end);
}

} // namespace

int32_t dsrt::traceBegin(dsrt_context *context) {
  if (!marksTrace(*context))
    return DSRT_OK;
  context->traced.clear();
  context->callBegin = context->trace->now();
  return context->backend->queue->mark(context->state, firstTraceMark);
}

int32_t dsrt::traceEnd(dsrt_context *context) {
  if (!marksTrace(*context))
    return DSRT_OK;
  // The call at index i stands between the marks 2i + 1 and 2i + 2; the first mark is when the host began.
  const dsrt_backend_queue &queue = *context->backend->queue;
  for (size_t i = 0; i < context->traced.size(); ++i) {
    double begin = 0, end = 0;
    int32_t mark = firstTraceMark + 2 * int32_t(i) + 1;
    int32_t code = queue.elapsed(context->state, firstTraceMark, mark, &begin);
    if (code == DSRT_OK)
      code = queue.elapsed(context->state, firstTraceMark, mark + 1, &end);
    if (code != DSRT_OK)
      return code;
    addToTrace(*context, context->traced[i], context->callBegin + uint64_t(begin * 1e6), context->callBegin + uint64_t(end * 1e6));
  }
  return DSRT_OK;
}

int32_t dsrt::beforeCall(dsrt_context *context, int32_t site) {
  context->site = site;
  if (context->cancelled && context->cancelled->load(std::memory_order_relaxed))
    return dsrt_context_fail(context, DSRT_REJECTED, "the run was ended before this operation");
  if (marksTrace(*context)) {
    int32_t code = context->backend->queue->mark(context->state, firstTraceMark + 2 * int32_t(context->traced.size()) + 1);
    return code == DSRT_OK ? code : failed(context, code, "mark the begin of the operation");
  }
  if (context->trace)
    context->callBegin = context->trace->now();
  return DSRT_OK;
}

int32_t dsrt::afterCall(dsrt_context *context, int32_t site, int32_t code, std::initializer_list<WrittenResult> results) {
  if (code != DSRT_OK)
    return code;
  if (marksTrace(*context)) {
    context->traced.push_back(site);
    if ((code = context->backend->queue->mark(context->state, firstTraceMark + 2 * int32_t(context->traced.size()))) != DSRT_OK)
      return failed(context, code, "mark the end of the operation");
  } else if (context->trace) {
    addToTrace(*context, site, context->callBegin, context->trace->now());
  }
  // Its values are there after a wait, and what failed while it ran is known then, and was this call.
  if (!context->checkFinite)
    return DSRT_OK;
  if ((code = context->backend->synchronize(context->state)) != DSRT_OK)
    return failed(context, code, "finish the operation");
  for (const WrittenResult &result : results) {
    if (result.count <= 0 || result.dtype == DSRT_I32 || elementBytes(result.dtype) == 0) // integers and halves of bytes are finite
      continue;
    context->copied.resize(size_t(result.count) * elementBytes(result.dtype));
    if ((code = context->backend->copy_out(context->state, context->copied.data(), result.data, context->copied.size())) != DSRT_OK)
      return failed(context, code, "copy the result for --check-finite");
    int64_t element = firstNotFinite(context->copied.data(), result.count, result.dtype);
    if (element >= 0)
      return dsrt_context_fail(context, DSRT_NOT_FINITE,
                               "expects finite values, but element %lld of the result is not: this is the first operation that made one",
                               (long long)element);
  }
  return DSRT_OK;
}

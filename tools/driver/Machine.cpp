// The order of checks is the order of what they cost: the manifest, the backend, the checkpoint's headers, memory, and then bytes.
#include "tools/driver/Machine.h"

#include "runtime/launcher/Memory.h"
#include "runtime/launcher/Progress.h"

#include <algorithm>
#include <chrono>
#include <sched.h>
#include <unistd.h>

using namespace dsmlir;
using namespace dsrt;

int32_t dsmlir::threadsOrAll(int32_t threads) {
  cpu_set_t set;
  return threads > 0 ? threads : sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

Expected<std::unique_ptr<Machine>> Machine::open(const std::string &path, const MachineOptions &options) {
  auto machine = std::make_unique<Machine>();
  machine->options = options;
  Expected<Artifact> artifact = Artifact::open(path);
  if (!artifact)
    return artifact.status();
  machine->artifact = std::move(*artifact);
  const std::string &name = machine->artifact->backendName();
  if (!options.backend.empty() && options.backend != name)
    return Status(DSRT_UNAVAILABLE, path + ": the artifact is compiled for " + machine->manifest().target +
                                        " and does not run on --backend " + options.backend + "; compile it with another --target");
  Expected<const dsrt_backend *> backend = findBackend(name);
  if (!backend)
    return Status(backend.status().code(), path + ": " + backend.status().message());
  Expected<std::unique_ptr<Device>> device =
      Device::open(*backend, {options.threads, options.device, options.algorithms,
                              options.algorithmsFile.empty() ? nullptr : options.algorithmsFile.c_str()});
  if (!device)
    return device.status();
  machine->device = std::move(*device);
  dsrt_context &context = machine->device->context;
  context.cancelled = options.cancelled;
  context.checkFinite = options.checkFinite;
  context.trace = options.trace ? &machine->events : nullptr;
  return machine;
}

namespace {

/// Whether the parts fit: on a backend with memory of its own, what is resident there, and the rest on the host.
Status checkMemoryOf(const dsrt_context &context, const MemoryNeed &need, bool madeInPlace) {
  if (!context.backend->memory)
    return checkMemory(need, availableMemory());
  dsrt_memory memory = {};
  if (Status status = context.backendStatus(context.backend->memory(context.state, &memory), "say how much memory is free"); !status.ok())
    return status;
  MemoryNeed there, here;
  there.weights = need.weights, there.cache = need.cache, there.arena = need.arena;
  if (Status status = checkMemory(there, memory.free, "memory of the device"); !status.ok())
    return status;
  here.results = need.results, here.workspace = madeInPlace ? 0 : need.workspace;
  return checkMemory(here, availableMemory());
}

} // namespace

Status Machine::prepare(const Checkpoint *checkpoint, int64_t slots, int64_t length, uint64_t results) {
  int32_t threads = threadsOrAll(options.threads);
  if (checkpoint)
    if (Status status = checkWeights(manifest(), *checkpoint); !status.ok())
      return status;
  Expected<WeightsMemory> need = measureWeights(manifest(), threads);
  if (!need)
    return need.status();
  MemoryNeed &memory = parts;
  memory = {};
  memory.weights = need->resident;
  memory.workspace = need->workspace;
  memory.arena = std::max(manifest().prefill.arenaBytes, manifest().decode.arenaBytes);
  memory.results = results;
  if (!cacheBytes(manifest(), slots, length, memory.cache))
    memory.cache = UINT64_MAX;
  dsrt_context &context = device->context;
  if (Status status = checkMemoryOf(context, memory, !checkpoint && context.backend->fill_random); !status.ok())
    return status;
  if (Status status = artifact->load(); !status.ok())
    return status;

  auto begin = std::chrono::steady_clock::now();
  uint64_t traceBegin = events.now();
  Progress progress(options.work, isatty(STDERR_FILENO));
  LoadOptions load{context.backend, context.state, threads, [&](uint64_t done, uint64_t total) { progress.update(done, total); },
                   context.cancelled};
  Expected<std::unique_ptr<ResidentWeights>> loaded =
      checkpoint ? loadWeights(manifest(), *checkpoint, load) : randomWeights(manifest(), load);
  if (!loaded)
    return loaded.status();
  weights = std::move(*loaded);
  loading = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  if (context.trace)
    events.add("load weights", "", traceBegin, events.now());

  Expected<std::unique_ptr<Session>> session = Session::create(*artifact, *weights, context, {slots, length, !options.withoutGraphs});
  if (!session)
    return session.status();
  running = std::move(*session);
  return {};
}

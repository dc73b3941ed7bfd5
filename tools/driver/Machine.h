// What every tool that runs artifacts sets up alike: artifact, backend, memory check, weights, session, trace.
#pragma once

#include "runtime/launcher/Artifact.h"
#include "runtime/launcher/Backends.h"
#include "runtime/launcher/Memory.h"
#include "runtime/launcher/Session.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace dsmlir {

struct MachineOptions {
  std::string backend; ///< empty: the artifact's
  int32_t threads = 0, device = 0;
  bool checkFinite = false;
  bool trace = false;
  bool withoutGraphs = false; ///< decode steps as graphs, where the backend has them, unless true
  dsrt_algorithm_mode algorithms = DSRT_ALGORITHMS_RULE;
  std::string algorithmsFile;                   ///< empty: the backend's own
  const std::atomic<bool> *cancelled = nullptr; ///< once true, loading and the next call fail
  std::string work = "loading";                 ///< what the progress line says while weights are loaded
};

/// An artifact on a device. Members are in the order in which they must go.
class Machine {
public:
  /// Opens the artifact and finds its backend; nothing of the artifact has run yet.
  static dsrt::Expected<std::unique_ptr<Machine>> open(const std::string &artifact, const MachineOptions &options);

  /// Checks the memory, loads the weights (random ones where `checkpoint` is null) and makes a session of `slots` rows of `length`
  /// positions. \param results  bytes of logits that the caller keeps
  dsrt::Status prepare(const dsrt::Checkpoint *checkpoint, int64_t slots, int64_t length, uint64_t results);

  const dsrt::Manifest &manifest() const { return artifact->manifest(); }
  dsrt::Session &session() { return *running; }
  dsrt::Trace &trace() { return events; }
  double loadMilliseconds() const { return loading; }
  uint64_t weightBytes() const { return parts.weights; }
  /// Whether the calls that follow go into the trace.
  void setTrace(bool on) { device->context.trace = on ? &events : nullptr; }
  /// What was asked for, by part.
  const dsrt::MemoryNeed &memory() const { return parts; }
  const dsrt_context &context() const { return device->context; }

private:
  dsrt::Trace events;
  std::optional<dsrt::Artifact> artifact;
  std::unique_ptr<dsrt::Device> device;
  std::unique_ptr<dsrt::ResidentWeights> weights;
  std::unique_ptr<dsrt::Session> running;
  MachineOptions options;
  double loading = 0;
  dsrt::MemoryNeed parts;
};

/// Threads that 0 stands for: what the process may use.
int32_t threadsOrAll(int32_t threads);

} // namespace dsmlir

// An artifact is a file only until it has been loaded: whatever ends a run leaves none behind.
#include "tools/ds-compile/sensitivity/PolicyRun.h"

#include "runtime/launcher/Comparison.h"
#include "runtime/launcher/Progress.h"
#include "runtime/launcher/Scoring.h"
#include "runtime/launcher/Text.h"
#include "runtime/launcher/TokenInput.h"
#include "runtime/support/Hash.h"
#include "tools/ds-compile/Compile.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <unistd.h>

using namespace dsmlir;
using dsrt::Expected;
using dsrt::Json;
using dsrt::Status;

Expected<Sample> Sample::read(const SensitivityOptions &options) {
  Sample sample;
  Expected<dsrt::TokenRows> rows = dsrt::TokenRows{dsrt::bytesToTokens(options.prompt)};
  if (!options.input.empty())
    rows = dsrt::readTokens(options.input, options.inputTensor, sample.length);
  if (!rows)
    return rows.status();
  sample.rows = std::move(*rows);
  if (options.rows > 0 && int64_t(sample.rows.size()) > options.rows)
    sample.rows.resize(size_t(options.rows));
  sample.length = 0;
  for (std::vector<int32_t> &row : sample.rows) {
    if (options.length > 0 && int64_t(row.size()) > options.length)
      row.resize(size_t(options.length));
    sample.length = std::max(sample.length, int64_t(row.size()));
    sample.tokens += int64_t(row.size());
  }
  return sample;
}

Expected<std::unique_ptr<Machine>> PolicyRuns::compile(const Json &policy, const std::string &progress) {
  CompileOptions compile;
  compile.model = options.compile.model;
  compile.limits = options.compile.limits;
  // What runs is what the policy says when it is read from a file.
  if (Status status = readConfig(policy, "the policy of a group", compile.precision); !status.ok())
    return Status(DSRT_INTERNAL, status.message());
  folder = std::make_unique<dsrt::TemporaryFolder>();
  if (Status status = folder->status(); !status.ok())
    return status;
  compile.output = folder->path + "/policy.dsx";
  if (Status status = compileArtifact(compile); !status.ok())
    return status;
  MachineOptions device;
  device.threads = options.threads;
  device.cancelled = cancelled;
  device.work = progress + "loading";
  return Machine::open(compile.output, device);
}

Status PolicyRuns::prepare(Machine &machine, uint64_t results) {
  int64_t slots = std::min<int64_t>(int64_t(sample.rows.size()), machine.manifest().maxSequences);
  Status status = machine.prepare(&weights, slots, sample.length, results);
  folder.reset();
  return status;
}

Status PolicyRuns::forward(Machine &machine, const std::string &progress, const dsrt::LogitsSink &sink) {
  dsrt::Progress line(progress + "running", isatty(STDERR_FILENO), "tokens");
  uint64_t done = 0;
  line.update(0, uint64_t(sample.tokens));
  return machine.session().forward(sample.rows, dsrt::Wanted::All, dsrt::Phase::Prefill,
                                   [&](int64_t row, int64_t position, const float *values) -> Status {
                                     Status status = sink(row, position, values);
                                     line.update(++done, uint64_t(sample.tokens));
                                     return status;
                                   });
}

Expected<dsrt::Manifest> PolicyRuns::compileBaseline(const Json &policy) {
  Expected<std::unique_ptr<Machine>> machine = compile(policy, "baseline: ");
  if (!machine)
    return machine.status();
  baseline = std::move(*machine);
  if (options.input.empty())
    if (Status status = dsrt::checkBytes(options.weights, baseline->manifest().vocabulary); !status.ok())
      return status;
  if (Status status = dsrt::checkTokens(sample.rows, baseline->manifest()); !status.ok())
    return status;
  if (Status status = dsrt::checkWeights(baseline->manifest(), weights); !status.ok())
    return status;
  return baseline->manifest();
}

Expected<dsrt::Manifest> PolicyRuns::describe(const Json &policy) {
  Expected<std::unique_ptr<Machine>> machine = compile(policy, "");
  folder.reset();
  return machine ? Expected<dsrt::Manifest>((*machine)->manifest()) : machine.status();
}

Status PolicyRuns::runBaseline(const std::string &progress) {
  int64_t vocabulary = baseline->manifest().vocabulary;
  uint64_t bytes = 0;
  if (!dsrt::tensorBytes(dsrt::FileType::F32, {int64_t(sample.rows.size()), sample.length, vocabulary}, bytes))
    return {DSRT_OUT_OF_MEMORY, "the logits take more bytes than 64 bits can count; give a smaller --limit"};
  if (Status status = prepare(*baseline, bytes); !status.ok())
    return status;
  logits.assign(bytes / sizeof(float), 0);
  residentBytes = baseline->weightBytes();
  Status status = forward(*baseline, progress, [&](int64_t row, int64_t position, const float *values) -> Status {
    memcpy(logits.data() + (row * sample.length + position) * vocabulary, values, size_t(vocabulary) * sizeof(float));
    return {};
  });
  baseline.reset();
  if (status.code() == DSRT_NOT_FINITE)
    return {DSRT_NOT_FINITE, "the baseline, with nothing in low precision: " + status.message()};
  return status;
}

Expected<Measurement> PolicyRuns::run(const Json &policy, const std::string &progress) {
  Expected<std::unique_ptr<Machine>> compiled = compile(policy, progress);
  if (!compiled)
    return compiled.status();
  Machine &machine = **compiled;
  if (Status status = prepare(machine, 0); !status.ok())
    return status;
  int64_t vocabulary = machine.manifest().vocabulary;
  dsrt::Comparison comparison(logits.data(), sample.length, vocabulary, sample.rows);
  double divergences = 0;
  Status status = forward(machine, progress, [&](int64_t row, int64_t position, const float *values) -> Status {
    comparison.add(row, position, values);
    divergences += dsrt::divergence(logits.data() + (row * sample.length + position) * vocabulary, values, vocabulary);
    return {};
  });
  Measurement measurement{comparison.whole(), divergences / double(sample.tokens), machine.weightBytes()};
  if (status.code() == DSRT_NOT_FINITE)
    measurement.distance = measurement.divergence = std::numeric_limits<double>::infinity();
  else if (!status.ok())
    return status;
  return measurement;
}

std::string PolicyRuns::logitsHash() const {
  dsrt::Hash hash;
  hash.raw(logits.data(), logits.size() * sizeof(float));
  return hash.text();
}

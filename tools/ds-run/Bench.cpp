// What is measured is what ds-run does: generate() on a session, after one run that is not counted.
#include "tools/ds-run/Bench.h"

#include "runtime/launcher/Generation.h"
#include "runtime/support/Json.h"
#include "tools/driver/CommandLine.h"
#include "tools/driver/Machine.h"

#include <algorithm>

using namespace dsmlir;
using namespace dsrt;

namespace {

struct BenchOptions {
  std::string artifact, weights;
  int64_t batch = 1, context = 128, newTokens = 32;
  int32_t threads = 0;
};

/// The value below which `part` of the sorted values lie (nearest rank).
double percentile(const std::vector<double> &sorted, double part) {
  return sorted.empty() ? 0 : sorted[std::min(sorted.size() - 1, size_t(part * double(sorted.size())))];
}

Expected<std::string> measure(const BenchOptions &options) {
  MachineOptions device;
  device.threads = options.threads;
  Expected<std::unique_ptr<Machine>> machine = Machine::open(options.artifact, device);
  if (!machine)
    return machine.status();
  const Manifest &manifest = (*machine)->manifest();
  int64_t length = options.context + options.newTokens;
  if (length > manifest.maxLength)
    return Status(DSRT_REJECTED,
                  format("--context and --new-tokens expect at most %lld positions together, but got %lld; compile with --max-length %lld",
                         (long long)manifest.maxLength, (long long)length, (long long)length));
  std::optional<Checkpoint> checkpoint;
  if (!options.weights.empty()) {
    Expected<Checkpoint> opened = Checkpoint::open(options.weights);
    if (!opened)
      return opened.status();
    checkpoint = std::move(*opened);
  }
  int64_t slots = std::min(options.batch, manifest.maxSequences);
  if (Status status = (*machine)->prepare(checkpoint ? &*checkpoint : nullptr, slots, length, 0); !status.ok())
    return status;

  TokenRows rows(options.batch);
  for (int64_t row = 0; row < options.batch; ++row)
    for (int64_t position = 0; position < options.context; ++position)
      rows[row].push_back(int32_t(uniformFor(0, row, position) * double(manifest.vocabulary)));
  GenerationOptions generation;
  generation.stop.maxNewTokens = options.newTokens;
  generation.stop.maxLength = manifest.maxLength;
  Expected<GenerationResult> result = generate((*machine)->session(), rows, generation); // caches and thread pools fill
  if (result)
    result = generate((*machine)->session(), rows, generation);
  if (!result)
    return result.status();

  std::vector<double> steps = result->stepMilliseconds;
  std::sort(steps.begin(), steps.end());
  auto rate = [](int64_t tokens, double milliseconds) { return milliseconds > 0 ? double(tokens) / milliseconds * 1e3 : 0; };
  Json json = {{"target", manifest.target},
               {"weights", options.weights.empty() ? "random" : "checkpoint"},
               {"weight_bytes", (*machine)->weightBytes()},
               {"threads", threadsOrAll(options.threads)},
               {"batch", options.batch},
               {"context", options.context},
               {"new_tokens", options.newTokens},
               {"load_ms", (*machine)->loadMilliseconds()},
               {"prefill",
                {{"tokens", result->prefillTokens},
                 {"ms", result->prefillMilliseconds},
                 {"tokens_per_second", rate(result->prefillTokens, result->prefillMilliseconds)}}},
               {"decode",
                {{"tokens", result->decodeTokens},
                 {"ms", result->decodeMilliseconds},
                 {"tokens_per_second", rate(result->decodeTokens, result->decodeMilliseconds)},
                 {"step_ms", {{"p50", percentile(steps, 0.5)}, {"p90", percentile(steps, 0.9)}, {"p99", percentile(steps, 0.99)}}}}}};
  return json.dump() + "\n";
}

} // namespace

int dsmlir::bench(int argc, const char *const *argv) {
  BenchOptions options;
  CommandLine line("ds-run bench", "Measures prefill and decode of an artifact; results as JSON on stdout.");
  CLI::App &app = line.app();
  app.add_option("artifact", options.artifact, "the artifact, OUT.dsx")->required();
  app.add_option("--weights", options.weights, "the Hugging Face folder (random weights where none is given)");
  app.add_option("--batch", options.batch, "rows (1)")->check(CLI::Range(int64_t(1), int64_t(1) << 20));
  app.add_option("--context", options.context, "tokens of each prompt (128)")->check(CLI::Range(int64_t(1), int64_t(INT32_MAX)));
  app.add_option("--new-tokens", options.newTokens, "tokens that each row gets (32)")->check(CLI::Range(int64_t(1), int64_t(INT32_MAX)));
  app.add_option("--threads", options.threads, "0: what the process may use")->check(CLI::Range(0, 4096));
  if (std::optional<int> code = line.parse(argc, argv))
    return *code;
  Expected<std::string> result = measure(options);
  Status status = result ? printResult(*result) : result.status();
  return status.ok() ? 0 : reportError(status);
}

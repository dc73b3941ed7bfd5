// What is measured is what ds-run does: generate() on a session, after a run that is not counted. On a device, decode steps follow one
// another without the host: their times are the device's, and what a step asks of the host is counted.
#include "tools/ds-run/Bench.h"

#include "dsrt/dsrt_abi.h"
#include "runtime/launcher/Generation.h"
#include "runtime/support/Json.h"
#include "runtime/support/OutputFile.h"
#include "tools/driver/CommandLine.h"
#include "tools/driver/Machine.h"
#include "tools/ds-run/Options.h"

#include <algorithm>
#include <filesystem>

using namespace dsmlir;
using namespace dsrt;

namespace {

struct BenchOptions {
  std::string artifact, weights, trace;
  int64_t batch = 1, context = 128, newTokens = 32, repeat = 3;
  MachineOptions machine;
};

/// The value below which `part` of the sorted values lie (nearest rank).
double percentile(const std::vector<double> &sorted, double part) {
  return sorted.empty() ? 0 : sorted[std::min(sorted.size() - 1, size_t(part * double(sorted.size())))];
}

Json percentiles(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {{"p50", percentile(values, 0.5)}, {"p90", percentile(values, 0.9)}, {"p99", percentile(values, 0.99)}};
}

double rate(int64_t tokens, double milliseconds) { return milliseconds > 0 ? double(tokens) / milliseconds * 1e3 : 0; }

class Benchmark {
public:
  explicit Benchmark(const BenchOptions &options) : options(options) {}

  Expected<std::string> operator()() {
    if (Status status = prepare(); !status.ok())
      return status;
    // Not counted: caches and thread pools fill, kernels load, the first decode steps become graphs.
    Expected<GenerationResult> result = run(std::min<int64_t>(options.newTokens, 6));
    std::vector<double> prefills;
    for (int64_t i = 1; result && i < options.repeat; ++i) {
      result = run(1);
      if (result)
        prefills.push_back(result->prefillMilliseconds);
    }
    if (result)
      result = run(options.newTokens);
    if (!result)
      return result.status();
    prefills.push_back(result->prefillMilliseconds);

    Json json = {{"target", machine->manifest().target},
                 {"abi", DSRT_ABI_HASH},
                 {"weights", options.weights.empty() ? "random" : "checkpoint"},
                 {"weight_bytes", machine->weightBytes()},
                 {"threads", threadsOrAll(options.machine.threads)},
                 {"batch", options.batch},
                 {"context", options.context},
                 {"new_tokens", options.newTokens},
                 {"load_ms", machine->loadMilliseconds()}};
    if (Status status = describe(json); !status.ok())
      return status;
    Json prefill = percentiles(prefills);
    json["prefill"] = {{"tokens", result->prefillTokens},
                       {"ms", prefill["p50"]},
                       {"call_ms", prefill},
                       {"tokens_per_second", rate(result->prefillTokens, prefill["p50"].get<double>())}};
    json["decode"] = {{"tokens", result->decodeTokens},
                      {"ms", result->decodeMilliseconds},
                      {"tokens_per_second", rate(result->decodeTokens, result->decodeMilliseconds)},
                      {"step_ms", percentiles(result->stepMilliseconds)}};
    if (result->countedSteps > 0) {
      auto each = [&](int64_t all) { return double(all) / double(result->countedSteps); };
      json["decode"]["per_step"] = {{"steps", result->countedSteps},
                                    {"operations_outside_graphs", each(result->counted.operations)},
                                    {"graph_launches", each(result->counted.graphs)},
                                    {"host_synchronisations", each(result->counted.waits)},
                                    {"copies_to_device", each(result->counted.copies_in)},
                                    {"copies_to_host", each(result->counted.copies_out)}};
    }
    if (Status status = trace(); !status.ok())
      return status;
    return json.dump() + "\n";
  }

private:
  Status prepare() {
    Expected<std::unique_ptr<Machine>> opened = Machine::open(options.artifact, options.machine);
    if (!opened)
      return opened.status();
    machine = std::move(*opened);
    const Manifest &manifest = machine->manifest();
    int64_t length = options.context + options.newTokens;
    if (length > manifest.maxLength)
      return {DSRT_REJECTED,
              format("--context and --new-tokens expect at most %lld positions together, but got %lld; compile with --max-length %lld",
                     (long long)manifest.maxLength, (long long)length, (long long)length)};
    std::error_code ignored;
    if (!options.trace.empty() && !std::filesystem::is_fifo(options.trace, ignored))
      if (Expected<OutputFile> file = OutputFile::create(options.trace); !file)
        return file.status();
    if (!options.weights.empty()) {
      Expected<Checkpoint> read = Checkpoint::open(options.weights);
      if (!read)
        return read.status();
      checkpoint = std::move(*read);
    }
    for (int64_t row = 0; row < options.batch; ++row) {
      rows.emplace_back();
      for (int64_t position = 0; position < options.context; ++position)
        rows.back().push_back(int32_t(uniformFor(0, row, position) * double(manifest.vocabulary)));
    }
    return machine->prepare(checkpoint ? &*checkpoint : nullptr, std::min(options.batch, manifest.maxSequences), length, 0);
  }

  Expected<GenerationResult> run(int64_t newTokens) {
    GenerationOptions generation;
    generation.stop.maxNewTokens = newTokens;
    generation.stop.maxLength = machine->manifest().maxLength;
    return generate(machine->session(), rows, generation);
  }

  /// The device, and its memory by part.
  Status describe(Json &json) {
    const dsrt_context &context = machine->context();
    const MemoryNeed &parts = machine->memory();
    uint64_t planned = parts.weights + parts.cache + parts.arena;
    json["memory"] = {{"weights", parts.weights}, {"cache", parts.cache}, {"arena", parts.arena}, {"planned", planned}};
    if (context.backend->describe) {
      char text[1024] = "";
      if (int32_t code = context.backend->describe(context.state, text, sizeof text); code != DSRT_OK)
        return context.backendStatus(code, "describe the device");
      Expected<Json> device = parseJson(text, "the device's description");
      if (!device)
        return device.status();
      json["device"] = *device;
    }
    if (context.backend->memory) {
      dsrt_memory memory = {};
      if (int32_t code = context.backend->memory(context.state, &memory); code != DSRT_OK)
        return context.backendStatus(code, "say how much memory is used");
      json["memory"]["used"] = memory.used;
      json["memory"]["used_to_planned"] = double(memory.used) / double(std::max<uint64_t>(planned, 1));
    }
    return {};
  }

  /// Once more with the times of every operation, which a graph would hide.
  Status trace() {
    if (options.trace.empty())
      return {};
    machine->setTrace(true);
    if (Expected<GenerationResult> result = run(std::min<int64_t>(options.newTokens, 4)); !result)
      return result.status();
    return machine->trace().write(options.trace);
  }

  const BenchOptions &options;
  std::optional<Checkpoint> checkpoint;
  std::unique_ptr<Machine> machine;
  TokenRows rows;
};

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
  app.add_option("--repeat", options.repeat, "prefills that are measured (3)")->check(CLI::Range(int64_t(1), int64_t(1) << 20));
  app.add_option("--trace", options.trace, "writes a Perfetto trace of every operation, of one more run that is not counted");
  addMachineOptions(app, options.machine, "Run");
  if (std::optional<int> code = line.parse(argc, argv))
    return *code;
  Expected<std::string> result = Benchmark(options)();
  Status status = result ? printResult(*result) : result.status();
  return status.ok() ? 0 : reportError(status);
}

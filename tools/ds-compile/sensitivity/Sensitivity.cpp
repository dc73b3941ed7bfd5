// The order of the work: what can be refused without running anything, the baseline, everything, each group, then the search for a
// proposal. Every measurement goes through the measurement file, so that each of these steps goes on where an earlier run ended.
#include "tools/ds-compile/sensitivity/Sensitivity.h"

#include "passes/precision/PrecisionFile.h"
#include "passes/precision/Selection.h"
#include "runtime/support/Hash.h"
#include "runtime/support/OutputFile.h"
#include "tools/driver/CommandLine.h"
#include "tools/driver/Interrupt.h"
#include "tools/ds-compile/Compile.h"
#include "tools/ds-compile/sensitivity/PolicyRun.h"
#include "tools/ds-compile/sensitivity/Proposal.h"
#include "tools/ds-compile/sensitivity/Result.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace dsmlir;
using dsrt::Expected;
using dsrt::format;
using dsrt::Json;
using dsrt::Status;

namespace {

std::string hashOf(const std::string &text) {
  dsrt::Hash hash;
  hash << text;
  return hash.text();
}

/// Names, types, shapes and places of all tensors.
std::string hashOf(const dsrt::Checkpoint &weights) {
  dsrt::Hash hash;
  for (const auto &[name, tensor] : weights.tensors()) {
    hash << name << int64_t(tensor.type) << int64_t(tensor.shape.size());
    for (int64_t extent : tensor.shape)
      hash << extent;
    hash << int64_t(tensor.begin) << int64_t(tensor.end) << int64_t(tensor.file);
  }
  return hash.text();
}

std::string hashOf(const Sample &sample) {
  dsrt::Hash hash;
  for (const std::vector<int32_t> &row : sample.rows)
    (hash << int64_t(row.size())).raw(row.data(), row.size() * sizeof(int32_t));
  return hash.text();
}

/// Whether a policy in the IR says anything.
bool policyInIR(const PrecisionOptions &options) {
  auto ofPolicy = [](const Origin &origin) { return origin.source == Origin::Source::Policy; };
  for (const OptionDescriptor &option : optionTable()) {
    bool found = std::visit(
        [&](auto member) {
          const auto &stored = options.*member;
          if constexpr (requires { stored.origin; })
            return stored.origin && ofPolicy(*stored.origin);
          else
            return std::any_of(stored.begin(), stored.end(), [&](const auto &selection) { return ofPolicy(selection.origin); });
        },
        option.storage);
    if (found)
      return true;
  }
  return false;
}

/// Resident bytes of the modules, from a plan's operations; a share each where an operation is of several.
std::map<std::string, uint64_t> bytesOfModules(const Json &plan) {
  std::map<std::string, uint64_t> bytes;
  for (const Json &operation : plan["operations"]) {
    std::vector<std::string> paths = pathsOfOperation(operation["path"].get<std::string>());
    for (const std::string &path : paths)
      bytes[path] = operation["parameter"]["bytes"].get<uint64_t>() / paths.size();
  }
  return bytes;
}

class Sensitivity {
public:
  Sensitivity(const SensitivityOptions &options, const std::atomic<bool> *interrupted) : options(options), interrupted(interrupted) {}

  Status run() {
    if (Status status = resolve(); !status.ok())
      return status;
    if (Status status = prepare(); !status.ok())
      return status;
    if (Status status = measureGroups(); !status.ok())
      return status;
    if (options.valueBudget || options.bytesBudget)
      if (Status status = propose(); !status.ok())
        return status;
    return printResult(options.asJson ? result.json().dump(1) + "\n" : result.text());
  }

  /// Measurements that the file keeps.
  size_t kept() const { return measurements ? measurements->size() : 0; }

private:
  /// Which modules are in question, and in which groups.
  Status resolve() {
    Expected<Resolution> resolved = resolveModel(options.compile);
    if (!resolved)
      return resolved.status();
    resolution = std::move(*resolved);
    members = lowBitModules(*resolution);
    if (members.empty())
      return {DSRT_USAGE,
              "nothing is in low precision under these options, so there is nothing to measure: give --fp8, --fp4, --precision-recipe, "
              "--compute-lowbit-mode, --fp8-param or --fp4-param"};
    if (!options.policyOut.empty() && policyInIR(resolution->options))
      return {DSRT_REJECTED, options.compile.model +
                                 ": ds.model has a policy of its own, to which a precision file only adds: take policy(...) out of "
                                 "it, and give what it says as options"};
    groups = groupModules(resolution->modules(), members, options.groupBy);
    return {};
  }

  /// Everything up to the baseline's logits.
  Status prepare() {
    // What cannot be written is known before the work, not after it.
    if (!options.policyOut.empty())
      if (Expected<dsrt::OutputFile> file = dsrt::OutputFile::create(options.policyOut); !file)
        return file.status();
    Expected<Sample> read = Sample::read(options);
    if (!read)
      return read.status();
    sample = std::move(*read);
    Expected<dsrt::Checkpoint> opened = dsrt::Checkpoint::open(options.weights);
    if (!opened)
      return opened.status();
    weights = std::move(*opened);
    runs.emplace(options, *weights, sample, interrupted);

    Json nothing = configJson(optionsForSelection(*resolution, {}));
    Json baseline = options.baseline.empty() ? nothing : configJson(optionsForDtype(options.baseline));
    Expected<dsrt::Manifest> manifest = runs->compileBaseline(baseline);
    if (!manifest)
      return manifest.status();
    const ProgramLimits &limits = options.compile.limits;
    std::string calls = format(" %lld %lld %lld", (long long)limits.maxTokens, (long long)limits.maxSequences, (long long)limits.maxLength);
    Expected<std::string> tool = options.state.empty() ? std::string() : dsrt::readFile("/proc/self/exe", UINT64_MAX);
    if (!tool)
      return tool.status();
    Expected<std::unique_ptr<MeasurementFile>> file = MeasurementFile::open(
        options.state, {hashOf(*tool), manifest->source, hashOf(*weights), hashOf(sample), hashOf(baseline.dump() + calls)});
    if (!file)
      return file.status();
    measurements = std::move(*file);
    if (Status status = runs->runBaseline("baseline: "); !status.ok())
      return status;
    if (Status status = measurements->setBaseline(runs->logitsHash()); !status.ok())
      return status;

    result.metric = options.metric;
    result.baseline = options.baseline.empty() ? "nothing in low precision" : "everything in " + options.baseline;
    result.rows = int64_t(sample.rows.size());
    result.tokens = sample.tokens;
    if (!options.baseline.empty())
      return measureNothing(nothing);
    result.nothing = {0, 0, runs->baselineBytes()};
    moduleBytes = bytesOfModules(manifest->plan);
    return {};
  }

  /// Where the baseline is another run.
  Status measureNothing(const Json &policy) {
    Expected<dsrt::Manifest> manifest = runs->describe(policy);
    if (!manifest)
      return manifest.status();
    moduleBytes = bytesOfModules(manifest->plan);
    Expected<Measurement> measured = measure(policy, "nothing", "nothing: ");
    if (!measured)
      return measured.status();
    result.nothing = *measured;
    return {};
  }

  /// From the file, or by a run.
  Expected<Measurement> measure(const Json &policy, const std::string &name, const std::string &progress) {
    std::string key = hashOf(policy.dump());
    if (std::optional<Measurement> known = measurements->find(key))
      return *known;
    if (interrupted->load())
      return Status(DSRT_REJECTED, "interrupted");
    Expected<Measurement> measured = runs->run(policy, progress);
    if (!measured)
      return Status(measured.status().code(), measured.status().message().empty() ? "" : name + ": " + measured.status().message());
    if (Status status = measurements->add(key, name, *measured); !status.ok())
      return status;
    return measured;
  }

  Expected<GroupResult> measureAlone(const std::string &name, const std::vector<uint32_t> &modules, const std::string &progress) {
    Expected<Measurement> measured = measure(configJson(optionsForSelection(*resolution, modules)), name, progress);
    if (!measured)
      return measured.status();
    GroupResult group{name, modules.size(), 0, 0, *measured};
    for (uint32_t module : modules)
      group.bytesBefore += moduleBytes[resolution->modules()[module].path];
    group.bytesAfter = group.bytesBefore + measured->bytes - result.nothing.bytes; // modulo 2^64: a group may save or cost
    return group;
  }

  Status measureGroups() {
    size_t number = 0, count = groups.size() + 1;
    auto progress = [&](const std::string &name) { return format("[%zu/%zu] %s: ", ++number, count, name.c_str()); };
    Expected<GroupResult> everything = measureAlone("everything", members, progress("everything"));
    if (!everything)
      return everything.status();
    result.everything = std::move(*everything);
    for (const ModuleGroup &group : groups) {
      Expected<GroupResult> measured = measureAlone(group.name, group.modules, progress(group.name));
      if (!measured)
        return measured.status();
      result.groups.push_back(std::move(*measured));
    }
    return {};
  }

  std::vector<uint32_t> modulesOf(const Choice &choice) const {
    std::vector<uint32_t> modules;
    for (size_t group : choice)
      modules.insert(modules.end(), groups[group].modules.begin(), groups[group].modules.end());
    std::sort(modules.begin(), modules.end());
    return modules;
  }

  Outcome outcomeOf(const Measurement &measurement) const { return {result.value(measurement), measurement.bytes}; }

  Status propose() {
    // Squares of distances of independent errors add up, and so do small divergences, which are quadratic in the error. What is there with
    // nothing in low precision is no group's.
    auto cost = [&](const Measurement &measurement) {
      double value = result.value(measurement), floor = result.value(result.nothing);
      return std::max(0.0, options.metric == Metric::Distance ? value * value - floor * floor : value - floor);
    };
    std::vector<Candidate> candidates;
    for (const GroupResult &group : result.groups)
      candidates.push_back(
          {result.value(group.measurement), cost(group.measurement), int64_t(result.nothing.bytes) - int64_t(group.measurement.bytes)});
    size_t tried = 0;
    auto measureChoice = [&](const Choice &choice) -> Expected<Outcome> {
      std::string name = format("%zu groups", choice.size());
      Expected<Measurement> measured = measure(configJson(optionsForSelection(*resolution, modulesOf(choice))), name,
                                               format("[search %zu] %s: ", ++tried, name.c_str()));
      return measured ? Expected<Outcome>(outcomeOf(*measured)) : measured.status();
    };
    Expected<std::optional<Proposal>> proposal =
        options.valueBudget ? proposeForValue(candidates, outcomeOf(result.nothing), *options.valueBudget, measureChoice)
                            : proposeForBytes(candidates, outcomeOf(result.nothing), *options.bytesBudget, measureChoice);
    if (!proposal)
      return proposal.status();
    if (!*proposal)
      return tooTight(candidates);

    Json policy = configJson(optionsForSelection(*resolution, modulesOf((*proposal)->chosen)));
    Measurement measured = (*proposal)->chosen.empty() ? result.nothing : *measurements->find(hashOf(policy.dump()));
    result.valueBudget = options.valueBudget;
    result.bytesBudget = options.bytesBudget;
    result.proposal = {(*proposal)->chosen, measured, policy};
    if (options.policyOut.empty())
      return {};
    if (Status status = dsrt::writeFile(options.policyOut, policy.dump(2) + "\n"); !status.ok())
      return status;
    fprintf(stderr, "wrote %s\n", options.policyOut.c_str());
    return {};
  }

  /// No policy keeps the budget: the numbers.
  Status tooTight(const std::vector<Candidate> &candidates) const {
    if (options.valueBudget)
      return {DSRT_REJECTED,
              format("--budget-distance %g cannot be kept: with nothing in low precision the distance from the baseline is %g",
                     *options.valueBudget, result.value(result.nothing))};
    uint64_t least = result.nothing.bytes;
    for (const Candidate &candidate : candidates)
      if (candidate.saved > 0 && std::isfinite(candidate.cost))
        least -= uint64_t(candidate.saved);
    return {DSRT_REJECTED,
            format("--budget-bytes %llu cannot be kept: with everything that saves bytes in low precision the weights take %llu bytes, "
                   "with nothing %llu",
                   (unsigned long long)*options.bytesBudget, (unsigned long long)least, (unsigned long long)result.nothing.bytes)};
  }

  const SensitivityOptions &options;
  const std::atomic<bool> *interrupted;
  std::optional<Resolution> resolution;
  std::vector<uint32_t> members; ///< in low precision, as the options have it
  std::vector<ModuleGroup> groups;
  Sample sample;
  std::optional<dsrt::Checkpoint> weights;
  std::optional<PolicyRuns> runs;
  std::unique_ptr<MeasurementFile> measurements;
  std::map<std::string, uint64_t> moduleBytes; ///< with nothing in low precision
  SensitivityResult result;
};

} // namespace

int dsmlir::sensitivity(int argc, const char *const *argv) {
  SensitivityOptions options;
  if (std::optional<int> code = parseSensitivityOptions(argc, argv, options))
    return *code;
  Interrupt interrupt;
  size_t kept = 0;
  Status status;
  {
    Sensitivity work(options, interrupt.asked());
    status = work.run();
    kept = work.kept();
  }
  if (!status.ok() && interrupt.asked()->load()) {
    if (options.state.empty())
      fprintf(stderr, "error: interrupted; with --state FILE the same command would go on from here\n");
    else
      fprintf(stderr, "error: interrupted; %s keeps %zu measurements, and the same command goes on from there\n", options.state.c_str(),
              kept);
    interrupt.end();
  }
  if (status.ok())
    return DSRT_OK;
  // An empty message: diagnostics have said it.
  return status.message().empty() ? int(status.code()) : reportError(status);
}

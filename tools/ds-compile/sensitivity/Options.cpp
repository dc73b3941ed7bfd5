// Options of `ds-compile sensitivity` on CLI11; the precision options and the memory plan's are those of ds-compile.
#include "tools/ds-compile/sensitivity/Options.h"

#include "tools/driver/CommandLine.h"

#include <cmath>
#include <filesystem>
#include <map>

using namespace dsmlir;
using dsrt::Status;

namespace {

const std::map<std::string, GroupBy> groupings = {
    {"module", GroupBy::Module}, {"projection", GroupBy::Projection}, {"block", GroupBy::Block}, {"kind", GroupBy::Kind}};

/// A folder that has weights in it.
bool hasWeights(const std::string &folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder + "/model.safetensors.index.json", ignored) ||
         std::filesystem::exists(folder + "/model.safetensors", ignored);
}

/// What the options must be together.
Status check(const SensitivityOptions &options) {
  if (options.input.empty() == options.prompt.empty())
    return {DSRT_USAGE, std::string("expects one of --input and --prompt, but got ") + (options.input.empty() ? "none" : "both")};
  if (options.input.empty() && options.inputTensor != "input_ids")
    return {DSRT_USAGE, "--input-tensor expects --input beside it"};
  if (options.valueBudget && options.bytesBudget)
    return {DSRT_USAGE, "--budget-distance and --budget-bytes each leave the other one free: give one of them"};
  if (options.valueBudget && (!std::isfinite(*options.valueBudget) || *options.valueBudget < 0))
    return {DSRT_USAGE, "--budget-distance expects a number from 0"};
  if (!options.policyOut.empty() && !options.valueBudget && !options.bytesBudget)
    return {DSRT_USAGE, "-o writes the proposed policy: it expects --budget-distance or --budget-bytes beside it"};
  if (!options.policyOut.empty() && options.policyOut == options.state)
    return {DSRT_USAGE, "--state and -o both write '" + options.state + "': give each a file of its own"};
  if (options.weights.empty())
    return {DSRT_USAGE, "expects --weights FOLDER: " + options.compile.model + " is no folder with weights in it"};
  return {};
}

} // namespace

std::optional<int> dsmlir::parseSensitivityOptions(int argc, const char *const *argv, SensitivityOptions &options) {
  CommandLine line("ds-compile sensitivity",
                   "Measures what low precision does to a model's output, module by module: the distance of the logits when each group of\n"
                   "modules alone computes or is stored as the precision options say, from those with nothing in low precision. Under a\n"
                   "budget it proposes a policy, and measures it.");
  CLI::App &app = line.app();
  app.get_formatter()->column_width(44);
  CLI::Validator named([](const std::string &text) { return std::string(text.empty() ? "expects a path, but got an empty one" : ""); }, "");
  std::string precisionConfig, grouping = "projection", metric = "distance", output = "text";
  double valueBudget = 0;
  uint64_t bytesBudget = 0;

  app.add_option("model", options.compile.model, "a Hugging Face folder, a config.json, or an .mlir file")
      ->required()
      ->check(named)
      ->type_name("MODEL");
  app.add_option("--weights", options.weights, "the Hugging Face folder of the weights, or one .safetensors file (MODEL)")
      ->check(named)
      ->type_name("FOLDER");
  app.add_option("--threads", options.threads, "results do not depend on it (0: what the process may use)")
      ->check(CLI::Range(0, 4096))
      ->type_name("N");
  app.add_option("--state", options.state, "keeps every measurement in FILE; the same command goes on from there after an interruption")
      ->check(named)
      ->type_name("FILE");
  app.add_option("--output", output, "the result: a table, or JSON (text)")->check(CLI::IsMember({"text", "json"}));

  app.add_option("--input", options.input,
                 "a safetensors file with token rows: I32 or I64 [batch, length], and I32 'lengths' [batch] for ragged rows")
      ->check(named)
      ->type_name("FILE")
      ->group("Sample");
  app.add_option("--prompt", options.prompt, "text of one row instead; bytes, where the vocabulary is 256 and there is no tokenizer.json")
      ->type_name("TEXT")
      ->group("Sample");
  app.add_option("--input-tensor", options.inputTensor, "the tensor of --input (input_ids)")->type_name("NAME")->group("Sample");
  app.add_option("--limit", options.rows, "the first N rows alone")->check(CLI::Range(1, INT32_MAX))->type_name("N")->group("Sample");
  app.add_option("--limit-length", options.length, "the first N tokens of each row alone")
      ->check(CLI::Range(1, INT32_MAX))
      ->type_name("N")
      ->group("Sample");

  app.add_option("--group-by", grouping,
                 "what goes into low precision together: a module, a projection of a block with all of its experts, a block, or a kind of "
                 "projection in all blocks (projection)")
      ->check(CLI::IsMember({"module", "projection", "block", "kind"}))
      ->group("Measurement");
  app.add_option("--metric", metric,
                 "what is called distance: ||a - b|| / ||b|| over all logits, or the mean Kullback-Leibler divergence of a token, nats "
                 "(distance)")
      ->check(CLI::IsMember({"distance", "divergence"}))
      ->group("Measurement");
  app.add_option("--baseline", options.baseline,
                 "measures distances from a run with everything in this dtype (default: from the dtypes that the precision options leave "
                 "where nothing is in low precision)")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16"}))
      ->group("Measurement");

  CLI::Option *value =
      app.add_option("--budget-distance", valueBudget, "proposes what saves the most bytes within this distance, in the metric")
          ->type_name("X")
          ->group("Budget (one of)");
  CLI::Option *bytes =
      app.add_option("--budget-bytes", bytesBudget, "proposes what is nearest to the baseline within these bytes of weights")
          ->check(CommandLine::count())
          ->type_name("N")
          ->group("Budget (one of)");
  app.add_option("-o,--policy-out", options.policyOut, "writes the proposed policy, for --precision-config")
      ->check(named)
      ->type_name("POLICY.json")
      ->group("Budget (one of)");
  addLimitOptions(app, options.compile.limits);
  addPrecisionOptions(app, options.compile.precision, precisionConfig);

  if (std::optional<int> code = line.parse(argc, argv))
    return code;
  options.groupBy = groupings.at(grouping);
  options.metric = metric == "distance" ? Metric::Distance : Metric::Divergence;
  options.asJson = output == "json";
  if (value->count())
    options.valueBudget = valueBudget;
  if (bytes->count())
    options.bytesBudget = bytesBudget;
  if (options.weights.empty() && hasWeights(options.compile.model))
    options.weights = options.compile.model;
  if (Status status = check(options); !status.ok())
    return reportError(status);
  if (Status status = readPrecisionConfig(precisionConfig, options.compile.precision); !status.ok())
    return reportError(status);
  return std::nullopt;
}

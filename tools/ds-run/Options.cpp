// The command line of `ds-run OUT.dsx`, as docs and --help describe it.
#include "tools/ds-run/Options.h"

#include "runtime/launcher/TokenInput.h"
#include "tools/driver/CommandLine.h"

#include <cmath>
#include <map>

using namespace dsmlir;
using dsrt::Status;

namespace {

/// What several options together must not be. `given` says whether an option stood on the command line.
template <typename Given> Status checkCombination(const Given &given, const RunOptions &options) {
  auto usage = [](const std::string &message) { return Status(DSRT_USAGE, message); };
  auto only = [&](const char *option, const char *with) -> std::string {
    return given(option) && !given(with) ? std::string(option) + " expects " + with + " beside it" : "";
  };
  int inputs = int(given("--tokens")) + given("--input") + given("--prompt") + given("--score");
  if (inputs != 1)
    return usage(std::string("expects one of --tokens, --input, --prompt and --score, but got ") +
                 (inputs ? std::to_string(inputs) : "none"));
  for (auto [option, with] : {std::pair("--input-tensor", "--input"),
                              {"--score-tensor", "--score"},
                              {"--compare-tensor", "--compare"},
                              {"--compare-tolerance", "--compare"}})
    if (std::string message = only(option, with); !message.empty())
      return usage(message);
  if (given("--score"))
    for (const char *other : {"--max-new-tokens", "--logits-out", "--compare", "--output", "--temperature", "--top-k", "--top-p", "--seed",
                              "--stop-id", "--ignore-eos"})
      if (given(other))
        return usage(std::string("--score computes the cross entropy alone: it takes no ") + other);
  bool sampled = given("--temperature") || given("--top-k") || given("--top-p");
  if (given("--seed") && !sampled)
    return usage("--seed expects sampling: give --temperature, --top-k or --top-p as well");
  if (options.maxNewTokens == 0)
    for (const char *other : {"--temperature", "--top-k", "--top-p", "--stop-id", "--ignore-eos"})
      if (given(other))
        return usage(std::string(other) + " speaks of generation, but no token is to be generated: give --max-new-tokens");
  if (options.asText && (options.maxNewTokens == 0 || given("--compare")))
    return usage("--output text prints generated text: it expects --max-new-tokens above 0 and no --compare");
  return {};
}

} // namespace

void dsmlir::addMachineOptions(CLI::App &app, MachineOptions &options, const std::string &group) {
  app.add_option("--threads", options.threads, "results do not depend on it (0: what the process may use)")
      ->check(CLI::Range(0, 4096))
      ->group(group);
  app.add_option("--device", options.device, "number of the device (0)")->check(CLI::Range(0, 1023))->group(group);
  app.add_flag("--no-graphs", options.withoutGraphs, "on a GPU, queues each operation of a decode step instead of one CUDA graph")
      ->group(group);
  static const std::map<std::string, dsrt_algorithm_mode> modes = {
      {"rule", DSRT_ALGORITHMS_RULE}, {"measure", DSRT_ALGORITHMS_MEASURE}, {"repeat", DSRT_ALGORITHMS_REPEAT}};
  app.add_option("--algorithms", options.algorithms,
                 "on a GPU, the kernel of each product: by rule, the fastest (measured once and kept in a file), or as in that file (rule)")
      ->transform(CLI::CheckedTransformer(modes))
      ->option_text("rule|measure|repeat")
      ->group(group);
  app.add_option("--algorithms-file", options.algorithmsFile, "the file of --algorithms (one in the user's cache)")->group(group);
}

std::optional<int> dsmlir::parseRunOptions(int argc, const char *const *argv, RunOptions &options) {
  CommandLine line("ds-run", "Runs an artifact of ds-compile on tokens: logits, cross entropy, generation.\n"
                             "ds-run doctor says what this machine can run; ds-run bench measures an artifact.");
  CLI::App &app = line.app();
  app.get_formatter()->column_width(36);
  CLI::Validator named([](const std::string &text) { return std::string(text.empty() ? "expects a path, but got an empty one" : ""); }, "");
  std::string tokens, input, prompt, scored, scoreTensor = "input_ids", output = "json", phase = "prefill";
  app.add_option("artifact", options.artifact, "the artifact, OUT.dsx")->required()->check(named);
  app.add_option("--weights", options.weights, "the Hugging Face folder of the model, or one .safetensors file")->required()->check(named);

  app.add_option("--tokens", tokens, "token ids of one row: 1,2,3")->group("Input (one of)");
  app.add_option("--input", input,
                 "a safetensors file with the rows: I32 or I64 [batch, length], and I32 'lengths' [batch] for ragged rows")
      ->check(named)
      ->group("Input (one of)");
  app.add_option("--prompt", prompt, "text; bytes where the vocabulary is 256 and there is no tokenizer.json")->group("Input (one of)");
  app.add_option("--score", scored, "as --input; prints the cross entropy in nats, by row and mean, and the perplexity")
      ->check(named)
      ->group("Input (one of)");
  app.add_option("--input-tensor", options.inputTensor, "the tensor of --input (input_ids)")->group("Input (one of)");
  app.add_option("--score-tensor", scoreTensor, "the tensor of --score (input_ids)")->group("Input (one of)");
  app.add_option("--read-with", phase,
                 "the program that reads the input: prefill in chunks, or decode token by token through the cache (prefill)")
      ->check(CLI::IsMember({"prefill", "decode"}))
      ->group("Input (one of)");

  app.add_option("--max-new-tokens", options.maxNewTokens, "tokens to generate (16, or 0 with --logits-out or --compare)")
      ->check(CLI::Range(int64_t(0), int64_t(INT32_MAX)))
      ->group("Generation");
  app.add_option("--temperature", options.sampling.temperature,
                 "samples, with logits divided by it (1; without any sampling option the likeliest token is taken)")
      ->group("Generation");
  app.add_option("--top-k", options.sampling.topK, "samples from the K likeliest tokens")
      ->check(CLI::Range(int64_t(1), int64_t(INT32_MAX)))
      ->group("Generation");
  app.add_option("--top-p", options.sampling.topP, "samples from the fewest tokens whose probabilities sum to P")->group("Generation");
  app.add_option("--seed", options.sampling.seed, "of sampling (0)")->check(CommandLine::count())->group("Generation");
  app.add_option("--stop-id", options.stopIds, "a token that ends a row, beside the folder's own (repeatable)")
      ->allow_extra_args(false)
      ->check(CLI::Range(0, INT32_MAX))
      ->group("Generation");
  app.add_flag("--ignore-eos", options.ignoreEndOfSequence, "the folder's eos_token_id does not end a row")->group("Generation");
  app.add_option("--output", output, "json, or the generated text, streamed for one row (json)")
      ->check(CLI::IsMember({"json", "text"}))
      ->group("Generation");

  app.add_option("--logits-out", options.logitsOut,
                 "writes tensor 'logits' F32 [batch, length, vocabulary] of the input; padding of ragged rows is 0")
      ->check(named)
      ->group("Logits");
  app.add_option("--compare", options.compare,
                 "a safetensors file with reference logits: prints distances ||a - b|| / ||b||; exit code 1 above the tolerance")
      ->check(named)
      ->group("Logits");
  app.add_option("--compare-tensor", options.compareTensor, "the tensor of --compare (logits)")->group("Logits");
  app.add_option("--compare-tolerance", options.compareTolerance, "for the distance over all logits (1e-5)")->group("Logits");

  app.add_option("--trace", options.trace, "writes a Perfetto trace of every operation")->check(named)->group("Run");
  app.add_option("--backend", options.machine.backend, "cpu or cuda (the artifact's)")->check(CLI::IsMember({"cpu", "cuda"}))->group("Run");
  addMachineOptions(app, options.machine, "Run");
  app.add_option("--deadline", options.deadlineSeconds, "seconds; a run that takes longer ends with exit code 1")->group("Run");
  app.add_flag("--check-finite", options.machine.checkFinite,
               "checks the result of every operation; the first that is not finite ends the run with exit code 77")
      ->group("Run");

  if (std::optional<int> code = line.parse(argc, argv))
    return code;

  auto given = [&](const char *option) { return app.count(option) > 0; };
  if (!given("--max-new-tokens"))
    options.maxNewTokens = given("--logits-out") || given("--compare") || given("--score") ? 0 : 16;
  options.asText = output == "text";
  options.machine.trace = !options.trace.empty();
  options.promptPhase = phase == "decode" ? dsrt::Phase::Decode : dsrt::Phase::Prefill;
  options.sampling.greedy = !given("--temperature") && !given("--top-k") && !given("--top-p");
  options.input = given("--tokens")   ? InputKind::Tokens
                  : given("--input")  ? InputKind::File
                  : given("--prompt") ? InputKind::Prompt
                                      : InputKind::Score;
  options.inputValue = given("--tokens") ? tokens : given("--input") ? input : given("--prompt") ? prompt : scored;
  if (options.input == InputKind::Score)
    options.inputTensor = scoreTensor;

  Status status = checkCombination(given, options);
  auto range = [&](bool fits, const char *message) {
    if (status.ok() && !fits)
      status = Status(DSRT_USAGE, message);
  };
  range(std::isfinite(options.sampling.temperature) && options.sampling.temperature > 0,
        "--temperature expects a number above 0; leave the sampling options out for the likeliest token");
  range(options.sampling.topP > 0 && options.sampling.topP <= 1, "--top-p expects a number above 0 and at most 1");
  range(options.compareTolerance >= 0, "--compare-tolerance expects a number from 0");
  range(!given("--deadline") || (options.deadlineSeconds > 0 && options.deadlineSeconds <= 1e9),
        "--deadline expects seconds above 0 and at most 1e9");
  if (!status.ok())
    return reportError(status);
  return std::nullopt;
}

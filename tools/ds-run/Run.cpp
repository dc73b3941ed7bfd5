// One run: rows in, then scores, logits, a comparison or new tokens out. What is printed comes last, when everything is known,
// but for streamed text.
#include "tools/ds-run/Run.h"

#include "runtime/launcher/Comparison.h"
#include "runtime/launcher/Deadline.h"
#include "runtime/launcher/Generation.h"
#include "runtime/launcher/Memory.h"
#include "runtime/launcher/Scoring.h"
#include "runtime/launcher/Text.h"
#include "runtime/launcher/TokenInput.h"
#include "runtime/support/OutputFile.h"
#include "tools/driver/CommandLine.h"
#include "tools/driver/Machine.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <unistd.h>

using namespace dsmlir;
using namespace dsrt;

namespace {

struct Input {
  TokenRows rows;
  int64_t paddedLength = 0; ///< of the logits: the longest row, or the input tensor's length
};

Expected<Input> readInput(const RunOptions &options, const Manifest &manifest) {
  Input input;
  Expected<TokenRows> rows = TokenRows{bytesToTokens(options.inputValue)};
  if (options.input == InputKind::Prompt) {
    if (Status status = checkBytes(options.weights, manifest.vocabulary); !status.ok())
      return status;
  } else {
    rows = options.input == InputKind::Tokens ? parseTokens(options.inputValue)
                                              : readTokens(options.inputValue, options.inputTensor, input.paddedLength);
    if (!rows)
      return rows.status();
  }
  input.rows = std::move(*rows);
  if (options.input == InputKind::Tokens || options.input == InputKind::Prompt)
    input.paddedLength = input.rows[0].size();
  Status status = checkTokens(input.rows, manifest, options.input == InputKind::Score ? 2 : 1);
  return status.ok() ? Expected<Input>(std::move(input)) : Expected<Input>(status);
}

/// Text as it is generated: at once for one row; for several, row after row, each closed by a line feed.
class TextPrinter {
public:
  explicit TextPrinter(size_t rows) : streams(rows), waiting(rows) {}

  Status add(int64_t row, int32_t token) {
    char byte = char(token);
    std::string shown = streams[row].push({&byte, 1});
    if (streams.size() == 1)
      return printResult(shown);
    waiting[row] += shown;
    return {};
  }
  Status finish() {
    std::string text;
    for (size_t row = 0; row < streams.size(); ++row)
      text += waiting[row] + streams[row].finish() + (streams.size() > 1 ? "\n" : "");
    // Alone the text is byte for byte what was generated; a terminal's prompt begins a line of its own.
    if (streams.size() == 1 && isatty(STDOUT_FILENO))
      text += "\n";
    return printResult(text);
  }

private:
  std::vector<Utf8Stream> streams;
  std::vector<std::string> waiting;
};

Json finishReasons(const std::vector<FinishReason> &reasons) {
  Json names = Json::array();
  for (FinishReason reason : reasons)
    names.push_back(name(reason));
  return names;
}

Json timings(const Machine &machine, const GenerationResult &result) {
  return {{"load_ms", machine.loadMilliseconds()},
          {"prefill_ms", result.prefillMilliseconds},
          {"prefill_tokens", result.prefillTokens},
          {"decode_ms", result.decodeMilliseconds},
          {"decode_tokens", result.decodeTokens}};
}

class Run {
public:
  Run(const RunOptions &options, bool &differs)
      : options(options), differs(differs), deadline(options.deadlineSeconds, 2, [this] { onHang(); }) {}

  Status operator()() {
    Status status = prepareAndRun();
    if (!status.ok() && deadline.expired()->load())
      return {DSRT_REJECTED, lateMessage() + ": " + status.message()};
    return status;
  }

private:
  Status prepareAndRun() {
    MachineOptions device = options.machine;
    device.cancelled = deadline.expired();
    Expected<std::unique_ptr<Machine>> opened = Machine::open(options.artifact, device);
    if (!opened)
      return opened.status();
    machine = std::move(*opened);
    const Manifest &manifest = machine->manifest();

    Expected<Input> read = readInput(options, manifest);
    if (!read)
      return read.status();
    input = std::move(*read);
    if (options.asText)
      if (Status status = checkBytes(options.weights, manifest.vocabulary); !status.ok())
        return status;
    if (Status status = readStopRule(); !status.ok())
      return status;
    std::vector<int64_t> shape = {int64_t(input.rows.size()), input.paddedLength, manifest.vocabulary};
    if (!options.compare.empty()) {
      Expected<std::vector<float>> tensor = readF32(options.compare, options.compareTensor, shape);
      if (!tensor)
        return tensor.status();
      reference = std::move(*tensor);
    }
    // What cannot be written is known before the work, not after it. The reader of a pipe would take this look for all there is.
    std::error_code ignored;
    for (const std::string &path : {options.logitsOut, options.trace})
      if (!path.empty() && !std::filesystem::is_fifo(path, ignored))
        if (Expected<OutputFile> file = OutputFile::create(path); !file)
          return file.status();
    Expected<Checkpoint> checkpoint = Checkpoint::open(options.weights);
    if (!checkpoint)
      return checkpoint.status();

    int64_t slots = std::min<int64_t>(input.rows.size(), manifest.maxSequences), length = 1;
    for (const std::vector<int32_t> &row : input.rows)
      length = std::max<int64_t>(length, int64_t(row.size()) + stop.roomFor(row.size()));
    uint64_t kept = 0;
    if (!options.logitsOut.empty())
      if (!tensorBytes(FileType::F32, shape, kept))
        return {DSRT_OUT_OF_MEMORY, "the logits take more bytes than 64 bits can count"};
    if (Status status = machine->prepare(&*checkpoint, slots, length, kept); !status.ok())
      return status;
    logits.resize(kept / sizeof(float)); // zeros: the padding of ragged rows

    Status status = options.input == InputKind::Score ? runScore() : runTokens(shape);
    if (status.ok() && !options.trace.empty())
      status = machine->trace().write(options.trace);
    return status;
  }

  Status readStopRule() {
    stop.maxNewTokens = options.maxNewTokens;
    stop.maxLength = machine->manifest().maxLength;
    stop.ids = options.stopIds;
    for (int32_t id : stop.ids)
      if (id >= machine->manifest().vocabulary)
        return {DSRT_USAGE,
                format("--stop-id expects an id below the vocabulary of %lld, but got %d", (long long)machine->manifest().vocabulary, id)};
    if (options.ignoreEndOfSequence || options.maxNewTokens == 0)
      return {};
    Expected<std::set<int32_t>> ids = readStopIds(options.weights);
    if (!ids)
      return ids.status();
    stop.ids.insert(ids->begin(), ids->end());
    return {};
  }

  Status runScore() {
    Expected<Score> scored = score(machine->session(), input.rows, options.promptPhase);
    if (!scored)
      return scored.status();
    deadline.lift();
    return printResult(scored->json().dump() + "\n");
  }

  Status runTokens(const std::vector<int64_t> &shape) {
    int64_t vocabulary = machine->manifest().vocabulary;
    std::optional<Comparison> comparison;
    if (!options.compare.empty())
      comparison.emplace(reference.data(), input.paddedLength, vocabulary, input.rows);
    std::optional<TextPrinter> text;
    if (options.asText)
      text.emplace(input.rows.size());

    GenerationOptions generation;
    generation.stop = stop;
    generation.sampling = options.sampling;
    generation.promptPhase = options.promptPhase;
    if (comparison || !logits.empty()) {
      generation.wanted = Wanted::All;
      generation.promptLogits = [&](int64_t row, int64_t position, const float *values) -> Status {
        if (comparison)
          comparison->add(row, position, values);
        if (!logits.empty())
          memcpy(logits.data() + (row * input.paddedLength + position) * vocabulary, values, vocabulary * sizeof(float));
        return {};
      };
    }
    if (text)
      generation.onToken = [&](int64_t row, int32_t token) { return text->add(row, token); };

    Expected<GenerationResult> result = generate(machine->session(), input.rows, generation);
    if (!result)
      return result.status();
    deadline.lift();
    if (!options.logitsOut.empty())
      if (Status status = writeSafeTensors(options.logitsOut, {{"logits", FileType::F32, shape, logits.data()}}); !status.ok())
        return status;
    if (text)
      return text->finish();
    Json json = Json::object();
    if (comparison) {
      json = comparison->json(options.compareTolerance);
      differs = !comparison->within(options.compareTolerance);
    }
    if (options.maxNewTokens > 0 || (!comparison && options.logitsOut.empty())) {
      json["sequences"] = result->sequences;
      json["finish_reasons"] = finishReasons(result->reasons);
    }
    json["timings"] = timings(*machine, *result);
    return printResult(json.dump() + "\n");
  }

  std::string lateMessage() const { return format("the run took longer than --deadline of %g s", options.deadlineSeconds); }

  /// On the deadline's thread: an operation or a read does not come back.
  void onHang() const {
    fprintf(stderr, "error: %s, and an operation that it waits for does not return\n", lateMessage().c_str());
    _exit(DSRT_REJECTED);
  }

  const RunOptions &options;
  bool &differs;
  std::unique_ptr<Machine> machine;
  Input input;
  StopRule stop;
  std::vector<float> reference, logits;
  Deadline deadline; ///< last: its thread ends first
};

} // namespace

Status dsmlir::runArtifact(const RunOptions &options, bool &differs) {
  differs = false;
  return Run(options, differs)();
}

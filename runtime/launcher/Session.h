// An artifact with resident weights, an arena and a latent cache: what calls its two entry points.
#pragma once

#include "runtime/launcher/Artifact.h"
#include "runtime/launcher/Context.h"
#include "runtime/launcher/DecodeGraphs.h"
#include "runtime/launcher/Plan.h"
#include "runtime/weights/WeightLoader.h"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace dsrt {

/// Rows of token ids.
using TokenRows = std::vector<std::vector<int32_t>>;

/// Gets the logits F32 [vocabulary] of one token: its row and its position in the row. A status that is not ok ends the run.
using LogitsSink = std::function<Status(int64_t row, int64_t position, const float *logits)>;

/// Gets the greedy token that follows a row.
using GreedySink = std::function<Status(int64_t row, int32_t token)>;

/// Which program reads given tokens: prefill in chunks, or decode one by one, through the cache.
enum class Phase { Prefill, Decode };

/// Bytes of a cache of `slots` rows of `length` positions; false on overflow.
bool cacheBytes(const Manifest &manifest, int64_t slots, int64_t length, uint64_t &bytes);

/// One token a row: ids[i] stands at position starts[i] of slot slots[i]; no slot twice.
struct DecodeRows {
  std::vector<int32_t> ids, slots, starts;
};

class Session {
public:
  struct Options {
    int64_t slots = 1;  ///< rows that are in the cache at a time, at most the artifact's max-sequences
    int64_t length = 1; ///< positions of a row, at most the artifact's max-length
    bool graphs = true; ///< decode steps as graphs, where the backend has them and nothing looks at single operations
  };

  /// Allocates arena and cache. `context` names the backend; artifact, weights and context must outlive the session.
  static Expected<std::unique_ptr<Session>> create(const Artifact &artifact, const ResidentWeights &weights, dsrt_context &context,
                                                   const Options &options);
  ~Session();
  Session(const Session &) = delete;

  const Manifest &manifest() const { return artifact.manifest(); }
  int64_t slots() const { return cache.slots; }

  /// Runs whole rows from position 0, group by group of slots() rows, and hands out the logits that are wanted: those of a row
  /// in order of position. The cache then holds the last group.
  Status forward(const TokenRows &rows, Wanted wanted, Phase phase, const LogitsSink &sink);
  /// The same, handing out the greedy token after each row: logits stay where they are.
  Status forward(const TokenRows &rows, Phase phase, const GreedySink &sink);

  /// One decode step; `sink` gets row i and its position. More rows than a call holds are cut into several calls.
  Status decode(const DecodeRows &rows, const LogitsSink &sink);

  // Greedy steps, which may be queued before the ones before them are done. Tokens are collected in the order of the steps.

  /// Steps that can be queued and not collected. 1: the backend does each step at once.
  int64_t mostSteps() const { return int64_t(stepEntries); }
  Status queueStep(const DecodeRows &rows);
  /// A step of the same rows, each with the token that the last step gave it, one position further: nothing is asked of the host. The
  /// last step must have fitted into one call (`continues`), and no row be at its last position.
  Status continueStep();
  bool continues() const { return lastRows > 0; }
  /// Waits for the oldest step that was not collected: a token a row, and how long the step took on the device.
  Status collectStep(std::vector<int32_t> &tokens, double &milliseconds);

  /// What the backend has done so far; zeros where it does not count.
  dsrt_counters counters() const;

private:
  enum class Answer { Nothing, Logits, Greedy };
  struct Step { ///< queued and not collected
    size_t entry;
    int32_t beginMark;
    std::vector<int32_t> starts;
    double milliseconds; ///< where the backend does not measure it
  };

  Session(const Artifact &artifact, const ResidentWeights &weights, dsrt_context &context)
      : artifact(artifact), weights(weights), context(context), graphs(context) {}

  /// Reads whole rows; `sink` is called after each call of the artifact for each token that was wanted, as its index among those.
  using CallSink = std::function<Status(int64_t row, int64_t position, int64_t index)>;
  Status read(const TokenRows &rows, Wanted wanted, Phase phase, Answer answer, const CallSink &sink);
  /// Rows `firstRow` .. of `rows` in slots 0 ..
  Status runCall(const PrefillCall &call, const TokenRows &rows, int64_t firstRow, Phase phase, Answer answer, const CallSink &sink);

  /// Rows `first` .. `first + count` of a decode step, padded to a graph's number of rows.
  DecodeRows padded(const DecodeRows &rows, int64_t first, int64_t count) const;
  /// Uploads the batch's inputs and queues the call; `answer` is then in the arena, or in greedyIds.
  Status queueCall(Phase phase, const dsrt_batch &batch, Answer answer, bool isStep);
  Status queueDecode(const DecodeRows &rows, int64_t first, int64_t count, Answer answer);
  /// Queues the call whose inputs stand in `inputs` and hostInputs; a decode step of one token a row as a graph where that can be.
  Status launch(Phase phase, int64_t tokens, int64_t rows, int64_t wanted, Answer answer, bool isStep);
  /// Waits for what is queued, and closes the call's trace.
  Status finish(Phase phase, int64_t tokens, int64_t rows);
  /// Logits [wanted, vocabulary] of the last call to the host.
  Status copyLogits(Phase phase, int64_t wanted);
  const float *logitsOf(int64_t index) const { return logits.data() + index * manifest().vocabulary; }
  Status beginStep(bool goesOn, std::vector<int32_t> starts);
  /// Copies the tokens of rows `first` .. `first + count` of the last step.
  Status keepTokens(int64_t first, int64_t count);
  Status endStep();
  Status failedLater(int32_t code) const;
  int32_t *stepTokens(size_t entry) const { return stepMemory + entry * size_t(cache.slots); }
  bool usesGraphs() const { return withGraphs && context.backend->queue && !context.trace && !context.checkFinite; }
  int64_t rowsOfCall() const;
  Status notFinite(const std::string &where) const;

  const Artifact &artifact;
  const ResidentWeights &weights;
  dsrt_context &context;
  DecodeGraphs graphs;
  bool withGraphs = true;
  void *arena = nullptr;
  /// Ids, starts, slots, offsets and wanted tokens of a call (InputLayout), in the backend's memory and on the host.
  void *inputs = nullptr;
  std::vector<int32_t> hostInputs;
  void *greedyIds = nullptr; ///< I32 [max-wanted], in the backend's memory
  dsrt_cache cache = {};
  std::vector<int64_t> filled; ///< positions of each slot that hold tokens
  std::vector<float> logits;   ///< [wanted, vocabulary] of a call, on the host
  std::vector<int32_t> tokens; ///< greedy ones of a call, on the host
  uint64_t callBegin = 0;      ///< in the trace's time

  // A ring of the steps that are queued.
  size_t stepEntries = 1, nextEntry = 0;
  int32_t *stepMemory = nullptr;      ///< [stepEntries, slots] on the host: where queued copies go
  std::vector<int32_t> plainSteps;    ///< its memory where the backend has none of its own
  std::deque<Step> steps;             ///< oldest first
  int64_t lastRows = 0, lastReal = 0; ///< rows of the last step's one call, padding included; rows that were asked for
  int32_t lastEnd = -1;               ///< mark at the end of the last step
  std::chrono::steady_clock::time_point stepBegin;
};

} // namespace dsrt

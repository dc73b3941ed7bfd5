// An artifact with resident weights, an arena and a latent cache: what calls its two entry points.
#pragma once

#include "runtime/launcher/Artifact.h"
#include "runtime/launcher/Context.h"
#include "runtime/launcher/Plan.h"
#include "runtime/weights/WeightLoader.h"

#include <functional>
#include <memory>
#include <vector>

namespace dsrt {

/// Rows of token ids.
using TokenRows = std::vector<std::vector<int32_t>>;

/// Gets the logits F32 [vocabulary] of one token: its row and its position in the row. A status that is not ok ends the run.
using LogitsSink = std::function<Status(int64_t row, int64_t position, const float *logits)>;

/// Which program reads given tokens: prefill in chunks, or decode one by one, through the cache.
enum class Phase { Prefill, Decode };

/// Bytes of a cache of `slots` rows of `length` positions; false on overflow.
bool cacheBytes(const Manifest &manifest, int64_t slots, int64_t length, uint64_t &bytes);

class Session {
public:
  struct Options {
    int64_t slots = 1;  ///< rows that are in the cache at a time, at most the artifact's max-sequences
    int64_t length = 1; ///< positions of a row, at most the artifact's max-length
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

  /// One token a row: token_ids[i] stands at position starts[i] of slot slots[i]. `sink` gets row i and starts[i]. More rows than a call
  /// holds are cut into several calls.
  Status decode(const std::vector<int32_t> &tokenIds, const std::vector<int32_t> &slots, const std::vector<int32_t> &starts,
                const LogitsSink &sink);

private:
  Session(const Artifact &artifact, const ResidentWeights &weights, dsrt_context &context)
      : artifact(artifact), weights(weights), context(context) {}

  /// Rows `firstRow` .. of `rows` in slots 0 ..
  Status runCall(const PrefillCall &call, const TokenRows &rows, int64_t firstRow, Phase phase, const LogitsSink &sink);
  Status run(Phase phase, dsrt_batch batch);
  Status backendStatus(int32_t code, const char *what) const;

  const Artifact &artifact;
  const ResidentWeights &weights;
  dsrt_context &context;
  void *arena = nullptr;
  void *tokenIds = nullptr, *wantedTokens = nullptr; ///< I32, in the backend's memory
  void *rows = nullptr;                              ///< the offsets, slots and starts of a batch, in the backend's memory
  std::vector<int32_t> hostRows;                     ///< the same on the host
  dsrt_cache cache = {};
  std::vector<float> logits; ///< [wanted, vocabulary] of a call, on the host
};

} // namespace dsrt

// What the table's slots other than operations share: the whole state, of which operations see the part in Operations.h, and the slots
// that stand in files of their own. Host code.
#pragma once

#include "runtime/backend/cuda/Operations.h"

#include <mutex>
#include <vector>

namespace dsrt::cuda {

/// Copies from memory of the host that the device cannot read: through pinned pieces that are filled and read in turn, so that the next
/// piece is filled while the device reads the one before.
class Staging {
public:
  ~Staging();
  /// Returns when the source has been read; the copy is ordered with the stream's work. \param waits  counts the times it had to wait
  cudaError_t copyIn(cudaStream_t stream, void *destination, const void *source, size_t bytes, int64_t &waits);

private:
  static constexpr int count = 4;
  static constexpr size_t pieceBytes = size_t(8) << 20;
  struct Piece {
    void *memory = nullptr;
    cudaEvent_t read = nullptr; ///< reached when the device has read the piece
  };
  Piece pieces[count];
  int next = 0;
  std::mutex lock; ///< weights are uploaded from several threads
};

struct Whole : State {
  Staging staging;
  std::vector<cudaEvent_t> marks;
  dsrt_counters counters = {};
  uint64_t freeAtStart = 0; ///< bytes of the device, before anything of ours was allocated
  std::string message;      ///< of the last failure

  /// Keeps what failed; the code to return.
  int32_t result(cudaError_t error, const char *what);
  int32_t result(const Status &status);
};

inline Whole &wholeOf(void *state) { return *static_cast<Whole *>(static_cast<State *>(state)); }

/// Queue.cpp
extern const dsrt_backend_queue queue;
/// Describe.cpp: device, memory, driver and library versions as JSON.
int32_t describe(void *state, char *text, size_t size);
/// Greedy.cu, FillRandom.cu: see the table.
int32_t greedy(void *state, const float *logits, int64_t rows, int64_t vocabulary, int32_t *ids, int32_t *nextIds, int32_t *starts,
               int32_t length);
int32_t fillRandom(void *state, const dsrt_weight *weight, uint64_t seed);

} // namespace dsrt::cuda

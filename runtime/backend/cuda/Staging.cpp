// Uploads through pinned memory.
#include "runtime/backend/cuda/Backend.h"

#include <algorithm>
#include <cstring>

using namespace dsrt::cuda;

Staging::~Staging() {
  for (Piece &piece : pieces) {
    if (piece.read)
      cudaEventDestroy(piece.read);
    if (piece.memory)
      cudaFreeHost(piece.memory);
  }
}

cudaError_t Staging::copyIn(cudaStream_t stream, void *destination, const void *source, size_t bytes, int64_t &waits) {
  std::lock_guard guard(lock);
  for (size_t done = 0; done < bytes;) {
    Piece &piece = pieces[next];
    cudaError_t error = cudaSuccess;
    if (!piece.memory) {
      error = cudaHostAlloc(&piece.memory, pieceBytes, cudaHostAllocDefault);
      if (error == cudaSuccess)
        error = cudaEventCreateWithFlags(&piece.read, cudaEventDisableTiming);
    } else if (error = cudaEventQuery(piece.read); error == cudaErrorNotReady) {
      ++waits;
      error = cudaEventSynchronize(piece.read);
    }
    size_t count = std::min(bytes - done, pieceBytes);
    if (error == cudaSuccess) {
      memcpy(piece.memory, static_cast<const char *>(source) + done, count);
      error = cudaMemcpyAsync(static_cast<char *>(destination) + done, piece.memory, count, cudaMemcpyHostToDevice, stream);
    }
    if (error == cudaSuccess)
      error = cudaEventRecord(piece.read, stream);
    if (error != cudaSuccess)
      return error;
    next = (next + 1) % Staging::count;
    done += count;
  }
  return cudaSuccess;
}

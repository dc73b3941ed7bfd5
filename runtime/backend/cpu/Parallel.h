// Parallel loops of the CPU backend. A loop runs over work items that the caller cuts by the shape of the result alone, never
// by the number of threads, and every item writes results of its own: so any number of threads gives the same bits.
//
// The threads are those of libgomp, the OpenMP runtime that Debian's oneDNN brings: a process has one thread pool. Clang's
// -fopenmp would bring a second one (libomp), so libgomp's entry is called as gcc calls it for `#pragma omp parallel`.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <type_traits>

extern "C" {
// The ABI between gcc and libgomp (libgomp.h): runs body(data) on a team of `threads` threads, the caller among them.
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
int omp_in_parallel(void);
}

namespace dsrt::cpu {

/// Calls fn(item) once for each item in [0, count), on up to `threads` threads (at least 1), and returns when all are done.
/// Idle threads claim items in ascending order, so unequal items balance; which thread runs an item must not matter to
/// what the item computes. `fn` must not throw. A loop inside a loop runs on the thread that meets it.
template <typename Fn> void parallelFor(int threads, int64_t count, Fn &&fn) {
  int64_t team = std::min<int64_t>(threads, count);
  if (team <= 1 || omp_in_parallel()) {
    for (int64_t item = 0; item < count; ++item)
      fn(item);
    return;
  }
  struct Loop {
    std::remove_reference_t<Fn> *fn;
    int64_t count;
    std::atomic<int64_t> next;
  } loop{&fn, count, 0};
  // A team may turn out smaller than asked for (thread limits of the process); claimed items are complete all the same.
  GOMP_parallel(
      [](void *data) {
        Loop &loop = *static_cast<Loop *>(data);
        for (int64_t item; (item = loop.next.fetch_add(1, std::memory_order_relaxed)) < loop.count;)
          (*loop.fn)(item);
      },
      &loop, static_cast<unsigned>(team), 0);
}

} // namespace dsrt::cpu

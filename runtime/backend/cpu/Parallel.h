// Parallel loops of the CPU backend. A loop runs over work items that the caller cuts by the shape of the result alone, never
// by the number of threads, and every item writes results of its own: so any number of threads gives the same bits.
//
// The threads are those of libgomp, the OpenMP runtime that Debian's oneDNN brings: a process has one thread pool. Clang's
// -fopenmp would bring a second one (libomp), so libgomp's entry is called as gcc calls it for `#pragma omp parallel`.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>

extern "C" {
// The ABI between gcc and libgomp (libgomp.h): runs body(data) on a team of `threads` threads, the caller among them.
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
int omp_in_parallel(void);
}

namespace dsrt::cpu {

/// Calls first(item) for each item in [0, firstCount), and when all of these are done second(item) for each in [0, secondCount), on up
/// to `threads` threads (at least 1); returns when all are done. Idle threads claim items in ascending order, so unequal items
/// balance; which thread runs an item must not matter to what the item computes. Neither may throw. A loop inside a loop
/// runs on the thread that meets it.
///
/// One team for both: on a machine that does other work, too, waiting for a team to gather costs more than most loops.
template <typename First, typename Second>
void parallelPhases(int threads, int64_t firstCount, First &&first, int64_t secondCount, Second &&second) {
  int64_t team = std::min<int64_t>(threads, std::max(firstCount, secondCount));
  if (team <= 1 || omp_in_parallel()) {
    for (int64_t item = 0; item < firstCount; ++item)
      first(item);
    for (int64_t item = 0; item < secondCount; ++item)
      second(item);
    return;
  }
  struct Phases {
    std::remove_reference_t<First> *first;
    std::remove_reference_t<Second> *second;
    int64_t firstCount, secondCount;
    std::atomic<int64_t> nextFirst, firstDone, nextSecond;
  } phases{&first, &second, firstCount, secondCount, 0, 0, 0};
  // A team may turn out smaller than asked for (thread limits of the process); claimed items are complete all the same.
  GOMP_parallel(
      [](void *data) {
        Phases &phases = *static_cast<Phases *>(data);
        for (int64_t item; (item = phases.nextFirst.fetch_add(1, std::memory_order_relaxed)) < phases.firstCount;) {
          (*phases.first)(item);
          phases.firstDone.fetch_add(1, std::memory_order_release);
        }
        while (phases.firstDone.load(std::memory_order_acquire) < phases.firstCount)
          std::this_thread::yield();
        for (int64_t item; (item = phases.nextSecond.fetch_add(1, std::memory_order_relaxed)) < phases.secondCount;)
          (*phases.second)(item);
      },
      &phases, static_cast<unsigned>(team), 0);
}

/// One such loop.
template <typename Fn> void parallelFor(int threads, int64_t count, Fn &&fn) {
  parallelPhases(threads, 0, [](int64_t) {}, count, fn);
}

} // namespace dsrt::cpu

// A progress line on stderr while bytes, or anything else that is counted, are worked through, where stderr is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace dsrt {

/// "loading [#########           ]  45 %  1.2 GiB of 2.7 GiB"; with a unit other than bytes (an empty one) "12 of 60 tokens".
std::string progressLine(const std::string &work, uint64_t done, uint64_t total, const std::string &unit = "");

class Progress {
public:
  /// \param visible  false: nothing is drawn
  /// \param unit     what is counted; empty: bytes
  Progress(std::string work, bool visible, std::string unit = "") : work(std::move(work)), unit(std::move(unit)), visible(visible) {}
  ~Progress() { clear(); }

  /// Draws at most ten times a second.
  void update(uint64_t done, uint64_t total);
  /// Takes the line away.
  void clear();

private:
  std::string work, unit;
  bool visible, drawn = false;
  std::chrono::steady_clock::time_point last;
};

} // namespace dsrt

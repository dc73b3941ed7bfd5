// A progress line on stderr while bytes are worked through, where stderr is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace dsrt {

/// "loading [#########           ]  45 %  1.2 GiB of 2.7 GiB"
std::string progressLine(const std::string &work, uint64_t done, uint64_t total);

class Progress {
public:
  /// \param visible  false: nothing is drawn
  Progress(std::string work, bool visible) : work(std::move(work)), visible(visible) {}
  ~Progress() { clear(); }

  /// Draws at most ten times a second.
  void update(uint64_t done, uint64_t total);
  /// Takes the line away.
  void clear();

private:
  std::string work;
  bool visible, drawn = false;
  std::chrono::steady_clock::time_point last;
};

} // namespace dsrt

// --trace: what ran when, as the JSON that Perfetto (ui.perfetto.dev) and chrome://tracing open.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace dsrt {

class Trace {
public:
  /// At most `limit` events are kept (24 bytes each); later ones are counted, and the trace says how many are missing.
  explicit Trace(size_t limit = size_t(8) << 20);

  /// Nanoseconds since the trace began.
  uint64_t now() const;
  /// An event from `begin` to `end`; `path` is the module, empty where there is none.
  void add(const std::string &name, const std::string &path, uint64_t begin, uint64_t end);
  /// Times are in microseconds; events nest by their times.
  std::string json() const;
  Status write(const std::string &path) const;

private:
  struct Event {
    uint32_t label; ///< index into labels
    uint64_t begin, end;
  };
  size_t limit;
  uint64_t origin, dropped = 0;
  std::vector<std::pair<std::string, std::string>> labels; ///< name and path
  std::unordered_map<std::string, uint32_t> known;         ///< of name, a zero byte, path
  std::vector<Event> events;
};

} // namespace dsrt

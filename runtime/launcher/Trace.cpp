// Events are kept as numbers and written once, at the end: a trace must not slow down what it measures.
#include "runtime/launcher/Trace.h"

#include "runtime/support/Json.h"

#include <chrono>

using namespace dsrt;

static uint64_t clockNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Trace::Trace(size_t limit) : limit(limit), origin(clockNow()) {}

uint64_t Trace::now() const { return clockNow() - origin; }

void Trace::add(const std::string &name, const std::string &path, uint64_t begin, uint64_t end) {
  if (events.size() >= limit) {
    ++dropped;
    return;
  }
  auto [entry, isNew] = known.try_emplace(name + '\0' + path, uint32_t(labels.size()));
  if (isNew)
    labels.emplace_back(name, path);
  events.push_back({entry->second, begin, end});
}

std::string Trace::json() const {
  std::string text = "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"dropped_events\":" + std::to_string(dropped) + "},\"traceEvents\":[\n";
  std::vector<std::string> heads;
  for (const auto &[name, path] : labels) {
    std::string head = "{\"name\":" + Json(name).dump() + ",\"ph\":\"X\",\"pid\":1,\"tid\":1,";
    if (!path.empty())
      head += "\"args\":{\"path\":" + Json(path).dump() + "},";
    heads.push_back(head);
  }
  for (size_t i = 0; i < events.size(); ++i) {
    const Event &event = events[i];
    text += heads[event.label] + format("\"ts\":%.3f,\"dur\":%.3f}", event.begin / 1e3, (event.end - event.begin) / 1e3);
    text += i + 1 < events.size() ? ",\n" : "\n";
  }
  return text + "]}\n";
}

Status Trace::write(const std::string &path) const { return writeFile(path, json()); }

// Greedy, in order of rows: a call takes what is left of a row until one of its three limits is reached. With few, long rows
// that is one row a call; with many short ones a call of many rows.
#include "runtime/launcher/Plan.h"

#include <algorithm>

using namespace dsrt;

CallLimits dsrt::limitsOf(const Manifest &manifest) { return {manifest.maxTokens, manifest.maxSequences, manifest.maxWanted}; }

std::vector<PrefillCall> dsrt::planPrefill(const std::vector<int64_t> &lengths, Wanted wanted, const CallLimits &limits) {
  std::vector<PrefillCall> calls(1);
  CallLimits room = limits;
  for (size_t row = 0; row < lengths.size(); ++row) {
    int64_t length = lengths[row];
    for (int64_t begin = 0; begin < length;) {
      int64_t count = std::min(length - begin, room.tokens);
      if (wanted == Wanted::All)
        count = std::min(count, room.wanted);
      else if (begin + count == length && room.wanted == 0)
        count = 0; // no room for the last token's logits: the row ends in the next call
      if (count == 0 || room.rows == 0) {
        calls.emplace_back();
        room = limits;
        continue;
      }
      int64_t end = begin + count;
      int64_t wantedFrom = wanted == Wanted::All ? begin : end == length ? end - 1 : end;
      calls.back().pieces.push_back({int64_t(row), begin, count, wantedFrom});
      room.tokens -= count, room.rows -= 1, room.wanted -= end - wantedFrom;
      begin = end;
      if (begin < length) { // the call is full for this row, and a row stands in a call once
        calls.emplace_back();
        room = limits;
      }
    }
  }
  if (calls.back().pieces.empty())
    calls.pop_back();
  return calls;
}

std::vector<PrefillCall> dsrt::planDecode(const std::vector<int64_t> &lengths, Wanted wanted, const CallLimits &limits) {
  std::vector<PrefillCall> calls;
  int64_t most = std::min({limits.tokens, limits.rows, limits.wanted});
  int64_t longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  for (int64_t position = 0; position < longest; ++position) {
    int64_t inCall = most; // a position begins a call: a row's tokens must not stand in one call
    for (size_t row = 0; row < lengths.size(); ++row) {
      if (position >= lengths[row])
        continue;
      if (inCall == most)
        calls.emplace_back(), inCall = 0;
      bool asked = wanted == Wanted::All || position + 1 == lengths[row];
      calls.back().pieces.push_back({int64_t(row), position, 1, asked ? position : position + 1});
      ++inCall;
    }
  }
  return calls;
}

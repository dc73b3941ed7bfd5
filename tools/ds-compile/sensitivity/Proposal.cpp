// Greedy by cost for each byte, corrected by measuring.
#include "tools/ds-compile/sensitivity/Proposal.h"

#include <algorithm>
#include <cmath>
#include <tuple>

using namespace dsmlir;
using dsrt::Expected;
using dsrt::Status;

namespace {

/// Candidates that may be chosen, the cheapest for each byte first; of equally cheap ones the larger, then the earlier.
std::vector<size_t> order(const std::vector<Candidate> &candidates) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].saved > 0 && std::isfinite(candidates[i].cost))
      indices.push_back(i);
  auto key = [&](size_t i) { return std::tuple(candidates[i].cost / double(candidates[i].saved), -candidates[i].saved, i); };
  std::sort(indices.begin(), indices.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  return indices;
}

Choice sorted(Choice choice) {
  std::sort(choice.begin(), choice.end());
  return choice;
}

/// A choice is made of estimates; what it is worth is measured. Bytes need not add up exactly (two uses of one parameter share a copy or
/// do not), so a choice that is not small enough grows in the given order until it is.
Expected<std::optional<Proposal>> measureSmallEnough(Choice choice, const std::vector<size_t> &ordered, uint64_t budget,
                                                     const MeasureChoice &measure) {
  for (auto next = ordered.begin();;) {
    Expected<Outcome> outcome = measure(sorted(choice));
    if (!outcome)
      return outcome.status();
    if (outcome->bytes <= budget)
      return std::optional<Proposal>({sorted(choice), *outcome});
    next = std::find_if(next, ordered.end(), [&](size_t i) { return std::find(choice.begin(), choice.end(), i) == choice.end(); });
    if (next == ordered.end())
      return std::optional<Proposal>();
    choice.push_back(*next);
  }
}

/// Takes out what is not needed to save `needed` bytes, the dearest first.
void prune(Choice &choice, const std::vector<Candidate> &candidates, int64_t needed) {
  int64_t saved = 0;
  for (size_t i : choice)
    saved += candidates[i].saved;
  Choice byCost = choice;
  auto key = [&](size_t i) { return std::tuple(-candidates[i].cost, i); };
  std::sort(byCost.begin(), byCost.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  for (size_t i : byCost)
    if (saved - candidates[i].saved >= needed) {
      saved -= candidates[i].saved;
      std::erase(choice, i);
    }
}

} // namespace

Expected<std::optional<Proposal>> dsmlir::proposeForValue(const std::vector<Candidate> &candidates, const Outcome &none, double budget,
                                                          const MeasureChoice &measure) {
  if (!(none.value <= budget))
    return std::optional<Proposal>();
  std::vector<size_t> ordered = order(candidates);
  Proposal best = {{}, none};
  size_t fits = 0, tooMany = ordered.size() + 1; // the whole is tried first: often it fits
  for (size_t length = ordered.size(); tooMany - fits > 1; length = fits + (tooMany - fits) / 2) {
    Choice choice = sorted({ordered.begin(), ordered.begin() + std::ptrdiff_t(length)});
    Expected<Outcome> outcome = choice.empty() ? Expected<Outcome>(none) : measure(choice);
    if (!outcome)
      return outcome.status();
    if (outcome->value <= budget)
      fits = length, best = {choice, *outcome};
    else
      tooMany = length;
  }
  for (size_t next = fits; next < ordered.size(); ++next) {
    // The first one behind the prefix has just been tried.
    if (next == fits || !(candidates[ordered[next]].value <= budget))
      continue;
    Choice choice = best.chosen;
    choice.push_back(ordered[next]);
    Expected<Outcome> outcome = measure(sorted(choice));
    if (!outcome)
      return outcome.status();
    if (outcome->value <= budget)
      best = {sorted(choice), *outcome};
  }
  return std::optional<Proposal>(std::move(best));
}

Expected<std::optional<Proposal>> dsmlir::proposeForBytes(const std::vector<Candidate> &candidates, const Outcome &none, uint64_t budget,
                                                          const MeasureChoice &measure) {
  if (none.bytes <= budget)
    return std::optional<Proposal>({{}, none});
  std::vector<size_t> ordered = order(candidates);
  int64_t needed = int64_t(none.bytes - budget), saved = 0;
  Choice prefix;
  for (size_t i : ordered) {
    if (saved >= needed)
      break;
    prefix.push_back(i);
    saved += candidates[i].saved;
  }
  Choice replaced = prefix;
  if (!prefix.empty() && saved >= needed) {
    int64_t missing = needed - (saved - candidates[prefix.back()].saved);
    auto cheapest = std::min_element(ordered.begin() + std::ptrdiff_t(prefix.size()) - 1, ordered.end(), [&](size_t a, size_t b) {
      auto costOf = [&](size_t i) { return candidates[i].saved >= missing ? candidates[i].cost : INFINITY; };
      return costOf(a) < costOf(b);
    });
    replaced.back() = *cheapest;
  }
  std::optional<Proposal> best;
  std::vector<Choice> tried;
  for (Choice *choice : {&prefix, &replaced}) {
    prune(*choice, candidates, needed);
    *choice = sorted(*choice);
    if (std::find(tried.begin(), tried.end(), *choice) != tried.end())
      continue;
    tried.push_back(*choice);
    Expected<std::optional<Proposal>> proposal = measureSmallEnough(*choice, ordered, budget, measure);
    if (!proposal)
      return proposal.status();
    if (*proposal && (!best || (*proposal)->outcome.value < best->outcome.value))
      best = **proposal;
  }
  return best;
}

// The legality report as text and as JSON.
#include "passes/precision/LegalityReport.h"
#include "passes/precision/PathRanges.h"

#include <algorithm>
#include <map>

using namespace dsmlir;
using dsrt::Json;

namespace {

std::vector<std::string> pathsOf(const std::vector<Cutting> &cuttings) {
  std::vector<std::string> paths;
  for (const Cutting &cutting : cuttings)
    paths.push_back(cutting.path);
  return pathRanges(paths);
}

/// Cuttings that say the same, together.
std::vector<std::vector<Cutting>> byReason(const std::vector<Cutting> &cuttings) {
  std::vector<std::vector<Cutting>> groups;
  std::map<std::string, size_t> known;
  for (const Cutting &cutting : cuttings) {
    auto [group, fresh] = known.emplace(cutting.what, groups.size());
    if (fresh)
      groups.emplace_back();
    groups[group->second].push_back(cutting);
  }
  return groups;
}

std::vector<Cutting> allCuts(const TensorParallelDegree &degree) {
  std::vector<Cutting> all = degree.cuts;
  all.insert(all.end(), degree.expertCuts.begin(), degree.expertCuts.end());
  return all;
}

Json degreeJson(const TensorParallelDegree &degree) {
  Json cuts = Json::array();
  for (const std::vector<Cutting> &group : byReason(allCuts(degree)))
    cuts.push_back({{"paths", pathsOf(group)}, {"what", group.front().what}});
  return {{"ranks", degree.ranks},
          {"whole", degree.isWhole()},
          {"whole_with_expert_parallel", degree.cuts.empty()},
          {"cuts", cuts},
          {"amax_at_load", pathsOf(degree.loadScales)},
          {"amax_each_call", pathsOf(degree.callScales)}};
}

Json targetJson(const Legality &legality) {
  Json operations = Json::array(), refusals = Json::array();
  for (const LegalityGroup &group : legality.groups) {
    auto list = [](const std::vector<Reason> &reasons) {
      Json json = Json::array();
      for (const Reason &reason : reasons)
        json.push_back({{"kind", reason.kind}, {"text", reason.text}});
      return json;
    };
    Json kernel = nullptr;
    if (!group.judgement.kernel.empty())
      kernel = group.judgement.kernel;
    operations.push_back({{"kinds", group.kinds},
                          {"verdict", name(group.judgement.verdict)},
                          {"kernel", kernel},
                          {"reasons", list(group.judgement.reasons)},
                          {"notes", list(group.judgement.notes)},
                          {"count", group.paths.size()},
                          {"paths", pathRanges(group.paths)}});
  }
  for (const Finding &refusal : legality.refusals) {
    Json notes = Json::array();
    for (const Note &note : refusal.notes)
      notes.push_back(note.text);
    refusals.push_back({{"code", codeName(refusal.code)}, {"message", refusal.message}, {"notes", notes}});
  }
  return {{"follows", legality.target->source},
          {"allow_fallback", legality.allowFallback},
          {"runs", legality.runs()},
          {"refusals", refusals},
          {"operations", operations}};
}

/// "1 operation", "22 operations".
std::string counted(size_t count, const char *what) { return std::to_string(count) + " " + what + (count == 1 ? "" : "s"); }

void writeTarget(std::string &text, const Legality &legality) {
  text += "target " + legality.target->name + ": ";
  text += counted(legality.count(Verdict::Native), "operation") + " native, " + std::to_string(legality.count(Verdict::Emulated)) +
          " emulated, " + std::to_string(legality.count(Verdict::Unsupported)) + " unsupported\n";
  for (Verdict verdict : {Verdict::Unsupported, Verdict::Emulated, Verdict::Native})
    for (const LegalityGroup &group : legality.groups) {
      if (group.judgement.verdict != verdict)
        continue;
      text += dsrt::format("  %-11s %5zu %s", name(verdict), group.paths.size(), group.kindsText(4).c_str());
      text += (group.judgement.kernel.empty() ? "" : ": " + group.judgement.kernel) + "\n";
      for (const std::vector<Reason> *reasons : {&group.judgement.reasons, &group.judgement.notes})
        for (const Reason &reason : *reasons)
          text += "                      " + reason.kind + ": " + reason.text + "\n";
      text += "                      " + group.pathsText(4) + "\n";
    }
  if (legality.runs())
    text += "  it runs the plan" +
            std::string(legality.allowFallback && !legality.target->emulatesByDefault ? " under --allow-fallback\n" : "\n");
  for (const Finding &refusal : legality.refusals) {
    text += "  it refuses the plan: [" + codeName(refusal.code) + "] " + refusal.message + "\n";
    for (const Note &note : refusal.notes)
      if (note.text.starts_with("what would run"))
        text += "    " + note.text + "\n";
  }
}

void writeDegree(std::string &text, const TensorParallelDegree &degree) {
  text += dsrt::format("  %4lld  ", (long long)degree.ranks);
  std::vector<Cutting> cuts = allCuts(degree);
  text += cuts.empty() ? "whole" : degree.cuts.empty() ? "whole where expert parallelism keeps experts whole; else cut" : "cut";
  if (!cuts.empty()) {
    std::vector<Cutting> first = byReason(cuts).front();
    text += ": " + pathsOf(first).front() + ": " + first.front().what;
    if (size_t others = cuts.size() - first.size())
      text += " (and " + counted(others, "more operation") + ")";
  }
  if (!degree.loadScales.empty())
    text += "; amax over the ranks when " + counted(degree.loadScales.size(), "weight") + (degree.loadScales.size() == 1 ? " is" : " are") +
            " loaded";
  if (!degree.callScales.empty())
    text += "; amax over the ranks in each call, for the operand of " + counted(degree.callScales.size(), "operation");
  text += "\n";
}

} // namespace

Json dsmlir::targetsJson(const std::vector<Legality> &targets) {
  Json json = Json::object();
  for (const Legality &legality : targets)
    json[legality.target->name] = targetJson(legality);
  return json;
}

Json dsmlir::legalityJson(const std::vector<Legality> &targets, const std::vector<PlannedOperation> &operations) {
  Json degrees = Json::array();
  for (const TensorParallelDegree &degree : tensorParallelDegrees(operations))
    degrees.push_back(degreeJson(degree));
  return {{"targets", targetsJson(targets)}, {"tensor_parallel", degrees}, {"expert_parallel", expertParallelDegrees(operations)}};
}

std::string dsmlir::legalityText(const std::vector<Legality> &targets, const std::vector<PlannedOperation> &operations) {
  std::string text;
  for (const Legality &legality : targets) {
    writeTarget(text, legality);
    text += "\n";
  }
  text += "tensor-parallel degrees, and whether quantisation tiles, heads and the vocabulary stay whole on a rank\n";
  for (const TensorParallelDegree &degree : tensorParallelDegrees(operations))
    writeDegree(text, degree);
  std::string experts;
  for (int64_t ranks : expertParallelDegrees(operations))
    experts += (experts.empty() ? "" : ", ") + std::to_string(ranks);
  if (!experts.empty())
    text += "expert-parallel degrees that keep experts whole: " + experts + "\n";
  return text;
}

// whatIf: the model is resolved once more with the override, and the two plans are compared.
#include "tools/ds-compile/WhatIf.h"

#include "passes/precision/Passes.h"
#include "passes/precision/Plan.h"
#include "passes/precision/PlanDiff.h"

using namespace dsrt;

namespace dsmlir {
namespace {

/// The options with one more override. What cannot be one is refused in the words of --what-if.
Expected<PrecisionOptions> with(const PrecisionOptions &options, const std::string &text) {
  PrecisionOptions only;
  if (Status status = set(only, "module-compute-dtype-override", text, {}); !status.ok())
    return Status(DSRT_REJECTED, "[" + codeName(Code::BadDtypeSelection) +
                                     "] --what-if expects PATH=fp32, PATH=bf16 or PATH=fp16, but got '" + text + "'");
  PrecisionOptions changed = options;
  std::erase_if(changed.overrides, [&](const DtypeSelection &other) { return other.target == only.overrides[0].target; });
  changed.overrides.push_back(only.overrides[0]);
  return changed;
}

bool isKnown(const Finding &finding, const std::vector<Finding> &findings) {
  for (const Finding &other : findings)
    if (other.code == finding.code && other.message == finding.message)
      return true;
  return false;
}

} // namespace

Expected<std::string> whatIf(mlir::ds::ModelOp model, const Resolution &resolution, const Checkpoint *checkpoint, const Json &plan,
                             const std::vector<std::string> &overrides) {
  std::string text;
  bool possible = true;
  Expected<PlanView> now = viewPlan(plan, "the plan of this run");
  if (!now)
    return Status(DSRT_INTERNAL, now.status().message());
  for (const std::string &asked : overrides) {
    Expected<PrecisionOptions> options = with(resolution.options, asked);
    if (!options)
      return options.status();
    Resolution changed = resolve(resolution.modules(), *options, checkpoint);
    for (const Finding &finding : changed.findings)
      if (!isKnown(finding, resolution.findings))
        emitFinding(finding, model.getLoc());
    if (changed.hasErrors()) {
      possible = false;
      continue;
    }
    Expected<PlanView> then = viewPlan(planJson(model, changed), "the plan of " + asked);
    if (!then)
      return Status(DSRT_INTERNAL, then.status().message());
    now->options.clear(); // the override itself
    then->options.clear();
    std::string difference = printDifference(comparePlans(*now, *then), "", "");
    text += "what if " + asked + "\n" + (difference.empty() ? "  nothing changes\n" : difference);
  }
  if (!possible)
    return Status(DSRT_REJECTED, "");
  return text;
}

} // namespace dsmlir

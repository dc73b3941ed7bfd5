// What targets and tensor-parallel degrees make of a plan, for people and for programs.
#pragma once

#include "passes/precision/Legality.h"
#include "passes/precision/TensorParallel.h"

#include <string>
#include <vector>

namespace dsmlir {

/// The plan's section `targets`, an entry a target: {"cpu": {"follows", "allow_fallback", "runs", "refusals":
/// [{"code", "message", "notes": [...]}], "operations": [{"kinds": [...], "verdict", "kernel" or null, "reasons": [{"kind", "text"}],
/// "notes": the same, "count", "paths": ["blocks.[0-2].attn.q_a_proj"]}]}}.
dsrt::Json targetsJson(const std::vector<Legality> &targets);

/// `ds-compile --legality=json`: {"targets": as above, "tensor_parallel": [{"ranks", "whole", "whole_with_expert_parallel", "cuts":
/// [{"paths", "what"}], "amax_at_load": [paths], "amax_each_call": [paths]}], "expert_parallel": [ranks]}.
dsrt::Json legalityJson(const std::vector<Legality> &targets, const std::vector<PlannedOperation> &operations);

/// `ds-compile --legality`: for each target its operations by verdict and reason, then the degrees.
std::string legalityText(const std::vector<Legality> &targets, const std::vector<PlannedOperation> &operations);

} // namespace dsmlir

// The precision plan: what was decided, and what it is in the graph.
#pragma once

#include "dialects/ds/DS.h"
#include "passes/precision/PrecisionModel.h"

#include <string>

namespace dsmlir {

/// The plan of a model: the policy sections (policyJson), `operations`, those of modules, and `without_parameters`, all others.
///
/// An operation has its path (experts that are decided alike as a range), kind, compute, accumulation, result and storage dtypes with
/// their reasons, operand formats, and of its parameter what is stored, the steps that it goes through, what is resident, bytes in
/// memory; FLOPs are of one token (a routed expert's: of one that chose it). `model` may be as it was imported, or applied.
dsrt::Json planJson(mlir::ds::ModelOp model, const Resolution &resolution);

/// A few lines for people: how many modules compute in what, and why, and what that takes in memory.
std::string planSummary(const dsrt::Json &plan);

} // namespace dsmlir

// The precision plan: what was decided, and what it is in the graph.
#pragma once

#include "dialects/ds/DS.h"
#include "passes/precision/PrecisionModel.h"

#include <string>

namespace dsmlir {

/// The policy sections (policyJson) and `operations`, from the legalised graph: for each operation of a module its path (experts
/// that share an operation as a range), kind, compute dtype and reason, operand formats, and of its parameter the shape, what is
/// stored, what it goes through, what is resident, bytes in memory, and FLOPs a token (a routed expert's: a token that chose it).
dsrt::Json planJson(mlir::ds::ModelOp model, const Resolution &resolution);

/// A few lines for people: how many modules compute in what, and why, and what that takes in memory.
std::string planSummary(const dsrt::Json &plan);

} // namespace dsmlir

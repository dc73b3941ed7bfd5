// The operations of a legalised graph, as targets and meshes ask about them.
#pragma once

#include "dialects/ds/DS.h"
#include "passes/precision/Legality.h"

#include <vector>

namespace dsmlir {

/// Each operation of both entry points once, in the order of the graph: of a module, its product and, for latent attention, the
/// expansion, prefill and decode apart; of what has no parameters, the operation. How a weight is cut over a tensor-parallel group
/// follows from what its product feeds and is fed by, not from names: what attention reads and what SwiGLU reads is cut by columns, what
/// reads theirs by rows, what ends in the logits of the model and the embedding by the vocabulary; all else is whole on every rank.
std::vector<PlannedOperation> plannedOperations(mlir::ds::ModelOp model);

/// A format of the dialect as the precision model has it.
QuantFormat formatOf(mlir::ds::QuantAttr format);

} // namespace dsmlir

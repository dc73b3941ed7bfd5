// --what-if PATH=DTYPE: what an override alone would change.
#pragma once

#include "dialects/ds/DS.h"
#include "passes/precision/PrecisionModel.h"

#include <string>
#include <vector>

namespace dsmlir {

/// For each of `overrides`, alone, what would change in `plan`, the plan of `resolution`. Findings that the override would cause are
/// emitted; DSRT_REJECTED, with an empty message where they say why, if one of them is an error. An override of the same path that is
/// there already gives way.
dsrt::Expected<std::string> whatIf(mlir::ds::ModelOp model, const Resolution &resolution, const Checkpoint *checkpoint,
                                   const dsrt::Json &plan, const std::vector<std::string> &overrides);

} // namespace dsmlir

// What the report page shows, as one JSON value: the modules of a model by blocks, each with its class of decision.
//
// A model may have 47 000 modules, of which nearly all are decided like their neighbours. So nothing is said twice: what modules have in
// common (dtypes, reason, chain, operation) stands once in a table of classes, and experts are runs of equal classes.
#pragma once

#include "passes/precision/PrecisionModel.h"

#include <string>
#include <vector>

namespace dsmlir {

/// What the page says about the model and the run, beside the resolution and its plan.
struct ReportHeader {
  std::string tool;                  ///< "ds-compile (ds-mlir) 0.1.0"
  std::string source;                ///< the model as it was named on the command line
  std::string hash;                  ///< of the model's source, as in the manifest
  std::string target;                ///< "cpu"
  std::string family;                ///< "v3"
  int64_t layers = 0, experts = 0;   ///< experts: routed, of one block
  int64_t expertsPerToken = 0;       ///< of these, how many a token goes through
  std::vector<std::string> messages; ///< warnings and notes of the import
};

/// The page's data. `plan` is planJson() of the legalised graph, whose operations give bytes, FLOPs and formats.
///
///     header     {tool, source, hash, target, family, layers, experts, experts_per_token, messages}
///     policy     the plan without its operations: mode, recipe, formats, communication, training, options
///     findings   [{code, severity, message, where, location, notes: [{text, location}]}]
///     chains     [[[layer, said, won], ...], ...]
///     operations [{kind, accumulate, activation, weight, shape, stored, resident, bytes, flops, ...}, ...]: of one module, bytes and
///                flops too; `shared` names the parameter that another module holds (its bytes are counted there)
///     classes    [[type, compute, stored, reason, chain, operation], ...]: the last two are indices, -1 where the plan has no operation
///     columns    ["attn_norm", "attn.q_a_proj", ..., "ffn.experts.*.gate_proj"]: modules of a block, as the blocks first name them
///     before     [[path, class], ...]: modules in front of the blocks; `after`: behind them
///     others     [{name, blocks: [[first, last], ...], kind, compute, ...}, ...]: operations without parameters
///     blocks     [[number, [[column, class] or [column, [experts, class], [experts, class], ...], ...]], ...]
dsrt::Json reportData(const Resolution &resolution, const dsrt::Json &plan, const ReportHeader &header);

} // namespace dsmlir

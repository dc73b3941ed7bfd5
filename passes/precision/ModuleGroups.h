// Sets of modules: how they are grouped, named, and selected by patterns that match them and nothing else. Plain C++.
#pragma once

#include "passes/precision/PrecisionModel.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmlir {

/// What stands together in a group. Modules outside of blocks are groups of their own.
enum class GroupBy : uint8_t {
  Module,     ///< every module alone, experts one by one
  Projection, ///< one projection of one block; that of all of its experts is one group
  Block,      ///< all modules of a block
  Kind        ///< one projection in all blocks
};

struct ModuleGroup {
  std::string name;              ///< "blocks.1.ffn.experts.[0-7].gate_proj"; of a block "blocks.1"
  std::vector<uint32_t> modules; ///< indices, ascending
};

/// Groups the modules `members` (indices into `modules`, ascending), in the order of their first modules.
std::vector<ModuleGroup> groupModules(const std::vector<Module> &modules, const std::vector<uint32_t> &members, GroupBy by);

/// Regular expressions, anchored at both ends, that together match the modules `members` of `modules` and no other; each module is matched
/// by one of them. Few: all experts or blocks that have a module are "[0-9]+", others are listed: "^blocks\.(1|2)\.attn\.q_a_proj$".
std::vector<std::string> exactPatterns(const std::vector<Module> &modules, const std::vector<uint32_t> &members);

/// The paths that an operation of the plan stands for: "blocks.1.ffn.experts.[2-4].gate_proj" is three, any other path itself.
std::vector<std::string> pathsOfOperation(std::string_view path);

} // namespace dsmlir

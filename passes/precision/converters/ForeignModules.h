// The modules of a model under the names that other projects have for them, and sets of modules written as patterns of ours.
#pragma once

#include "passes/precision/PrecisionModel.h"

#include <string>
#include <string_view>
#include <vector>

namespace dsmlir {

/// Whose names a policy uses.
enum class Naming : uint8_t {
  HuggingFace, ///< transformers, modeling_deepseek_v3.py: model.layers.0.self_attn.q_a_proj
  TorchTitan,  ///< torchtitan/models/deepseek_v3: layers.0.attention.wq_a
  Megatron     ///< by block alone: decoder.layers.0.attn.q_a_proj
};

/// What a policy of another project sees of one of our modules. Projects have renamed modules: a module has all of its names.
struct ForeignModule {
  std::vector<std::string> names;
  std::vector<std::string_view> classes; ///< the class and those above it: "Linear", "Module"

  bool is(std::string_view className) const;
};

/// A list of modules, a model's or all that a model may have, with the structure of their paths taken apart.
class ModuleUniverse {
public:
  /// The modules of a model.
  explicit ModuleUniverse(std::vector<Module> modules);
  /// Every module that a model may have, dense and routed in each block: `blocks` blocks with `experts` experts.
  static ModuleUniverse ofAnyModel();
  static constexpr int64_t anyBlocks = 128, anyExperts = 384;

  const std::vector<Module> &modules() const { return list; }
  std::vector<ForeignModule> namedBy(Naming naming) const;
  int64_t blocks() const { return blockCount; }

  /// A regular expression of ours, anchored at both ends, that matches exactly the modules that are set among those of this list. At least
  /// one is.
  std::string patternOf(const std::vector<bool> &members) const;

private:
  struct Place {
    int32_t block = -1, expert = -1;
    uint32_t tail = 0; ///< into `tails`
  };
  std::vector<Module> list;
  std::vector<Place> places;
  std::vector<std::string> tails; ///< behind the block: "attn.q_a_proj"; of experts "ffn.experts.*.gate_proj"; else the path
  int64_t blockCount = 0;
};

/// A regular expression of digits that matches exactly these numbers, ascending and not negative: "([3-9]|[1-5]\d|60)".
std::string numbersPattern(const std::vector<int64_t> &numbers);

} // namespace dsmlir

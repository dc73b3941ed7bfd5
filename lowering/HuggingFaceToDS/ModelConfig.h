// A Hugging Face config.json of DeepSeek-V2 or V3, read and checked: plain C++, no MLIR. Every field is accounted for: read,
// checked to have the one value that is implemented, known to be without effect, or warned about as unknown.
#pragma once

#include "runtime/support/Json.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dsmlir {

enum class Family { V2, V3 };
enum class Scoring { Softmax, Sigmoid };
enum class Selection { Greedy, GroupLimitedGreedy, NoAuxTc };

/// Rotary position embedding; factor 1 is the plain one, otherwise YaRN (arXiv 2309.00071).
struct RopeConfig {
  double theta = 10000;
  double factor = 1;
  double betaFast = 32, betaSlow = 1;
  double mscale = 1, mscaleAllDim = 0;
  int64_t originalLength = 0; ///< original_max_position_embeddings; 0 where plain
  bool yarn = false;
};

/// quantization_config: weights in E4M3 with F32 scales `weight_scale_inv` of block x block tiles.
struct StoredQuantization {
  int64_t blockRows = 128, blockCols = 128;
  bool ue8m0 = false; ///< scale_fmt: every scale is a power of two (held as F32 all the same)
};

struct ModelConfig {
  Family family = Family::V3;
  int64_t vocabulary = 0, hidden = 0, intermediate = 0, layers = 0, heads = 0;
  int64_t qLoraRank = 0; ///< 0: none, one q_proj
  int64_t kvLoraRank = 0, nopeHeadDim = 0, ropeHeadDim = 0, valueHeadDim = 0;
  int64_t firstDense = 0; ///< blocks before it are dense; = layers where there are no experts
  int64_t routedExperts = 0, sharedExperts = 0, expertsPerToken = 0, expertIntermediate = 0;
  int64_t groups = 1, topGroups = 1;
  Scoring scoring = Scoring::Sigmoid;
  Selection selection = Selection::NoAuxTc;
  bool normalizeTopK = true;
  double routedScaling = 1;
  double normEps = 1e-6;
  RopeConfig rope;
  bool tiedEmbeddings = false;
  int64_t maxPositions = 0;
  int64_t nextTokenLayers = 0; ///< num_nextn_predict_layers: the multi-token-prediction layers after the last block
  std::string storedDtype = "bfloat16"; ///< torch_dtype or dtype, where weights are not looked at
  std::optional<StoredQuantization> quantization;

  bool isDense(int64_t block) const { return routedExperts == 0 || block < firstDense; }

  /// Parses and checks. Errors: DSRT_UNREADABLE for a missing field, a field of another type, an impossible value (zero heads,
  /// top_k above the experts, a range that would overflow); DSRT_REJECTED for a field whose value this compiler does not
  /// implement (attention_bias true). The message names file, field, value and what is expected. `warnings` gets one line an
  /// unknown field.
  static dsrt::Expected<ModelConfig> parse(const dsrt::Json &json, const std::string &what, std::vector<std::string> &warnings);
};

/// A parameter of the model: our path and the checkpoint's name, `{e}` standing for the expert in both shape[0] and name.
struct ModelParameter {
  std::string path;           ///< "blocks.1.ffn.experts.gate_proj.weight"
  std::string tensor;         ///< "model.layers.1.mlp.experts.{e}.gate_proj.weight"
  std::vector<int64_t> shape; ///< [experts, n, k] where the name has {e}
  bool linear = false;        ///< a matmul weight, that an FP8 checkpoint stores in E4M3 (all but embedding, head and router)
  bool alwaysF32 = false;     ///< e_score_correction_bias
};

/// All parameters in the order of the graph.
std::vector<ModelParameter> modelParameters(const ModelConfig &config);

} // namespace dsmlir

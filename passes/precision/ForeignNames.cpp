// The table from other projects' segments to ours.
#include "passes/precision/ForeignNames.h"
#include "passes/precision/EditDistance.h"

#include <array>
#include <cctype>

using namespace dsmlir;

namespace {

struct Segment {
  std::string_view foreign, own; ///< an empty `own`: the segment is left out
};

// Hugging Face transformers (modeling_deepseek_v3.py), then DeepSeek's inference code (model.py of DeepSeek-V3).
constexpr std::array segments = {
    Segment{"layers", "blocks"},
    Segment{"self_attn", "attn"},
    Segment{"mlp", "ffn"},
    Segment{"q_a_layernorm", "q_a_norm"},
    Segment{"kv_a_layernorm", "kv_a_norm"},
    Segment{"kv_a_proj_with_mqa", "kv_a_proj"},
    Segment{"o_proj", "out_proj"},
    Segment{"input_layernorm", "attn_norm"},
    Segment{"post_attention_layernorm", "ffn_norm"},
    Segment{"embed_tokens", "token_embeddings"},
    Segment{"gate", "router"},
    Segment{"model", ""},
    Segment{"weight", ""},
    Segment{"weight_scale_inv", ""},
    Segment{"wq", "q_proj"},
    Segment{"wq_a", "q_a_proj"},
    Segment{"wq_b", "q_b_proj"},
    Segment{"q_norm", "q_a_norm"},
    Segment{"wkv_a", "kv_a_proj"},
    Segment{"wkv_b", "kv_b_proj"},
    Segment{"kv_norm", "kv_a_norm"},
    Segment{"wo", "out_proj"},
    Segment{"w1", "gate_proj"},
    Segment{"w2", "down_proj"},
    Segment{"w3", "up_proj"},
    Segment{"embed", "token_embeddings"},
    Segment{"head", "lm_head"},
};

constexpr std::array<std::string_view, 25> ownSegments = {
    "blocks",    "attn",      "ffn",       "attn_norm", "ffn_norm", "q_proj",         "q_a_proj",         "q_a_norm",   "q_b_proj",
    "kv_a_proj", "kv_a_norm", "kv_b_proj", "out_proj",  "experts",  "shared_experts", "token_embeddings", "final_norm", "lm_head",
    "router",    "gate_proj", "up_proj",   "down_proj", "norm",     "gate",           "kv_norm"};

bool isOwn(std::string_view segment) { return std::find(ownSegments.begin(), ownSegments.end(), segment) != ownSegments.end(); }

bool isIndex(std::string_view segment) {
  return !segment.empty() && std::all_of(segment.begin(), segment.end(), [](unsigned char c) { return std::isdigit(c); });
}

const Segment *foreignSegment(std::string_view segment) {
  for (const Segment &entry : segments)
    if (entry.foreign == segment)
      return &entry;
  if (isOwn(segment) || segment.size() < 5)
    return nullptr;
  for (const Segment &entry : segments) {
    // One edit, and not nearer to one of our own names: "q_a_layernrom", not "q_a_nrom".
    if (entry.foreign.size() < 5 || editDistance(segment, entry.foreign) > 1)
      continue;
    bool nearOwn =
        std::any_of(ownSegments.begin(), ownSegments.end(), [&](std::string_view own) { return editDistance(segment, own) <= 1; });
    if (!nearOwn)
      return &entry;
  }
  return nullptr;
}

} // namespace

std::vector<std::string> dsmlir::splitPath(std::string_view path) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t dot; (dot = path.find('.', begin)) != std::string_view::npos; begin = dot + 1)
    parts.emplace_back(path.substr(begin, dot - begin));
  parts.emplace_back(path.substr(begin));
  return parts;
}

std::string dsmlir::joinPath(const std::vector<std::string> &parts) {
  std::string path;
  for (const std::string &part : parts)
    path += (path.empty() ? "" : ".") + part;
  return path;
}

std::string dsmlir::ownPath(std::string_view path) {
  std::vector<std::string> own;
  for (const std::string &part : splitPath(path)) {
    const Segment *entry = foreignSegment(part);
    std::string mapped = entry ? std::string(entry->own) : part;
    // The reference trainer's wrappers: ffn.router.router, ffn.shared_experts.0.gate_proj.
    if (mapped.empty() || (mapped == "router" && !own.empty() && own.back() == "router") ||
        (isIndex(mapped) && !own.empty() && own.back() == "shared_experts"))
      continue;
    own.push_back(mapped);
  }
  if (own.size() == 1 && own[0] == "norm") // model.norm
    own[0] = "final_norm";
  return joinPath(own);
}

std::string dsmlir::huggingFacePath(std::string_view own) {
  if (own == "final_norm")
    return "model.norm";
  std::vector<std::string> parts = splitPath(own);
  for (std::string &part : parts)
    for (const Segment &entry : segments) // Hugging Face's name is the first that the table has
      if (entry.own == part) {
        part = entry.foreign;
        break;
      }
  std::string path = joinPath(parts);
  return own == "lm_head" ? std::string(own) : "model." + path;
}

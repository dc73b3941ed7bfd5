// The table from our names to those of other projects, and patterns of ours for sets of modules.
#include "passes/precision/converters/ForeignModules.h"
#include "passes/precision/ForeignNames.h"

#include <algorithm>
#include <array>
#include <map>

using namespace dsmlir;

namespace {

/// A module behind its block, in the order of the graph. Of experts "*" stands for the index.
struct Name {
  std::string_view own, huggingFace, torchTitan;
};

// Hugging Face: transformers, models/deepseek_v3/modeling_deepseek_v3.py. torchtitan: models/deepseek_v3/state_dict_adapter.py.
constexpr std::array inBlock = {
    Name{"attn_norm", "input_layernorm", "attention_norm"},
    Name{"attn.q_proj", "self_attn.q_proj", "attention.wq"},
    Name{"attn.q_a_proj", "self_attn.q_a_proj", "attention.wq_a"},
    Name{"attn.q_a_norm", "self_attn.q_a_layernorm", "attention.q_norm"},
    Name{"attn.q_b_proj", "self_attn.q_b_proj", "attention.wq_b"},
    Name{"attn.kv_a_proj", "self_attn.kv_a_proj_with_mqa", "attention.wkv_a"},
    Name{"attn.kv_a_norm", "self_attn.kv_a_layernorm", "attention.kv_norm"},
    Name{"attn.kv_b_proj", "self_attn.kv_b_proj", "attention.wkv_b"},
    Name{"attn.out_proj", "self_attn.o_proj", "attention.wo"},
    Name{"ffn_norm", "post_attention_layernorm", "ffn_norm"},
    Name{"ffn.gate_proj", "mlp.gate_proj", "feed_forward.w1"},
    Name{"ffn.up_proj", "mlp.up_proj", "feed_forward.w3"},
    Name{"ffn.down_proj", "mlp.down_proj", "feed_forward.w2"},
    Name{"ffn.router", "mlp.gate", "moe.router.gate"},
    // Experts are one module in torchtitan, GroupedExperts, that was moved.
    Name{"ffn.experts.*.gate_proj", "mlp.experts.*.gate_proj", "moe.experts"},
    Name{"ffn.experts.*.up_proj", "mlp.experts.*.up_proj", "moe.experts"},
    Name{"ffn.experts.*.down_proj", "mlp.experts.*.down_proj", "moe.experts"},
    Name{"ffn.shared_experts.gate_proj", "mlp.shared_experts.gate_proj", "moe.shared_experts.w1"},
    Name{"ffn.shared_experts.up_proj", "mlp.shared_experts.up_proj", "moe.shared_experts.w3"},
    Name{"ffn.shared_experts.down_proj", "mlp.shared_experts.down_proj", "moe.shared_experts.w2"},
};

constexpr std::array outside = {
    Name{"token_embeddings", "model.embed_tokens", "tok_embeddings"},
    Name{"final_norm", "model.norm", "norm"},
    Name{"lm_head", "lm_head", "lm_head"},
};

constexpr std::string_view groupedExpertsOfToday = "moe.routed_experts.inner_experts", headOfYesterday = "output";

template <typename Table> const Name *find(const Table &table, std::string_view own) {
  for (const Name &name : table)
    if (name.own == own)
      return &name;
  return nullptr;
}

std::string withExpert(std::string_view tail, int32_t expert) {
  std::string text(tail);
  if (size_t star = text.find('*'); star != std::string::npos)
    text.replace(star, 1, std::to_string(expert));
  return text;
}

std::string escaped(std::string_view path) {
  std::string text;
  for (char c : path) {
    if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos)
      text += '\\';
    text += c;
  }
  return text;
}

std::string alternatives(const std::vector<std::string> &texts) {
  if (texts.size() == 1)
    return texts.front();
  std::string joined;
  for (const std::string &text : texts)
    joined += (joined.empty() ? "(" : "|") + text;
  return joined + ")";
}

/// Keys in the order of their first use.
template <typename Key, typename Value> Value &entry(std::vector<std::pair<Key, Value>> &list, const Key &key) {
  for (auto &[known, value] : list)
    if (known == key)
      return value;
  return list.emplace_back(key, Value{}).second;
}

/// The digits as a class: "\d", "7", "[3-9]", "[0147-9]".
std::string digitClass(const std::vector<int64_t> &digits) {
  if (digits.size() == 10)
    return "\\d";
  std::string text;
  for (size_t i = 0; i < digits.size();) {
    size_t end = i;
    while (end + 1 < digits.size() && digits[end + 1] == digits[end] + 1)
      ++end;
    text += std::to_string(digits[i]);
    if (end > i)
      text += (end > i + 1 ? "-" : "") + std::to_string(digits[end]);
    i = end + 1;
  }
  return digits.size() == 1 ? text : "[" + text + "]";
}

} // namespace

bool ForeignModule::is(std::string_view className) const { return std::find(classes.begin(), classes.end(), className) != classes.end(); }

std::string dsmlir::numbersPattern(const std::vector<int64_t> &numbers) {
  // By all digits but the last; prefixes with the same last digits share an alternative.
  std::map<int64_t, std::vector<int64_t>> lastDigits; // -1: none
  for (int64_t number : numbers)
    lastDigits[number < 10 ? -1 : number / 10].push_back(number % 10);
  std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> prefixes;
  std::vector<std::string> texts;
  for (const auto &[prefix, digits] : lastDigits) {
    if (prefix < 0)
      texts.push_back(digitClass(digits));
    else
      entry(prefixes, digits).push_back(prefix);
  }
  for (const auto &[digits, list] : prefixes)
    texts.push_back(numbersPattern(list) + digitClass(digits));
  return alternatives(texts);
}

ModuleUniverse::ModuleUniverse(std::vector<Module> modules) : list(std::move(modules)) {
  std::map<std::string, uint32_t, std::less<>> known;
  places.reserve(list.size());
  for (const Module &module : list) {
    Place place;
    std::string_view rest = module.path;
    auto index = [&](std::string_view front) -> int32_t {
      rest.remove_prefix(front.size());
      size_t dot = std::min(rest.find('.'), rest.size());
      int32_t value = 0;
      for (char c : rest.substr(0, dot))
        value = value * 10 + (c - '0');
      rest.remove_prefix(std::min(dot + 1, rest.size()));
      return value;
    };
    std::string tail;
    if (rest.starts_with("blocks."))
      place.block = index("blocks.");
    if (rest.starts_with("ffn.experts.")) {
      place.expert = index("ffn.experts.");
      tail = "ffn.experts.*.";
    }
    tail += rest;
    auto [found, fresh] = known.emplace(tail, static_cast<uint32_t>(tails.size()));
    if (fresh)
      tails.push_back(tail);
    place.tail = found->second;
    places.push_back(place);
    blockCount = std::max<int64_t>(blockCount, place.block + 1);
  }
}

ModuleUniverse ModuleUniverse::ofAnyModel() {
  std::vector<Module> modules;
  auto add = [&](std::string path) {
    const char *type = path.ends_with("norm") ? "RMSNorm" : path == "token_embeddings" ? "Embedding" : "Linear";
    modules.push_back({std::move(path), type, *type == 'L', ""});
  };
  add("token_embeddings");
  for (int64_t block = 0; block < anyBlocks; ++block)
    for (const Name &name : inBlock) {
      std::string path = "blocks." + std::to_string(block) + "." + std::string(name.own);
      if (size_t star = path.find('*'); star != std::string::npos)
        for (int64_t expert = 0; expert < anyExperts; ++expert)
          add(path.substr(0, star) + std::to_string(expert) + path.substr(star + 1));
      else
        add(path);
    }
  add("final_norm");
  add("lm_head");
  return ModuleUniverse(std::move(modules));
}

std::vector<ForeignModule> ModuleUniverse::namedBy(Naming naming) const {
  std::vector<ForeignModule> named(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const Place &place = places[i];
    ForeignModule &module = named[i];
    const std::string &tail = tails[place.tail];
    const Name *name = place.block < 0 ? find(outside, tail) : find(inBlock, tail);
    std::string block = place.block < 0 ? "" : "layers." + std::to_string(place.block) + ".";
    bool router = tail == "ffn.router";
    module.classes.push_back("Module");
    switch (naming) {
    case Naming::HuggingFace:
      module.names.push_back((block.empty() ? "" : "model." + block) +
                             withExpert(name ? name->huggingFace : std::string_view(tail), place.expert));
      // The router holds its weight itself: DeepseekV3TopkRouter in transformers, MoEGate in the code beside the published weights.
      if (router)
        module.classes.insert(module.classes.end(), {"DeepseekV3TopkRouter", "MoEGate"});
      else if (list[i].type == "RMSNorm")
        module.classes.insert(module.classes.end(), {"DeepseekV3RMSNorm", "DeepseekV2RMSNorm"});
      else
        module.classes.push_back(list[i].type == "Linear" ? "Linear" : "Embedding");
      break;
    case Naming::TorchTitan:
      module.names.push_back(block + std::string(name ? name->torchTitan : std::string_view(tail)));
      if (place.expert >= 0)
        module.names.push_back(block + std::string(groupedExpertsOfToday));
      if (tail == "lm_head")
        module.names.emplace_back(headOfYesterday);
      module.classes.push_back(place.expert >= 0 ? "GroupedExperts" : list[i].type == "Linear" ? "Linear" : "Other");
      break;
    case Naming::Megatron:
      // Transformer Engine's linears are those of the blocks; embedding, head and router are Megatron's own, in high precision.
      module.names.push_back((block.empty() ? "" : "decoder." + block) + withExpert(tail, place.expert));
      module.classes.push_back(list[i].type == "Linear" && place.block >= 0 && !router ? "TELinear" : "Other");
      break;
    }
  }
  return named;
}

std::string ModuleUniverse::patternOf(const std::vector<bool> &members) const {
  using Numbers = std::vector<int64_t>;
  // Of each tail the blocks, and of these the experts, that are members and that there are.
  struct Extent {
    std::map<int64_t, Numbers> members, all;
  };
  std::vector<Extent> extents(tails.size());
  for (size_t i = 0; i < list.size(); ++i) {
    Extent &extent = extents[places[i].tail];
    extent.all[places[i].block].push_back(places[i].expert);
    if (members[i])
      extent.members[places[i].block].push_back(places[i].expert);
  }

  // Modules outside of the blocks; then, by the blocks and experts that they have in common, the tails.
  std::vector<std::string> texts;
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::vector<std::string>>>>> byBlocks; // blocks -> folder -> leaves
  for (size_t tail = 0; tail < tails.size(); ++tail) {
    const Extent &extent = extents[tail];
    if (extent.members.empty())
      continue;
    if (extent.members.begin()->first < 0) {
      texts.push_back(escaped(tails[tail]));
      continue;
    }
    std::vector<std::pair<std::string, Numbers>> byExperts; // experts -> blocks
    for (const auto &[block, experts] : extent.members) {
      bool whole = experts.size() == extent.all.at(block).size();
      entry(byExperts, experts.front() < 0 ? std::string() : whole ? std::string("\\d+") : numbersPattern(experts)).push_back(block);
    }
    for (const auto &[experts, blocks] : byExperts) {
      std::string where = blocks.size() == extent.all.size() ? "\\d+" : numbersPattern(blocks);
      size_t dot = tails[tail].rfind('.');
      std::string folder = dot == std::string::npos ? "" : escaped(tails[tail].substr(0, dot + 1));
      if (size_t star = folder.find("\\*"); star != std::string::npos)
        folder.replace(star, 2, experts);
      entry(entry(byBlocks, where), folder).push_back(tails[tail].substr(dot == std::string::npos ? 0 : dot + 1));
    }
  }
  for (const auto &[where, folders] : byBlocks) {
    std::vector<std::string> inside;
    for (const auto &[folder, leaves] : folders)
      inside.push_back(folder + alternatives(leaves));
    texts.push_back("blocks\\." + where + "\\." + alternatives(inside));
  }
  return "^" + alternatives(texts) + "$";
}

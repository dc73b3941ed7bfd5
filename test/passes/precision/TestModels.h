// Module lists and flag words for the tests of precision resolution.
#pragma once

#include "passes/precision/PrecisionModel.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dsmlir::test {

struct Shape {
  int blocks = 3, dense = 1, experts = 8;
  bool qLora = true;
};

/// The modules of a DeepSeek model in the order of the graph, as PRECISION.md lists their paths.
inline std::vector<Module> modelModules(const Shape &shape) {
  std::vector<Module> modules;
  auto add = [&](const std::string &path, const char *type) { modules.push_back({path, type, std::string(type) == "Linear", ""}); };
  auto projections = [&](const std::string &prefix) {
    for (const char *name : {"gate_proj", "up_proj", "down_proj"})
      add(prefix + name, "Linear");
  };
  add("token_embeddings", "Embedding");
  for (int block = 0; block < shape.blocks; ++block) {
    std::string at = "blocks." + std::to_string(block) + ".";
    add(at + "attn_norm", "RMSNorm");
    if (shape.qLora) {
      add(at + "attn.q_a_proj", "Linear");
      add(at + "attn.q_a_norm", "RMSNorm");
      add(at + "attn.q_b_proj", "Linear");
    } else {
      add(at + "attn.q_proj", "Linear");
    }
    add(at + "attn.kv_a_proj", "Linear");
    add(at + "attn.kv_a_norm", "RMSNorm");
    add(at + "attn.kv_b_proj", "Linear");
    add(at + "attn.out_proj", "Linear");
    add(at + "ffn_norm", "RMSNorm");
    if (block < shape.dense) {
      projections(at + "ffn.");
      continue;
    }
    add(at + "ffn.router", "Linear");
    for (int expert = 0; expert < shape.experts; ++expert)
      projections(at + "ffn.experts." + std::to_string(expert) + ".");
    projections(at + "ffn.shared_experts.");
  }
  add("final_norm", "RMSNorm");
  add("lm_head", "Linear");
  return modules;
}

/// Sets options from the words of a command line. What set() refuses is kept in the options, as ds-compile does.
inline PrecisionOptions parse(const std::vector<std::string> &words) {
  PrecisionOptions options;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string name = words[i], value;
    const OptionDescriptor *option = findOption(name);
    bool flag =
        name.rfind("--no-", 0) == 0 ||
        (option && (option->kind == OptionKind::Flag || option->kind == OptionKind::NegatableFlag || option->kind == OptionKind::Mode));
    if (!flag)
      value = words.at(++i);
    dsrt::Status status = set(options, name, value, Origin{});
    EXPECT_NE(status.code(), DSRT_USAGE) << status.message();
  }
  return options;
}

inline Resolution resolveWords(const std::vector<std::string> &words, const Shape &shape = {}, const Checkpoint *checkpoint = nullptr) {
  return resolve(modelModules(shape), parse(words), checkpoint);
}

inline std::vector<std::string> codesOf(const std::vector<Finding> &findings) {
  std::vector<std::string> codes;
  for (const Finding &finding : findings)
    codes.push_back(codeName(finding.code));
  return codes;
}

/// "fp16", or "" where there is no such module.
inline std::string computeOf(const Resolution &resolution, std::string_view path) {
  const Decision *decision = resolution.decision(path);
  return decision ? name(decision->compute) : "";
}

inline std::string persistentOf(const Resolution &resolution, std::string_view path) {
  const Decision *decision = resolution.decision(path);
  return decision ? name(decision->persistent) : "no module";
}

inline std::string printAll(const std::vector<Finding> &findings) {
  std::string text;
  for (const Finding &finding : findings)
    text += print(finding);
  return text;
}

} // namespace dsmlir::test

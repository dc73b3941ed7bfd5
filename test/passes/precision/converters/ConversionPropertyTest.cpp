// Random policies of three formats: the converted file selects the modules that the foreign rules select, as an evaluation with other
// libraries has them (std::regex, fnmatch(3), strstr) on names that are written down here once more.
#include "TestConversion.h"

#include <fnmatch.h>
#include <random>
#include <regex>

using namespace dsmlir;
using namespace dsmlir::test;
using dsrt::Json;

namespace {

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  if (size_t at = text.find(from); at != std::string::npos)
    text.replace(at, from.size(), to);
  return text;
}

std::string huggingFaceName(const std::string &path) {
  if (path == "token_embeddings")
    return "model.embed_tokens";
  if (path == "final_norm")
    return "model.norm";
  if (path == "lm_head")
    return path;
  std::string name = "model." + path;
  for (const auto &[own, theirs] : {std::pair("blocks", "layers"),
                                    {"attn_norm", "input_layernorm"},
                                    {"ffn_norm", "post_attention_layernorm"},
                                    {".attn.", ".self_attn."},
                                    {".ffn.", ".mlp."},
                                    {"kv_a_proj", "kv_a_proj_with_mqa"},
                                    {"a_norm", "a_layernorm"},
                                    {"out_proj", "o_proj"},
                                    {"router", "gate"}})
    name = replaced(name, own, theirs);
  return name;
}

std::string torchTitanName(const std::string &path) {
  if (path == "token_embeddings")
    return "tok_embeddings";
  if (path == "final_norm")
    return "norm";
  if (path == "lm_head")
    return path;
  if (size_t experts = path.find("ffn.experts"); experts != std::string::npos)
    return "layers" + path.substr(6, experts - 6) + "moe.experts";
  std::string name = path;
  bool shared = path.find("shared_experts") != std::string::npos, router = path.find("router") != std::string::npos;
  for (const auto &[own, theirs] : {std::pair("blocks", "layers"),
                                    {"attn_norm", "attention_norm"},
                                    {".attn.", ".attention."},
                                    {".ffn.", shared || router ? ".moe." : ".feed_forward."},
                                    {"q_a_norm", "q_norm"},
                                    {"kv_a_norm", "kv_norm"},
                                    {"kv_a_proj", "wkv_a"},
                                    {"kv_b_proj", "wkv_b"},
                                    {"q_a_proj", "wq_a"},
                                    {"q_b_proj", "wq_b"},
                                    {"q_proj", "wq"},
                                    {"out_proj", "wo"},
                                    {"gate_proj", "w1"},
                                    {"down_proj", "w2"},
                                    {"up_proj", "w3"},
                                    {"router", "router.gate"}})
    name = replaced(name, own, theirs);
  return name;
}

class Property : public testing::TestWithParam<unsigned> {
protected:
  std::mt19937 random{GetParam()};
  size_t below(size_t limit) { return random() % limit; }
  template <typename T> const T &one(const std::vector<T> &list) { return list[below(list.size())]; }

  Shape shape() { return {int(2 + below(11)), int(below(3)), int(2 + below(11)), below(2) == 0}; }

  std::string regex(const std::vector<std::string> &names) {
    switch (below(6)) {
    case 0:
      return ".*" + one<std::string>({"self_attn", "mlp\\.gate$", "experts\\.\\d\\.", "shared_experts", "(gate|up)_proj$", "o_proj",
                                      "layers\\.1", "[qk]v?_a_"});
    case 1:
      return "model\\.layers\\.(" + std::to_string(below(4)) + "|" + std::to_string(below(14)) + ")\\.";
    case 2:
      return "^(?!.*" + one<std::string>({"experts", "self_attn", "layers\\.0"}) + ").*" + one<std::string>({"proj", "mlp", "down_proj$"});
    case 3:
      return "model.layers.\\d+.mlp.experts.[" + std::to_string(below(3)) + "-" + std::to_string(3 + below(6)) + "]." +
             one<std::string>({"", "up", "down_proj$"});
    case 4:
      return ".*\\.(" + std::to_string(below(12)) + ")\\..*" + one<std::string>({"proj", "kv"});
    default: {
      std::string name = one(names);
      return name.substr(0, 1 + below(name.size()));
    }
    }
  }

  std::string glob(const std::vector<std::string> &names) {
    std::string name = one(names);
    switch (below(4)) {
    case 0:
      return name;
    case 1:
      return name.substr(0, 1 + below(name.size())) + "*";
    case 2:
      return "*" + name.substr(below(name.size()));
    default:
      name[below(name.size())] = '?';
      return one<std::string>(
          {name, "model.layers.[0-" + std::to_string(below(9)) + "].*", "*layers.[!1].mlp*", "*.experts.1?.*", "*experts*down_proj"});
    }
  }

  /// Names of all modules, and of some that are not there.
  std::vector<std::string> namesOf(const std::vector<Module> &modules) {
    std::vector<std::string> names;
    for (const Module &module : modules)
      names.push_back(huggingFaceName(module.path));
    names.insert(names.end(), {"model.layers.99.self_attn.o_proj", "model.vision_tower.proj"});
    return names;
  }

  void compare(const Json &policy, const Shape &shape, const std::function<bool(const Module &)> &selected) {
    SCOPED_TRACE(policy.dump(1));
    std::vector<Module> modules = modelModules(shape);
    bool any = std::any_of(modules.begin(), modules.end(), selected);
    for (std::optional<Shape> on : {std::optional(shape), std::optional<Shape>()}) {
      if (!on && GetParam() % 20)
        continue; // all models that there may be: slower
      Conversion conversion = convertText(policy.dump(), "x.json", on);
      Resolution resolution = resolveConverted(conversion, shape);
      if (on) {
        EXPECT_FALSE(resolution.hasErrors()) << printAll(resolution.findings) << conversion.precisionFile.dump(1);
        EXPECT_TRUE(resolution.findings.empty()) << printAll(resolution.findings) << conversion.precisionFile.dump(1);
      }
      if (any)
        for (const Module &module : modules)
          EXPECT_EQ(computeOf(resolution, module.path) == "fp8", selected(module)) << module.path << conversion.precisionFile.dump(1);
      else if (on)
        EXPECT_FALSE(conversion.precisionFile.contains("fp8")) << conversion.precisionFile.dump(1);
    }
  }
};

TEST_P(Property, CompressedTensors) {
  Shape model = shape();
  std::vector<Module> modules = modelModules(model);
  std::vector<std::string> names = namesOf(modules), targets, ignored;
  auto fill = [&](std::vector<std::string> &list, size_t most) {
    for (size_t i = below(most + 1); i > 0; --i)
      list.push_back(below(3) ? "re:" + regex(names) : one(names));
  };
  if (below(2))
    targets.push_back("Linear");
  fill(targets, 3);
  if (targets.empty())
    targets.push_back("Linear");
  fill(ignored, 5);
  auto named = [](const std::vector<std::string> &list, const std::string &name) {
    return std::any_of(list.begin(), list.end(), [&](const std::string &entry) {
      return entry.starts_with("re:") ? std::regex_search(name, std::regex(entry.substr(3)), std::regex_constants::match_continuous)
                                      : entry == name;
    });
  };
  bool byClass = std::find(targets.begin(), targets.end(), "Linear") != targets.end();
  compare({{"config_groups",
            {{"g",
              {{"targets", targets},
               {"weights", {{"num_bits", 8}, {"type", "float"}, {"strategy", "channel"}}},
               {"input_activations", {{"num_bits", 8}, {"type", "float"}, {"strategy", "token"}, {"dynamic", true}}}}}}},
           {"ignore", ignored}},
          model, [&](const Module &module) {
            std::string name = huggingFaceName(module.path);
            bool linear = module.type == "Linear" && !name.ends_with("mlp.gate");
            return module.lowBitCapable && ((byClass && linear) || named(targets, name)) && !named(ignored, name);
          });
}

TEST_P(Property, ModelOpt) {
  Shape model = shape();
  std::vector<Module> modules = modelModules(model);
  std::vector<std::string> names = namesOf(modules), excluded;
  for (size_t i = below(6); i > 0; --i)
    excluded.push_back(glob(names));
  compare({{"quantization", {{"quant_algo", "FP8_PER_CHANNEL_PER_TOKEN"}, {"exclude_modules", excluded}}}}, model,
          [&](const Module &module) {
            std::string name = huggingFaceName(module.path);
            return module.type == "Linear" && !name.ends_with("mlp.gate") &&
                   std::none_of(excluded.begin(), excluded.end(),
                                [&](const std::string &pattern) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; });
          });
}

TEST_P(Property, TorchTitan) {
  Shape model = shape();
  std::vector<Module> modules = modelModules(model);
  std::vector<std::string> filters, experts;
  auto part = [&] {
    std::string name = torchTitanName(one(modules).path);
    size_t begin = below(name.size());
    return name.substr(begin, 1 + below(name.size() - begin));
  };
  for (size_t i = below(5); i > 0; --i)
    filters.push_back(part());
  for (size_t i = below(3); i > 0; --i)
    experts.push_back(below(2) ? "experts" : "layers." + std::to_string(below(4)) + ".");
  // Names of yesterday and of today count as well.
  auto namesOfModule = [](const Module &module) {
    std::vector<std::string> names = {torchTitanName(module.path)};
    if (module.path == "lm_head")
      names.push_back("output");
    if (names[0].ends_with("moe.experts"))
      names.push_back(names[0].substr(0, names[0].size() - 7) + "routed_experts.inner_experts");
    return names;
  };
  auto contained = [](const std::vector<std::string> &parts, const std::vector<std::string> &names) {
    for (const std::string &part : parts)
      for (const std::string &name : names)
        if (strstr(name.c_str(), part.c_str()))
          return true;
    return false;
  };
  compare({{"quantize",
            {{"linear", {{"float8", {{"recipe_name", "rowwise"}, {"filter_fqns", filters}}}}},
             {"grouped_mm", {{"float8", {{"fqns", experts}}}}}}}},
          model, [&](const Module &module) {
            bool expert = module.path.find("ffn.experts") != std::string::npos;
            return module.type == "Linear" &&
                   (expert ? contained(experts, namesOfModule(module)) : !contained(filters, namesOfModule(module)));
          });
}

INSTANTIATE_TEST_SUITE_P(Random, Property, testing::Range(0u, 60u));

} // namespace

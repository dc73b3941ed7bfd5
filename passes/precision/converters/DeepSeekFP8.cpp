// The `quantization_config` of the published DeepSeek checkpoints, quant_method fp8: weights in blocks, activations in tiles that are
// scaled in the run (inference/kernel.py of DeepSeek-V3). `modules_to_not_convert` is that of transformers' fine-grained FP8, which reads
// the same config: a pattern at the start of the name, or its end (quantizers/quantizers_utils.py). The head is never quantised.
#include "passes/precision/converters/ForeignPolicy.h"

using namespace dsmlir;
using dsrt::Expected;
using dsrt::Json;
using dsrt::Status;

namespace {

bool recognises(const PolicySource &source) {
  const Json *config = quantizationConfig(source);
  return config && member(*config, "quant_method") == "fp8" && !config->contains("config_groups");
}

Status read(const PolicySource &source, const ReaderContext &, ForeignPolicy &policy) {
  const Json *found = quantizationConfig(source);
  if (!found)
    return Status(DSRT_UNREADABLE, source.name + ": expects a quantization_config");
  const Json &config = *found;
  std::string prefix = found != &*source.document ? "quantization_config." : "";
  if (Status status = readModelDtype(source, policy); !status.ok())
    return status;
  Scheme scheme;
  scheme.compute = Precision::FP8;
  scheme.activationGranularity = "tile_1x128";
  scheme.weightGranularity = "block_128x128";
  size_t method = 0;
  std::vector<size_t> describing;
  auto refuse = [&](size_t rule, const std::string &reason) {
    policy.notMapped(rule, reason, "modules compute in the activation dtype");
    scheme = Scheme();
  };
  bool block = false;
  for (const auto &[key, value] : config.items()) {
    std::string where = prefix + key;
    if (key == "modules_to_not_convert" || key == "ignored_layers") {
      if (!value.is_array() && !value.is_null())
        return malformed(source, where, "an array of strings", value);
      for (size_t i = 0; i < value.size(); ++i) {
        std::string place = where + "[" + std::to_string(i) + "]";
        if (!value[i].is_string())
          return malformed(source, place, "a string", value[i]);
        Expected<ModuleMatcher> matcher = ModuleMatcher::create(ModuleMatcher::Kind::Prefix, value[i].get<std::string>());
        if (!matcher)
          return Status(DSRT_UNREADABLE, source.name + ": " + place + ": " + matcher.status().message());
        policy.takesOut.push_back({policy.rule(place, value[i].get<std::string>()), std::move(*matcher), 0, ""});
      }
      continue;
    }
    size_t rule = policy.rule(where, ruleText(value));
    if (key == "quant_method") {
      method = rule;
    } else if (key == "weight_block_size") {
      block = true;
      if (value != Json::array({128, 128}))
        refuse(rule,
               value.is_null() ? "a scale a tensor with activations that say nothing of their tiles" : "FP8 weights have tiles of 128x128");
      describing.push_back(rule);
    } else if (key == "fmt") {
      if (value != "e4m3")
        refuse(rule, "products take E4M3");
    } else if (key == "activation_scheme") {
      if (value != "dynamic")
        policy.notMapped(rule, "scales of activations are from calibration", "scales of tiles of 1x128, from their own amax");
    } else if (key == "scale_fmt") {
      if (value == "ue8m0")
        scheme.scaleFormat = scheme.compute == Precision::FP8 ? "ue8m0" : "fp32";
      else if (!value.is_null() && value != "float")
        policy.notMapped(rule, "expects ue8m0 or float", "F32 scales");
      describing.push_back(rule);
    } else if (key == "dequantize" && value == true) {
      refuse(rule, "asks for dequantised weights");
    } else if (value.is_null() || key == "dequantize") {
      policy.silent(rule, "asks for nothing");
    } else {
      policy.notMapped(rule, "is no known key", "nothing");
    }
  }
  if (!block && scheme.compute == Precision::FP8)
    refuse(method, "weight_block_size is missing: a scale a tensor, with activations that say nothing of their tiles");
  if (scheme.compute == Precision::FP8) {
    policy.set(method, "precision_recipe", "deepseek_v3");
    policy.remark(method, "the recipe also says how experts exchange activations, and in what training keeps its state");
  }
  policy.gives.push_back({method, *ModuleMatcher::create(ModuleMatcher::Kind::Class, "Linear"), policy.scheme(scheme, describing), ""});
  policy.takesOut.push_back({method, *ModuleMatcher::create(ModuleMatcher::Kind::Name, "lm_head"), 0, ""});
  return Status();
}

} // namespace

const PolicyFormat dsmlir::deepseekFP8Format = {"deepseek-fp8", "a quantization_config with quant_method fp8", recognises, read};

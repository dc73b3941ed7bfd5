// NVIDIA ModelOpt: hf_quant_config.json, and the `quantization_config` with quant_method modelopt that newer versions write into
// config.json. Patterns are fnmatch over the whole name, as in TensorRT-LLM (QuantConfig.is_module_excluded_from_quantization);
// `quantized_layers` of MIXED_PRECISION names modules or the modules above them.
#include "passes/precision/converters/ForeignPolicy.h"

using namespace dsmlir;
using dsrt::Expected;
using dsrt::Json;
using dsrt::Status;

namespace {

const Json *configOf(const PolicySource &source) {
  if (!source.document)
    return nullptr;
  const Json *config = quantizationConfig(source);
  if (!config)
    if (auto nested = source.document->find("quantization"); nested != source.document->end() && nested->is_object())
      config = &*nested;
  if (!config)
    config = &*source.document;
  return config->contains("quant_algo") || config->contains("quantized_layers") ? config : nullptr;
}

class Reader {
public:
  Reader(const PolicySource &source, ForeignPolicy &policy) : source(source), policy(policy) {}

  Status run() {
    const Json *config = configOf(source);
    if (!config)
      return Status(DSRT_UNREADABLE, source.name + ": expects a quant_algo");
    if (config != &*source.document)
      prefix = source.document->contains("quantization") ? "quantization." : "quantization_config.";
    if (auto producer = source.document->find("producer"); producer != source.document->end() && config != &*source.document)
      policy.silent(policy.rule("producer", ruleText(*producer)), "says nothing about what is computed");
    if (Status status = readModelDtype(source, policy); !status.ok())
      return status;
    auto size = config->find("group_size");
    groupSize = size != config->end() ? *size : Json();
    for (const auto &[key, value] : config->items())
      if (Status status = field(key, value); !status.ok())
        return status;
    return Status();
  }

private:
  Status field(const std::string &key, const Json &value) {
    std::string where = prefix + key;
    if (key == "exclude_modules" || key == "ignore")
      return excludes(where, value);
    if (key == "quantized_layers")
      return layers(where, value);
    size_t rule = policy.rule(where, ruleText(value));
    if (key == "quant_algo") {
      if (value == "MIXED_PRECISION") {
        policy.remark(rule, "quantized_layers says what each module has");
        return Status();
      }
      if (!value.is_string() && !value.is_null())
        return malformed(source, where, "a string or null", value);
      size_t scheme = policy.scheme(schemeOf(rule, value, groupSize), {rule});
      policy.gives.push_back({rule, *ModuleMatcher::create(ModuleMatcher::Kind::Class, "Linear"), scheme, ""});
    } else if ((key == "kv_cache_quant_algo" || key == "kv_cache_scheme") && !value.is_null()) {
      policy.notMapped(rule, "the cache has no quantised format", "the cache keeps the activation dtype");
    } else if (key == "group_size" || key == "config_groups") {
      policy.silent(rule, "goes with quant_algo");
    } else if ((key == "has_zero_point" || key == "pre_quant_scale") && value == true) {
      policy.notMapped(rule,
                       key == "pre_quant_scale" ? "activations are not scaled before they are quantised" : "formats have no zero points",
                       "nothing");
    } else if (key == "quant_method" || key == "producer" || value.is_null() || value == false) {
      policy.silent(rule, value.is_null() || value == false ? "asks for nothing" : "says nothing about what is computed");
    } else {
      policy.notMapped(rule, "is no known key", "nothing");
    }
    return Status();
  }

  Status excludes(const std::string &where, const Json &list) {
    if (!list.is_array() && !list.is_null())
      return malformed(source, where, "an array of strings", list);
    for (size_t i = 0; i < list.size(); ++i) {
      std::string place = where + "[" + std::to_string(i) + "]";
      if (!list[i].is_string())
        return malformed(source, place, "a string", list[i]);
      std::string text = list[i].get<std::string>();
      bool pattern = text.find_first_of("*?[") != std::string::npos;
      Expected<ModuleMatcher> matcher = ModuleMatcher::create(pattern ? ModuleMatcher::Kind::Glob : ModuleMatcher::Kind::Name, text);
      if (!matcher)
        return Status(DSRT_UNREADABLE, source.name + ": " + place + ": " + matcher.status().message());
      policy.takesOut.push_back({policy.rule(place, text), std::move(*matcher), 0, ""});
    }
    return Status();
  }

  Status layers(const std::string &where, const Json &layers) {
    if (!layers.is_object())
      return malformed(source, where, "an object of modules", layers);
    for (const auto &[name, layer] : layers.items()) {
      if (!layer.is_object())
        return malformed(source, where + "." + name, "an object with quant_algo", layer);
      size_t rule = policy.rule(where + "." + name, ruleText(layer));
      size_t scheme = policy.scheme(schemeOf(rule, member(layer, "quant_algo"), member(layer, "group_size")), {rule});
      policy.gives.push_back({rule, *ModuleMatcher::create(ModuleMatcher::Kind::Subtree, name), scheme, ""});
    }
    return Status();
  }

  Scheme schemeOf(size_t rule, const Json &algo, const Json &size) {
    Scheme scheme;
    std::string name = algo.is_string() ? algo.get<std::string>() : "";
    bool ofSixteen = size.is_null() || size == 16;
    auto fp8 = [&](const char *activations, const char *weights) {
      scheme.compute = Precision::FP8;
      scheme.activationGranularity = activations;
      scheme.weightGranularity = weights;
    };
    if (name.empty() || name == "NO_QUANT" || name == "UNQUANTIZED") {
      policy.silent(rule, "asks for nothing");
    } else if (name == "FP8") {
      fp8("tensor", "tensor");
      policy.notMapped(rule, "scales of activations are from calibration", "a scale from the operand's own amax");
    } else if (name == "FP8_PER_CHANNEL_PER_TOKEN") {
      fp8("channel", "channel");
    } else if (name == "FP8_BLOCK_SCALES") { // TensorRT-LLM's name of DeepSeek's tiles
      fp8("tile_1x128", "block_128x128");
    } else if (name == "NVFP4" && ofSixteen) {
      scheme.compute = Precision::FP4;
      scheme.fp4Format = "nvfp4";
      policy.notMapped(rule, "the tensor's scale of activations is from calibration", "a scale a token, from its own amax");
    } else if (name == "MXFP4" && (size.is_null() || size == 32)) {
      scheme.compute = Precision::FP4;
      scheme.fp4Format = "mxfp4";
    } else {
      const char *reason = name == "FP8_PB_WO"            ? "weights alone, in blocks: FP8 storage has a scale a channel or a tensor"
                           : name == "MXFP8"              ? "FP8 has no tiles of 1x32"
                           : name.starts_with("NVFP4")    ? "NVFP4 has groups of 16, and nothing is scaled before"
                           : name.starts_with("W4A16_NV") ? "both operands of an FP4 product are FP4"
                                                          : "there is no such format";
      policy.notMapped(rule, reason, "modules compute in the activation dtype");
    }
    return scheme;
  }

  const PolicySource &source;
  ForeignPolicy &policy;
  std::string prefix;
  Json groupSize;
};

} // namespace

const PolicyFormat dsmlir::modelOptFormat = {
    "modelopt", "an hf_quant_config.json, or a quantization_config, with quant_algo",
    [](const PolicySource &source) {
      const Json *config = configOf(source);
      return config && (!config->contains("quant_method") || ruleText((*config)["quant_method"]).starts_with("modelopt"));
    },
    [](const PolicySource &source, const ReaderContext &, ForeignPolicy &policy) { return Reader(source, policy).run(); }};

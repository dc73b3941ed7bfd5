// torchao through transformers: `quantization_config` with quant_method torchao. `quant_type` is a name of older versions, or a config
// object
// {"_type", "_data"}; of torchao.quantization's FqnToConfig the exact names, `re:` patterns over the whole name, and `_default`.
// `modules_to_not_convert` as in DeepSeekFP8.cpp; embedding and head stay as they are unless include_input_output_embeddings.
#include "passes/precision/converters/ForeignPolicy.h"

using namespace dsmlir;
using dsrt::Expected;
using dsrt::Json;
using dsrt::Status;

namespace {

using Kind = ModuleMatcher::Kind;

class Reader {
public:
  Reader(const PolicySource &source, ForeignPolicy &policy) : source(source), policy(policy) {}

  Status run() {
    const Json *found = quantizationConfig(source);
    if (!found)
      return Status(DSRT_UNREADABLE, source.name + ": expects a quantization_config");
    prefix = found != &*source.document ? "quantization_config." : "";
    if (Status status = readModelDtype(source, policy); !status.ok())
      return status;
    if (!found->contains("quant_type"))
      return Status(DSRT_UNREADABLE, source.name + ": " + prefix + "quant_type is missing");
    for (const auto &[key, value] : found->items())
      if (Status status = field(key, value); !status.ok())
        return status;
    if (member(*found, "include_input_output_embeddings") != true)
      policy.takesOut.push_back({typeRule, *ModuleMatcher::create(Kind::Name, "lm_head"), 0, ""});
    return Status();
  }

private:
  Status field(const std::string &key, const Json &value) {
    std::string where = prefix + key;
    if (key == "quant_type")
      return quantType(where, value);
    if (key == "modules_to_not_convert") {
      if (!value.is_array() && !value.is_null())
        return malformed(source, where, "an array of strings", value);
      for (size_t i = 0; i < value.size(); ++i) {
        std::string place = where + "[" + std::to_string(i) + "]";
        if (!value[i].is_string())
          return malformed(source, place, "a string", value[i]);
        if (Status status = add(policy.takesOut, Kind::Prefix, value[i].get<std::string>(), policy.rule(place, ruleText(value[i])), 0);
            !status.ok())
          return status;
      }
      return Status();
    }
    size_t rule = policy.rule(where, ruleText(value));
    if (key == "quant_method" || value.is_null() || value == false || (value.is_structured() && value.empty()))
      policy.silent(rule, key == "quant_method" ? "says nothing about what is computed" : "asks for nothing");
    else if (key == "include_input_output_embeddings")
      policy.notMapped(rule, "the embedding has no low-bit format", "it keeps its dtype; the head is quantised");
    else if (key == "untie_embedding_weights")
      policy.remark(rule, "tied weights are held twice where their uses have different formats");
    else
      policy.notMapped(rule, "is no known key", "nothing");
    return Status();
  }

  Status add(std::vector<Selector> &list, Kind kind, const std::string &text, size_t rule, size_t scheme) {
    Expected<ModuleMatcher> matcher = ModuleMatcher::create(kind, text);
    if (!matcher)
      return Status(DSRT_UNREADABLE, source.name + ": " + policy.rules[rule].where + ": " + matcher.status().message());
    list.push_back({rule, std::move(*matcher), scheme, kind == Kind::Regex || kind == Kind::Name ? "Linear" : ""});
    return Status();
  }

  Status quantType(const std::string &where, const Json &value) {
    if (value.is_object() && value.contains("default"))
      return quantType(where + ".default", value["default"]);
    if (!value.is_string() && !member(value, "_type").is_string())
      return malformed(source, where, "a name, or an object with _type", value);
    std::string type = value.is_string() ? value.get<std::string>() : value["_type"].get<std::string>();
    if (type == "ModuleFqnToConfig" || type == "FqnToConfig") {
      typeRule = policy.rule(where, type);
      policy.remark(typeRule, "its entries say what each module has");
      const Json &data = member(value, "_data");
      for (const char *key : {"module_fqn_to_config", "fqn_to_config"})
        if (const Json &list = member(data, key); list.is_object())
          return entries(where + "." + key, list);
      return malformed(source, where + "._data", "fqn_to_config", data);
    }
    typeRule = policy.rule(where, ruleText(value));
    return add(policy.gives, Kind::Class, "Linear", typeRule, policy.scheme(schemeOf(typeRule, value), {typeRule}));
  }

  Status entries(const std::string &where, const Json &entries) {
    // Names first, then patterns, then the default.
    for (int rank = 0; rank < 3; ++rank)
      for (const auto &[name, config] : entries.items()) {
        int own = name == "_default" ? 2 : name.starts_with("re:") ? 1 : 0;
        if (own != rank)
          continue;
        size_t rule = policy.rule(where + "." + name, ruleText(config));
        size_t scheme = policy.scheme(schemeOf(rule, config), {rule});
        Kind kind = rank == 0 ? Kind::Name : rank == 1 ? Kind::Regex : Kind::Class;
        std::string text = rank == 0 ? name : rank == 1 ? "(?:" + name.substr(3) + ")\\z" : "Linear";
        if (Status status = add(policy.gives, kind, text, rule, scheme); !status.ok())
          return status;
      }
    return Status();
  }

  /// "PerRow", of {"_type": "PerRow"}, of a list of two equal ones, or of "PerRow()".
  static std::string granularity(const Json &value) {
    if (value.is_array()) {
      std::vector<std::string> parts;
      for (const Json &element : value)
        parts.push_back(element.is_array() ? ruleText(element) : granularity(element));
      if (parts.size() == 2)
        return parts[0] == parts[1] ? parts[0] : parts[0] + " and " + parts[1];
      return ruleText(value);
    }
    const Json &type = member(value, "_type");
    if (type == "PerBlock")
      return "PerBlock" + member(member(value, "_data"), "block_size").dump();
    std::string text = ruleText(type.is_string() ? type : value);
    return text.substr(0, text.find('('));
  }

  Scheme schemeOf(size_t rule, const Json &config) {
    Scheme scheme;
    if (config.is_null()) {
      policy.silent(rule, "asks for nothing");
      return scheme;
    }
    std::string type = config.is_string() ? config.get<std::string>() : ruleText(member(config, "_type"));
    const Json &data = member(config, "_data");
    if (type == "Float8WeightOnlyConfig" || type == "float8_weight_only") {
      scheme.stored = Precision::FP8;
      scheme.storedGranularity = "per_channel";
      policy.remark(rule, "FP8 storage: products are taken of the dequantised weights, in the activation dtype");
    } else if (type == "Float8DynamicActivationFloat8WeightConfig" || type == "float8_dynamic_activation_float8_weight") {
      std::string tiles = member(data, "granularity").is_null() ? "PerTensor" : granularity(member(data, "granularity"));
      scheme.compute = Precision::FP8;
      if (tiles == "PerRow")
        scheme.activationGranularity = scheme.weightGranularity = "channel";
      else if (tiles == "PerTensor")
        scheme.activationGranularity = scheme.weightGranularity = "tensor";
      else if (tiles == "PerBlock[1,128] and PerBlock[128,128]")
        scheme.activationGranularity = "tile_1x128", scheme.weightGranularity = "block_128x128";
      else {
        policy.notMapped(rule, "FP8 has no tiles " + tiles, "modules compute in the activation dtype");
        return Scheme();
      }
    } else {
      policy.notMapped(rule, "there is no such format", "modules compute in the activation dtype");
    }
    return scheme;
  }

  const PolicySource &source;
  ForeignPolicy &policy;
  std::string prefix;
  size_t typeRule = 0;
};

} // namespace

const PolicyFormat dsmlir::torchAOFormat = {
    "torchao", "a quantization_config with quant_method torchao",
    [](const PolicySource &source) {
      const Json *config = quantizationConfig(source);
      return config && member(*config, "quant_method") == "torchao";
    },
    [](const PolicySource &source, const ReaderContext &, ForeignPolicy &policy) { return Reader(source, policy).run(); }};

// compressed-tensors: the `quantization_config` that llm-compressor writes. Semantics: compressed_tensors, utils/match.py (a target is
// a module's name, the name of a class of it, or `re:` and a pattern for re.match; `ignore` wins) and quantization/lifecycle/apply.py
// (of several targets a name counts before a pattern and a pattern before a class, then their order); the fields of a scheme:
// quantization/quant_args.py.
#include "passes/precision/converters/ForeignPolicy.h"
#include "runtime/support/FieldReader.h"

#include <algorithm>

using namespace dsmlir;
using dsrt::Expected;
using dsrt::Json;
using dsrt::Status;

namespace {

bool recognises(const PolicySource &source) {
  const Json *config = quantizationConfig(source);
  if (!config)
    return source.document && source.document->contains("config_groups") && !source.document->contains("quant_algo");
  auto method = config->find("quant_method");
  return method != config->end() ? *method == "compressed-tensors" : config->contains("config_groups");
}

/// Weights or activations of a group: the fields that count.
struct Tensor {
  int64_t bits = 0;
  std::string type, strategy, dynamic, scaleDtype;
  int64_t groupSize = 0;
  std::vector<int64_t> block;
  bool symmetric = true, actorder = false;

  bool is(int64_t wantedBits, const char *wantedStrategy) const {
    return bits == wantedBits && type == "float" && strategy == wantedStrategy;
  }
  std::string text() const {
    std::string shape = strategy;
    if (groupSize > 0)
      shape += " of " + std::to_string(groupSize);
    for (size_t i = 0; i < block.size(); ++i)
      shape += (i ? "x" : " of ") + std::to_string(block[i]);
    return std::string(symmetric ? "" : "asymmetric ") + (dynamic == "false" ? "static " : "") + type + std::to_string(bits) + " by " +
           shape;
  }
};

class Reader {
public:
  Reader(const PolicySource &source, ForeignPolicy &policy) : source(source), policy(policy) {}

  Status run() {
    if (!source.document)
      return Status(DSRT_UNREADABLE, source.name + ": expects JSON");
    const Json *found = quantizationConfig(source);
    const Json &config = found ? *found : *source.document;
    prefix = found && found != &*source.document ? "quantization_config." : "";
    if (Status status = readModelDtype(source, policy); !status.ok())
      return status;
    if (!config.contains("config_groups"))
      return Status(DSRT_UNREADABLE, source.name + ": " + prefix + "config_groups is missing");
    for (const auto &[key, value] : config.items())
      if (Status status = field(key, value); !status.ok())
        return status;
    // A name counts before a pattern, a pattern before a class.
    auto rank = [](const Selector &selector) {
      return selector.matcher.kind() == ModuleMatcher::Kind::Name ? 0 : selector.matcher.kind() == ModuleMatcher::Kind::Regex ? 1 : 2;
    };
    std::sort(policy.gives.begin(), policy.gives.end(),
              [&](const Selector &a, const Selector &b) { return std::pair(rank(a), a.rule) < std::pair(rank(b), b.rule); });
    return Status();
  }

private:
  Status field(const std::string &key, const Json &value) {
    std::string where = prefix + key;
    if (key == "config_groups") {
      if (!value.is_object())
        return malformed(source, where, "an object of groups", value);
      for (const auto &[name, group] : value.items())
        if (Status status = readGroup(where + "." + name, group); !status.ok())
          return status;
      return Status();
    }
    if (key == "ignore") {
      if (!value.is_array() && !value.is_null())
        return malformed(source, where, "an array of strings", value);
      return readNames(
          where, value, [&](size_t rule, ModuleMatcher matcher) { policy.takesOut.push_back({rule, std::move(matcher), 0, ""}); }, true);
    }
    size_t rule = policy.rule(where, ruleText(value));
    static const std::vector<std::string> silentKeys = {"quant_method", "quantization_status", "version", "global_compression_ratio",
                                                        "format",       "run_compressed"};
    bool nothing = value.is_null() || (value.is_structured() && value.empty());
    if (std::find(silentKeys.begin(), silentKeys.end(), key) != silentKeys.end())
      policy.silent(rule, key == "format" ? "how the checkpoint packs its tensors; the groups say what is computed"
                                          : "says nothing about what is computed");
    else if (key == "kv_cache_scheme" && !nothing)
      policy.notMapped(rule, "the cache has no quantised format", "the cache keeps the activation dtype");
    else if (key == "sparsity_config" && !nothing && member(value, "format") != "dense")
      policy.notMapped(rule, "sparse weights are not implemented", "weights are dense");
    else if (key == "transform_config" && !nothing)
      policy.notMapped(rule, "transforms of weights and activations are not implemented", "nothing is transformed");
    else if (nothing || key == "sparsity_config")
      policy.silent(rule, "asks for nothing");
    else
      policy.notMapped(rule, "is no known key", "nothing");
    return Status();
  }

  template <typename Add> Status readNames(const std::string &where, const Json &list, Add add, bool mayBeEmpty) {
    if (list.empty() && !mayBeEmpty)
      return malformed(source, where, "at least one string", list);
    size_t index = 0;
    for (const Json &element : list) {
      std::string place = where + "[" + std::to_string(index++) + "]";
      if (!element.is_string())
        return malformed(source, place, "a string", element);
      std::string text = element.get<std::string>();
      // Classes begin with capitals, modules do not.
      ModuleMatcher::Kind kind = text.starts_with("re:")                                              ? ModuleMatcher::Kind::Regex
                                 : !text.empty() && std::isupper(static_cast<unsigned char>(text[0])) ? ModuleMatcher::Kind::Class
                                                                                                      : ModuleMatcher::Kind::Name;
      Expected<ModuleMatcher> matcher = ModuleMatcher::create(kind, kind == ModuleMatcher::Kind::Regex ? text.substr(3) : text);
      if (!matcher)
        return Status(matcher.status().code(), source.name + ": " + place + ": " + matcher.status().message());
      add(policy.rule(place, text), std::move(*matcher));
    }
    return Status();
  }

  Expected<Tensor> readTensor(const std::string &where, const Json &value) {
    if (!value.is_object())
      return malformed(source, where, "an object or null", value);
    dsrt::FieldReader reader(value, source.name, where + ".");
    Tensor tensor;
    tensor.bits = reader.integer("num_bits", 1, 64, 8);
    tensor.type = reader.word("type", "int");
    tensor.groupSize = reader.integer("group_size", -1, int64_t(1) << 30, 0);
    tensor.strategy = reader.word("strategy", tensor.groupSize > 0 ? "group" : tensor.groupSize < 0 ? "channel" : "tensor");
    tensor.symmetric = reader.boolean("symmetric", true);
    tensor.actorder = reader.has("actorder") && *reader.find("actorder") != false;
    tensor.scaleDtype = reader.word("scale_dtype", "");
    const Json *dynamic = reader.find("dynamic");
    tensor.dynamic = !dynamic ? "false" : dynamic->is_boolean() ? (dynamic->get<bool>() ? "true" : "false") : reader.word("dynamic", "");
    if (const Json *block = reader.find("block_structure")) {
      // [128, 128], or "128x128" of older files.
      if (block->is_string()) {
        std::string text = block->get<std::string>();
        size_t cross = text.find('x');
        if (cross != std::string::npos && text.size() < 20 && text.find_first_not_of("0123456789x") == std::string::npos && cross > 0 &&
            cross + 1 < text.size() && text.find('x', cross + 1) == std::string::npos)
          tensor.block = {std::atoll(text.c_str()), std::atoll(text.c_str() + cross + 1)};
      } else if (block->is_array() && block->size() == 2 && (*block)[0].is_number_integer() && (*block)[1].is_number_integer()) {
        tensor.block = {(*block)[0].get<int64_t>(), (*block)[1].get<int64_t>()};
      }
      if (tensor.block.empty())
        return malformed(source, where + ".block_structure", "two extents", *block);
    }
    if (!reader.ok())
      return reader.status();
    return tensor;
  }

  Status readGroup(const std::string &where, const Json &group) {
    if (!group.is_object())
      return malformed(source, where, "an object", group);
    std::optional<Tensor> weights, activations;
    std::optional<size_t> weightsRule, activationsRule;
    for (auto [key, tensor, rule] :
         {std::tuple("weights", &weights, &weightsRule), {"input_activations", &activations, &activationsRule}}) {
      auto found = group.find(key);
      if (found == group.end() || found->is_null())
        continue;
      Expected<Tensor> read = readTensor(where + "." + key, *found);
      if (!read)
        return read.status();
      *tensor = std::move(*read);
      *rule = policy.rule(where + "." + key, ruleText(*found));
    }
    std::vector<size_t> describing;
    for (std::optional<size_t> rule : {weightsRule, activationsRule})
      if (rule)
        describing.push_back(*rule);
    size_t scheme = policy.scheme(schemeOf(weights, weightsRule, activations, activationsRule), describing);
    for (const auto &[key, value] : group.items()) {
      std::string place = where + "." + key;
      bool nothing = value.is_null() || (value.is_structured() && value.empty());
      if (key == "weights" || key == "input_activations") {
        if (value.is_null())
          policy.remark(policy.rule(place, "null"), key == "weights" ? "weights stay as they are" : "activations stay as they are");
      } else if (key == "targets") {
        if (!value.is_array())
          return malformed(source, place, "an array of strings", value);
        if (Status status = readNames(
                place, value, [&](size_t rule, ModuleMatcher matcher) { policy.gives.push_back({rule, std::move(matcher), scheme, ""}); },
                false);
            !status.ok())
          return status;
      } else if (key == "output_activations" && !nothing) {
        policy.notMapped(policy.rule(place, ruleText(value)), "results of products are not quantised", "results keep the activation dtype");
      } else if (key == "format" || nothing) {
        policy.silent(policy.rule(place, ruleText(value)), key == "format" ? "how the checkpoint packs its tensors" : "asks for nothing");
      } else {
        policy.notMapped(policy.rule(place, ruleText(value)), "is no known key", "nothing");
      }
    }
    if (!group.contains("targets"))
      return Status(DSRT_UNREADABLE, source.name + ": " + where + ".targets is missing");
    return Status();
  }

  /// What a group's modules compute in. Its rules say where that is not what the group asks for.
  Scheme schemeOf(const std::optional<Tensor> &weights, std::optional<size_t> weightsRule, const std::optional<Tensor> &activations,
                  std::optional<size_t> activationsRule) {
    Scheme scheme;
    const std::string wide = "the group's modules compute in the activation dtype";
    if (!weights) {
      if (activations)
        policy.notMapped(*activationsRule, "activations alone are quantised: a product of ours takes two low-bit operands", wide);
      return scheme;
    }
    auto refuse = [&](const std::string &reason) {
      policy.notMapped(*weightsRule, reason, wide);
      if (activationsRule)
        policy.notMapped(*activationsRule, "goes with weights that cannot be mapped", wide);
      return Scheme();
    };
    if (!weights->symmetric || weights->actorder)
      return refuse(weights->text() + (weights->actorder ? ", reordered" : "") +
                    ": weights of ours have no zero points and no order of their own");
    if (weights->type != "float")
      return refuse(weights->text() + ": there are no integer formats");

    if (!activations) { // weights alone: a format of storage
      if (weights->is(8, "channel") || weights->is(8, "tensor")) {
        scheme.stored = Precision::FP8;
        scheme.storedGranularity = weights->strategy == "channel" ? "per_channel" : "per_tensor";
        policy.remark(*weightsRule, "FP8 storage: products are taken of the dequantised weights, in the activation dtype");
        return scheme;
      }
      return refuse(weights->text() + " without quantised activations: FP8 storage has a scale a channel or a tensor");
    }

    bool mx = weights->is(4, "group") && weights->groupSize == 32, nv = weights->is(4, "tensor_group") && weights->groupSize == 16;
    if (mx || nv) {
      if (activations->bits != 4 || activations->type != "float" || activations->groupSize != weights->groupSize || !activations->symmetric)
        return refuse(weights->text() + " with activations in " + activations->text() +
                      ": both operands of an FP4 product have one format");
      scheme.compute = Precision::FP4;
      scheme.fp4Format = mx ? "mxfp4" : "nvfp4";
      if (nv) // dynamic "local": the scales of the groups are made in the run, that of the tensor is from calibration
        policy.notMapped(*activationsRule, "the tensor's scale is from calibration", "a scale a token, from its own amax");
      else if (activations->dynamic != "true")
        policy.notMapped(*activationsRule, "the scales are from calibration", "scales from the operand's own amax");
      return scheme;
    }

    if (weights->bits != 8)
      return refuse(weights->text() + ": FP4 comes in groups of 16 (tensor_group) or 32 (group)");
    scheme.compute = Precision::FP8;
    if (weights->strategy == "block" && weights->block == std::vector<int64_t>{128, 128})
      scheme.weightGranularity = "block_128x128";
    else if (weights->strategy == "channel" || weights->strategy == "tensor")
      scheme.weightGranularity = weights->strategy;
    else
      return refuse(weights->text() + ": FP8 weights have tiles of 128x128, a scale a channel or a scale a tensor");
    if (activations->bits != 8 || activations->type != "float" || !activations->symmetric)
      return refuse(weights->text() + " with activations in " + activations->text() + ": both operands of an FP8 product are FP8");
    if (activations->strategy == "group" && activations->groupSize == 128)
      scheme.activationGranularity = "tile_1x128";
    else if (activations->strategy == "token")
      scheme.activationGranularity = "channel";
    else if (activations->strategy == "tensor")
      scheme.activationGranularity = "tensor";
    else
      return refuse("activations in " + activations->text() + ": FP8 activations have tiles of 1x128, a scale a token or a scale a tensor");
    auto powers = [](const Tensor &tensor) {
      return tensor.scaleDtype.find("e8m0") != std::string::npos || tensor.scaleDtype == "torch.uint8";
    };
    if (powers(*weights) != powers(*activations))
      policy.notMapped(*activationsRule, "weights and activations have scales of different dtypes", "F32 scales for both");
    else if (powers(*weights))
      scheme.scaleFormat = "ue8m0";
    if (activations->dynamic != "true")
      policy.notMapped(*activationsRule, "the scale is from calibration", "a scale from the operand's own amax");
    return scheme;
  }

  const PolicySource &source;
  ForeignPolicy &policy;
  std::string prefix;
};

} // namespace

const PolicyFormat dsmlir::compressedTensorsFormat = {
    "compressed-tensors", "a quantization_config with quant_method compressed-tensors or with config_groups", recognises,
    [](const PolicySource &source, const ReaderContext &, ForeignPolicy &policy) { return Reader(source, policy).run(); }};

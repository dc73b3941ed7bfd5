// torchtitan: the float8 and mx sections of a job config, TOML or JSON. A Linear is converted unless one of `filter_fqns` is a part of its
// name (components/quantization/utils.py, module_filter_fn); grouped experts are converted where one of `fqns` is a part of theirs. Recipes
// are torchao's (torchao/float8/config.py): rowwise scales are powers of two; tensorwise has E5M2 gradients, rowwise E4M3 ones.
#include "passes/precision/converters/ForeignPolicy.h"

#include <array>

using namespace dsmlir;
using dsrt::Expected;
using dsrt::Json;
using dsrt::Status;

namespace {

using Kind = ModuleMatcher::Kind;

/// A section that a converter of `model.converters` reads: as it is named today, and before.
struct Section {
  const char *name, *before;
  bool mx, grouped;
};
constexpr std::array sections = {Section{"quantize.linear.float8", "float8", false, false},
                                 Section{"quantize.linear.mx", "mx", true, false}, Section{"quantize.grouped_mm.float8", "", false, true},
                                 Section{"quantize.grouped_mm.mx", "", true, true}};

const Json *at(const Json &document, std::string_view path) {
  const Json *value = &document;
  for (size_t begin = 0; begin <= path.size() && value;) {
    size_t dot = std::min(path.find('.', begin), path.size());
    auto found = value->is_object() ? value->find(std::string(path.substr(begin, dot - begin))) : value->end();
    value = value->is_object() && found != value->end() ? &*found : nullptr;
    begin = dot + 1;
  }
  return value;
}

bool recognises(const PolicySource &source) {
  if (!source.document)
    return false;
  for (const Section &section : sections)
    if (at(*source.document, section.name) || (*section.before && at(*source.document, section.before)))
      return true;
  return false;
}

class Reader {
public:
  Reader(const PolicySource &source, ForeignPolicy &policy) : source(source), policy(policy) {}

  Status run() {
    policy.naming = Naming::TorchTitan;
    const Json *list = at(*source.document, "model.converters");
    if (list && !list->is_array())
      return malformed(source, "model.converters", "an array of strings", *list);
    for (size_t i = 0; list && i < list->size(); ++i) {
      std::string where = "model.converters[" + std::to_string(i) + "]";
      if (!(*list)[i].is_string())
        return malformed(source, where, "a string", (*list)[i]);
      size_t rule = policy.rule(where, ruleText((*list)[i]));
      bool known = false;
      for (size_t s = 0; s < sections.size(); ++s)
        if ((*list)[i] == sections[s].name || (*list)[i] == sections[s].before)
          listed[s] = rule, known = true;
      if (!known)
        policy.notMapped(rule, "is no converter that is known", "nothing");
    }
    for (size_t s = 0; s < sections.size(); ++s) {
      bool found = false;
      for (const char *name : {sections[s].name, sections[s].before})
        if (const Json *section = *name ? at(*source.document, name) : nullptr) {
          found = true;
          if (Status status = readSection(sections[s], name, *section, listed[s], list != nullptr); !status.ok())
            return status;
        }
      if (!found && listed[s] && !sections[s].grouped) // its defaults
        if (Status status = readSection(sections[s], sections[s].name, Json::object(), listed[s], true); !status.ok())
          return status;
    }
    return training();
  }

private:
  Status readSection(const Section &section, const std::string &name, const Json &keys, std::optional<size_t> converter,
                     bool needsConverter) {
    if (!keys.is_object())
      return malformed(source, name, "a section", keys);
    if (needsConverter && !converter) {
      for (const auto &[key, value] : keys.items())
        if (!value.is_object())
          policy.remark(policy.rule(name + "." + key, ruleText(value)), "has no effect there: its converter is not among model.converters");
      return Status();
    }
    // What names the recipe: its key, or what turns the section on.
    auto recipe = keys.find("recipe_name");
    if (recipe != keys.end() && !recipe->is_string() && !recipe->is_null())
      return malformed(source, name + ".recipe_name", "a string", *recipe);
    bool named = recipe != keys.end() && recipe->is_string();
    size_t rule = named ? policy.rule(name + ".recipe_name", ruleText(*recipe)) : converter ? *converter : policy.rule(name, "");
    std::string wanted = named ? recipe->get<std::string>() : section.mx ? "mxfp8" : section.grouped ? "rowwise" : "tensorwise";
    if (!named)
      policy.remark(rule, "recipe " + wanted + ", the default");
    size_t scheme = policy.scheme(schemeOf(section, wanted, rule), {rule});
    if (!section.grouped)
      policy.gives.push_back({rule, *ModuleMatcher::create(Kind::Class, "Linear"), scheme, ""});
    for (const auto &[key, value] : keys.items()) {
      std::string where = name + "." + key;
      bool filter = key == "filter_fqns" && !section.grouped, experts = key == "moe_fqns_prototype" || (key == "fqns" && section.grouped);
      if (filter || experts) {
        // Grouped experts have one recipe of their own: rows, powers of two.
        size_t own = experts && !section.grouped
                         ? policy.scheme(schemeOf({"", "", section.mx, true}, section.mx ? "mxfp8" : "rowwise", rule), {rule})
                         : scheme;
        if (Status status = names(where, value, experts, own); !status.ok())
          return status;
      } else if (key == "recipe_name") {
        if (!named)
          policy.silent(policy.rule(where, ruleText(value)), "asks for nothing");
      } else {
        other(key, value, policy.rule(where, ruleText(value)));
      }
    }
    return Status();
  }

  Status names(const std::string &where, const Json &list, bool experts, size_t scheme) {
    if (!list.is_array())
      return malformed(source, where, "an array of strings", list);
    if (list.empty())
      policy.remark(policy.rule(where, "[]"), experts ? "no experts are converted" : "leaves nothing out");
    for (size_t i = 0; i < list.size(); ++i) {
      std::string place = where + "[" + std::to_string(i) + "]";
      if (!list[i].is_string() || list[i].get<std::string>().empty())
        return malformed(source, place, "a part of a name", list[i]);
      std::string text = list[i].get<std::string>();
      size_t rule = policy.rule(place, text);
      if (text == "auto_filter_small_kn" && !experts)
        policy.notMapped(rule, "leaves out layers by a table of measured sizes", "no layer is left out for its size");
      else if (experts)
        policy.gives.push_back({rule, *ModuleMatcher::create(Kind::Substring, text), scheme, "GroupedExperts"});
      else
        policy.takesOut.push_back({rule, *ModuleMatcher::create(Kind::Substring, text), 0, "Linear"});
    }
    return Status();
  }

  Scheme schemeOf(const Section &section, const std::string &recipe, size_t rule) {
    Scheme scheme;
    const std::string wide = "modules compute in the activation dtype";
    if (section.mx) {
      policy.notMapped(rule, recipe + ": FP8 has no tiles of 1x32", wide);
      return scheme;
    }
    scheme.compute = Precision::FP8;
    if (recipe == "tensorwise") {
      scheme.activationGranularity = scheme.weightGranularity = "tensor";
      policy.set(rule, "fp8_format", "hybrid");
    } else if (recipe == "rowwise" || recipe == "rowwise_with_gw_hp") {
      scheme.activationGranularity = scheme.weightGranularity = "channel";
      scheme.scaleFormat = "ue8m0";
      if (recipe != "rowwise")
        policy.notMapped(rule, "the gradient of weights has no dtype of its own", "as rowwise");
    } else {
      policy.notMapped(rule, "is no recipe that is known", wide);
      return Scheme();
    }
    return scheme;
  }

  void other(const std::string &key, const Json &value, size_t rule) {
    if (value == false || value.is_null())
      policy.silent(rule, "asks for nothing");
    else if (key == "enable_fsdp_float8_all_gather")
      policy.remark(rule, "weights are gathered in FP8: the same numbers");
    else if (key == "precompute_float8_dynamic_scale_for_fsdp" || key == "force_recompute_fp8_weight_in_bwd" || key == "emulate" ||
             key == "mxfp8_dim1_cast_kernel_choice" || key == "pad_token_groups_for_grouped_mm")
      policy.remark(rule, "how it is computed, not what");
    else
      policy.notMapped(rule, "is no known key", "nothing");
  }

  /// The dtypes of the training section.
  Status training() {
    const Json *section = at(*source.document, "training");
    if (!section || !section->is_object())
      return Status();
    for (const auto &[key, value] : section->items()) {
      bool params = key == "mixed_precision_param", reduce = key == "mixed_precision_reduce";
      if (!params && !reduce && key != "dtype")
        continue;
      if (!value.is_string())
        return malformed(source, "training." + key, "a string", value);
      size_t rule = policy.rule("training." + key, ruleText(value));
      const char *own = value == "bfloat16" ? "bf16" : value == "float32" ? "fp32" : value == "float16" ? "fp16" : nullptr;
      if (!own)
        policy.notMapped(rule, "expects float32, bfloat16 or float16", "the default");
      else if (params)
        policy.set(rule, "activation_dtype", own);
      else if (reduce)
        policy.set(rule, "main_grads_dtype", own);
      else
        policy.set(rule, "main_params_dtype", own);
    }
    return Status();
  }

  const PolicySource &source;
  ForeignPolicy &policy;
  std::array<std::optional<size_t>, sections.size()> listed;
};

} // namespace

const PolicyFormat dsmlir::torchTitanFormat = {
    "torchtitan", "a job config with a section float8, mx, quantize.linear or quantize.grouped_mm", recognises,
    [](const PolicySource &source, const ReaderContext &, ForeignPolicy &policy) {
      if (!source.document)
        return Status(DSRT_UNREADABLE, source.name + ": expects TOML or JSON");
      policy.notes.push_back("torchtitan also leaves out linear layers with an extent that is no multiple of 16; here they are converted");
      return Reader(source, policy).run();
    }};

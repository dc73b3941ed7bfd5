// Megatron-LM and Transformer Engine: the precision flags of a command line, of a shell script, or of a JSON object of arguments
// (megatron/training/arguments.py; underscores as well as dashes). What is quantised are Transformer Engine's linears, those of the blocks.
// Recipes are Transformer Engine's (common/recipe): blockwise has tiles of 1x128 and 128x128 with scales that are powers of two unless
// NVTE_FP8_BLOCK_SCALING_FP32_SCALES is 1.
#include "passes/precision/converters/ForeignPolicy.h"
#include "runtime/support/Json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

using namespace dsmlir;
using dsrt::Json;
using dsrt::Status;

namespace {

/// A flag without its dashes, and its value where it has one.
struct Flag {
  std::string name;
  std::optional<std::string> value;
};

/// What the readers know; `takesValue` in the sense of Megatron's parser.
struct Known {
  const char *name;
  bool takesValue;
};
const Known knownFlags[] = {{"fp8-format", true},
                            {"fp8-recipe", true},
                            {"fp8-margin", true},
                            {"fp8-interval", true},
                            {"fp8-amax-history-len", true},
                            {"fp8-amax-compute-algo", true},
                            {"fp8-param-gather", false},
                            {"no-fp8-wgrad", false},
                            {"first-last-layers-bf16", false},
                            {"num-layers-at-start-in-bf16", true},
                            {"num-layers-at-end-in-bf16", true},
                            {"fp4-format", true},
                            {"fp4-recipe", true},
                            {"fp4-param-gather", false},
                            {"bf16", false},
                            {"fp16", false},
                            {"main-params-dtype", true},
                            {"main-grads-dtype", true},
                            {"exp-avg-dtype", true},
                            {"exp-avg-sq-dtype", true},
                            {"loss-scale", true},
                            {"initial-loss-scale", true},
                            {"min-loss-scale", true},
                            {"loss-scale-window", true},
                            {"hysteresis", true},
                            {"accumulate-allreduce-grads-in-fp32", false},
                            {"grad-reduce-in-bf16", false},
                            {"attention-softmax-in-fp32", false},
                            {"fp32-residual-connection", false},
                            {"moe-router-dtype", true},
                            {"use-precision-aware-optimizer", false}};

const Known *known(std::string_view name) {
  for (const Known &flag : knownFlags)
    if (flag.name == name)
      return &flag;
  return nullptr;
}

/// A flag that is not known, and by its name speaks of precision.
bool speaksOfPrecision(std::string_view name) {
  for (std::string_view part : {"fp8", "fp4", "fp16", "bf16", "fp32", "mxfp", "nvfp", "loss-scale", "precision", "quant", "-dtype"})
    if (name.find(part) != std::string_view::npos)
      return true;
  return false;
}

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  // The names that Megatron keeps two of its arguments under.
  return name == "fp8" ? "fp8-format" : name == "fp4" ? "fp4-format" : name;
}

constexpr std::string_view scalesVariable = "NVTE_FP8_BLOCK_SCALING_FP32_SCALES";

std::vector<Flag> flagsOf(const PolicySource &source) {
  std::vector<Flag> flags;
  if (source.document) {
    for (const auto &[key, value] : source.document->items()) {
      std::string name = key == scalesVariable ? key : dashed(key);
      if (value.is_null() || value.is_structured())
        continue;
      if (value == false) {
        if (name == "fp8-wgrad")
          flags.push_back({"no-fp8-wgrad", {}});
      } else if (value == true) {
        if (name != "fp8-wgrad")
          flags.push_back({name, {}});
      } else {
        flags.push_back({name, ruleText(value)});
      }
    }
    return flags;
  }
  for (size_t i = 0; i < source.words.size(); ++i) {
    std::string word = source.words[i];
    if (word.starts_with(scalesVariable) && word.size() > scalesVariable.size() && word[scalesVariable.size()] == '=') {
      flags.push_back({std::string(scalesVariable), word.substr(scalesVariable.size() + 1)});
      continue;
    }
    if (!word.starts_with("--") || word.size() < 3)
      continue;
    size_t equals = word.find('=');
    Flag flag{dashed(word.substr(2, equals == std::string::npos ? equals : equals - 2)), {}};
    const Known *entry = known(flag.name);
    const std::string *next = i + 1 < source.words.size() ? &source.words[i + 1] : nullptr;
    if (equals != std::string::npos)
      flag.value = word.substr(equals + 1);
    else if (next &&
             (!entry || entry->takesValue ? !next->starts_with("--") : *next == "true" || *next == "false")) // flags: ms-swift's form
      flag.value = source.words[++i];
    if (flag.value && entry && !entry->takesValue) {
      if (*flag.value == "false")
        continue;
      flag.value.reset();
    }
    flags.push_back(std::move(flag));
  }
  return flags;
}

bool recognises(const PolicySource &source) {
  if (source.document &&
      (quantizationConfig(source) || source.document->contains("config_groups") || source.document->contains("quantization")))
    return false;
  for (const Flag &flag : flagsOf(source))
    if (known(flag.name))
      return true;
  return false;
}

class Reader {
public:
  Reader(const PolicySource &source, const ReaderContext &context, ForeignPolicy &policy)
      : source(source), context(context), policy(policy) {}

  Status run() {
    policy.naming = Naming::Megatron;
    for (const Flag &flag : flagsOf(source)) {
      if (flag.name == "num-layers" && flag.value)
        layers = number(*flag.value);
      bool variable = flag.name == scalesVariable;
      if (!variable && !known(flag.name) && !speaksOfPrecision(flag.name))
        continue;
      std::string where = variable ? flag.name : "--" + flag.name;
      size_t rule = policy.rule(where, flag.value.value_or(""));
      if (const Known *entry = known(flag.name); entry && entry->takesValue && !flag.value)
        return Status(DSRT_UNREADABLE, source.name + ": " + where + " expects a value");
      if (flag.value && flag.value->find('$') != std::string::npos)
        policy.notMapped(rule, "its value is a variable of the shell: write the value", "as if it were not given");
      else if (!known(flag.name) && !variable)
        policy.notMapped(rule, "is no flag that is known", "nothing");
      else if (!given.emplace(flag.name, Given{rule, flag.value.value_or("")}).second)
        return Status(DSRT_UNREADABLE, source.name + ": " + where + " is given twice");
    }
    if (context.layers && layers && *layers != *context.layers)
      policy.notes.push_back("--num-layers is " + std::to_string(*layers) + ", but the model has " + std::to_string(*context.layers) +
                             " blocks: the model counts");
    if (context.layers)
      layers = context.layers;
    baseDtype();
    if (Status status = lowBit(); !status.ok())
      return status;
    lossScale();
    state();
    for (auto &[name, entry] : given)
      if (!entry.used)
        policy.remark(entry.rule, "has no effect beside the others");
    return Status();
  }

private:
  struct Given {
    size_t rule;
    std::string value;
    bool used = false;
  };

  static std::optional<int64_t> number(const std::string &text) {
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value >= 0 && value < (int64_t(1) << 40) ? std::optional(value)
                                                                                                                : std::nullopt;
  }
  static std::optional<double> real(const std::string &text) {
    double value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && std::isfinite(value) ? std::optional(value) : std::nullopt;
  }

  Given *use(const char *name) {
    auto found = given.find(name);
    if (found == given.end())
      return nullptr;
    found->second.used = true;
    return &found->second;
  }
  Status bad(const char *name, const std::string &expectation, const std::string &got) {
    return Status(DSRT_UNREADABLE, source.name + ": --" + name + " expects " + expectation + ", but got '" + got + "'");
  }

  void baseDtype() {
    Given *bf16 = use("bf16"), *fp16 = use("fp16");
    Given *entry = bf16 ? bf16 : fp16;
    if (!entry) {
      policy.notes.push_back(
          "neither --bf16 nor --fp16 is given: Megatron's default is FP32; the converted policy leaves BF16, the default here");
      return;
    }
    policy.set(entry->rule, "activation_dtype", bf16 ? "bf16" : "fp16");
    policy.set(entry->rule, "params_dtype", bf16 ? "bf16" : "fp16");
    if (bf16 && fp16)
      policy.notMapped(fp16->rule, "stands beside --bf16", "BF16");
  }

  Status lowBit() {
    Given *fp8 = use("fp8-format"), *fp4 = use("fp4-format");
    if (!fp8 && !fp4)
      return Status();
    Scheme scheme;
    std::vector<size_t> describing;
    if (fp4) {
      describing.push_back(fp4->rule);
      Given *recipe = use("fp4-recipe");
      if (fp4->value != "e2m1")
        return bad("fp4-format", "e2m1", fp4->value);
      if (recipe)
        describing.push_back(recipe->rule);
      scheme.compute = Precision::FP4;
      scheme.fp4Format = "nvfp4";
      policy.notMapped(fp4->rule, "weights have tiles of 16x16 there, and activations one scale a tensor",
                       "tiles of 1x16, and a scale a token");
      if (recipe && recipe->value != "nvfp4") {
        policy.notMapped(recipe->rule, "is no recipe that is known", "nvfp4");
      }
      if (fp8)
        policy.notMapped(fp8->rule, "stands beside --fp4-format", "FP4");
    } else {
      if (Status status = fp8Recipe(*fp8, scheme, describing); !status.ok())
        return status;
    }
    for (const char *name : {"fp8-param-gather", "fp4-param-gather"})
      if (Given *gather = use(name))
        paramGather(*gather, scheme, std::string_view(name) == "fp8-param-gather");
    size_t index = policy.scheme(scheme, describing);
    policy.gives.push_back({(fp4 ? fp4 : fp8)->rule, *ModuleMatcher::create(ModuleMatcher::Kind::Class, "TELinear"), index, ""});
    return firstAndLast();
  }

  Status fp8Recipe(Given &format, Scheme &scheme, std::vector<size_t> &describing) {
    if (format.value != "e4m3" && format.value != "hybrid")
      return bad("fp8-format", "e4m3 or hybrid", format.value);
    policy.set(format.rule, "fp8_format", format.value);
    Given *recipe = use("fp8-recipe");
    std::string name = recipe ? recipe->value : "delayed";
    size_t rule = recipe ? recipe->rule : format.rule;
    describing.push_back(rule);
    if (!recipe)
      policy.remark(rule, "recipe delayed, the default");
    scheme.compute = Precision::FP8;
    if (name == "delayed" || name == "tensorwise") {
      scheme.activationGranularity = scheme.weightGranularity = "tensor";
      if (name == "delayed")
        delayed(rule);
    } else if (name == "blockwise") {
      scheme.activationGranularity = "tile_1x128";
      scheme.weightGranularity = "block_128x128";
      Given *plain = use(scalesVariable.data());
      scheme.scaleFormat = plain && plain->value == "1" ? "fp32" : "ue8m0";
      if (plain)
        describing.push_back(plain->rule);
      if (format.value == "hybrid")
        policy.remark(format.rule, "Transformer Engine takes E4M3 alone in blocks");
    } else {
      policy.notMapped(rule, name == "mxfp8" ? "FP8 has no tiles of 1x32" : "is no recipe that is known",
                       "modules compute in the activation dtype");
      scheme = Scheme();
    }
    if (Given *margin = use("fp8-margin"); margin && margin->value != "0")
      policy.notMapped(margin->rule, "scales have no margin", "no margin");
    else if (margin)
      policy.silent(margin->rule, "asks for nothing");
    if (Given *interval = use("fp8-interval"))
      policy.remark(interval->rule, "is ignored there");
    if (Given *wgrad = use("no-fp8-wgrad"))
      policy.notMapped(wgrad->rule, "the gradient of weights has no dtype of its own", "it is as that of activations");
    return Status();
  }

  void delayed(size_t rule) {
    policy.remark(rule,
                  "in training the scale comes from earlier steps' amax; a program that is compiled here takes that of the operand itself");
    Given *length = use("fp8-amax-history-len"), *algorithm = use("fp8-amax-compute-algo");
    policy.set(length ? length->rule : rule, "fp8_amax_history_len", length ? length->value : "1");
    policy.set(algorithm ? algorithm->rule : rule, "fp8_amax_compute_algo", algorithm ? algorithm->value : "most_recent");
  }

  /// Parameters that are kept in FP8, in the tiles of the recipe.
  void paramGather(Given &gather, Scheme &scheme, bool fp8) {
    if (fp8 && scheme.compute == Precision::FP8 && scheme.weightGranularity == "tensor") {
      scheme.stored = Precision::FP8;
      scheme.storedGranularity = "per_tensor";
      policy.remark(gather.rule, "parameters are stored in FP8, a scale a tensor");
    } else if (scheme.compute == Precision::None) {
      policy.remark(gather.rule, "nothing computes in low precision");
    } else {
      policy.notMapped(gather.rule, fp8 ? "FP8 storage has a scale a channel or a tensor" : "there is no storage of this format",
                       "parameters are stored in the params dtype, and quantised for the product");
    }
  }

  Status firstAndLast() {
    Given *flag = use("first-last-layers-bf16");
    Given *start = flag ? use("num-layers-at-start-in-bf16") : nullptr, *end = flag ? use("num-layers-at-end-in-bf16") : nullptr;
    if (!flag)
      return Status();
    for (auto [entry, name] : {std::pair(start, "num-layers-at-start-in-bf16"), std::pair(end, "num-layers-at-end-in-bf16")})
      if (entry && !number(entry->value))
        return bad(name, "a number of layers", entry->value);
    int64_t most = ModuleUniverse::anyBlocks;
    int64_t first = start ? *number(start->value) : 1, last = end ? *number(end->value) : 1;
    if (layers)
      most = std::min(most, *layers);
    auto takeOut = [&](size_t rule, int64_t begin, int64_t count) {
      std::vector<int64_t> blocks;
      for (int64_t block = begin; block < begin + count; ++block)
        blocks.push_back(block);
      if (!blocks.empty())
        policy.takesOut.push_back(
            {rule, *ModuleMatcher::create(ModuleMatcher::Kind::Regex, "decoder\\.layers\\." + numbersPattern(blocks) + "\\."), 0, ""});
    };
    takeOut(start ? start->rule : flag->rule, 0, std::min(first, most));
    if (start && first == 0)
      policy.silent(start->rule, "asks for nothing");
    if (end)
      policy.rules[end->rule].outcome = Outcome::Mapped;
    if (last > 0 && !layers)
      policy.notMapped(end ? end->rule : flag->rule,
                       "which layers are last depends on their number: give --model, or --num-layers in the file",
                       "the last layers are as those before them");
    else if (last > 0)
      takeOut(end ? end->rule : flag->rule, most - std::min(last, most), std::min(last, most));
    else
      policy.silent(end->rule, "asks for nothing");
    if (start || end)
      policy.remark(flag->rule, "how many says the next flag");
    return Status();
  }

  void lossScale() {
    Given *scale = use("loss-scale"), *initial = use("initial-loss-scale"), *least = use("min-loss-scale"),
          *window = use("loss-scale-window"), *hysteresis = use("hysteresis");
    auto check = [&](Given *entry) -> std::optional<double> {
      std::optional<double> value = entry ? real(entry->value) : std::nullopt;
      if (entry && (!value || *value <= 0)) {
        policy.notMapped(entry->rule, "expects a number > 0", "the default");
        return std::nullopt;
      }
      return value;
    };
    auto text = [](double value) { return Json(value).dump(); };
    if (std::optional<double> fixed = check(scale)) {
      for (const char *key : {"loss_scale_init", "loss_scale_min", "loss_scale_max"})
        policy.set(scale->rule, key, text(*fixed));
      for (Given *entry : {initial, least, window, hysteresis})
        if (entry)
          policy.remark(entry->rule, "has no effect beside --loss-scale");
      return;
    }
    Given *fp16 = use("fp16");
    std::optional<double> first = check(initial);
    if (first || (fp16 && !initial)) {
      double value = first.value_or(4294967296.0); // Megatron's default
      size_t rule = first ? initial->rule : fp16->rule;
      policy.set(rule, "loss_scale_init", text(value));
      if (value > 16777216) {
        policy.set(rule, "loss_scale_max", text(value));
        policy.remark(rule, "Megatron's loss scale has no largest value; here it does not grow beyond this one");
      }
    }
    if (std::optional<double> value = check(least))
      policy.set(least->rule, "loss_scale_min", text(*value));
    std::optional<double> steps = check(window);
    if (steps && *steps == std::floor(*steps) && *steps < 1e15)
      policy.set(window->rule, "loss_scale_growth_interval", std::to_string(static_cast<int64_t>(*steps)));
    else if (steps)
      policy.notMapped(window->rule, "expects a whole number", "the default");
    else if (fp16 && !window)
      policy.set(fp16->rule, "loss_scale_growth_interval", "1000");
    if (hysteresis && hysteresis->value != "1")
      policy.notMapped(hysteresis->rule, "the loss scale is lowered at the first overflow", "no hysteresis");
    else if (hysteresis)
      policy.silent(hysteresis->rule, "asks for nothing");
  }

  /// What training keeps, and what is so here in any case.
  void state() {
    for (const char *name : {"main-params-dtype", "main-grads-dtype", "exp-avg-dtype", "exp-avg-sq-dtype"})
      if (Given *entry = use(name)) {
        std::string key = name;
        std::replace(key.begin(), key.end(), '-', '_');
        if (entry->value == "fp32" || entry->value == "bf16" || entry->value == "fp16")
          policy.set(entry->rule, key, entry->value);
        else
          policy.notMapped(entry->rule, "training state is kept in fp32, bf16 or fp16", "fp32");
      }
    if (Given *entry = use("accumulate-allreduce-grads-in-fp32"); entry && !given.count("main-grads-dtype"))
      policy.set(entry->rule, "main_grads_dtype", "fp32");
    if (Given *entry = use("grad-reduce-in-bf16"))
      policy.notMapped(entry->rule, "the reduction of gradients has no dtype of its own", "that of the gradients");
    if (Given *entry = use("attention-softmax-in-fp32"))
      policy.remark(entry->rule, "so it is in any case");
    if (Given *entry = use("use-precision-aware-optimizer"))
      policy.remark(entry->rule, "the dtypes of the state say it");
    if (Given *entry = use("fp32-residual-connection"))
      policy.notMapped(entry->rule, "the residual has the activation dtype", "the activation dtype");
    if (Given *entry = use("moe-router-dtype"); entry && entry->value == "fp32")
      policy.remark(entry->rule, "the router's logits are FP32 in any case");
    else if (entry)
      policy.notMapped(entry->rule, "the router's logits are FP32", "FP32");
  }

  const PolicySource &source;
  const ReaderContext &context;
  ForeignPolicy &policy;
  std::map<std::string, Given, std::less<>> given;
  std::optional<int64_t> layers;
};

} // namespace

const PolicyFormat dsmlir::megatronFormat = {
    "megatron", "precision flags as --fp8-format, --fp8-recipe, --fp4-format or --bf16, on a command line, in a script or in JSON",
    recognises,
    [](const PolicySource &source, const ReaderContext &context, ForeignPolicy &policy) { return Reader(source, context, policy).run(); }};

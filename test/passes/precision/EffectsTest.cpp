// Nothing is ignored: whatever else is given, an option changes what the plan shows, or is reported by its name.
#include "TestModels.h"
#include "passes/precision/Legality.h"

#include <set>

using namespace dsmlir;
using namespace dsmlir::test;

namespace {

using Words = std::vector<std::string>;

/// Values to try, the default among them where an option has one.
std::vector<std::string> valuesOf(const OptionDescriptor &option) {
  switch (option.kind) {
  case OptionKind::Choice:
    return option.choices;
  case OptionKind::RecipeName:
    return {"default", "deepseek_v3", "nano_train_deepseek_v3"};
  case OptionKind::Number: // of loss scaling in its range, and of the amax floor
    return option.name == "loss-scale-max"
               ? Words{option.defaultText, "131072"}
               : Words{option.defaultText, option.name.find("factor") != std::string::npos
                                               ? (option.name.find("growth") != std::string::npos ? "1.5" : "0.25")
                                               : "128"};
  case OptionKind::Integer:
    return {option.defaultText, "7"};
  case OptionKind::Patterns:
    return {"out_proj", "experts", "norm", "nothing_here"};
  case OptionKind::DtypeRules:
    return {"norm=fp16", "norm=bf16", "out_proj=fp32", "nothing_here=fp16"};
  case OptionKind::DtypeOverrides:
    return {"final_norm=fp16", "lm_head=bf16", "nothing_here=fp16"};
  default:
    return {""};
  }
}

/// What a reader of the plan and of the messages about the target sees.
std::string shown(const Resolution &resolution) {
  dsrt::Json plan = policyJson(resolution), list = listModulesJson(resolution);
  plan.erase("options"); // an echo of what was asked for is no effect
  plan.erase("recipe_source");
  plan["modules"] = list["modules"];
  plan["refused"] = resolution.hasErrors();
  std::string text = plan.dump();
  for (const ProductFormat &product : resolution.products) {
    PlannedOperation operation;
    operation.kind = "scaled_matmul";
    operation.family = KernelFamily::Product;
    operation.activation = {product.activation.payload, product.activation};
    operation.weight = {product.weight.payload, product.weight};
    operation.n = operation.k = 256;
    for (const Target &target : targets())
      for (const Finding &finding : judgeAll(target, {operation}, resolution.options, false).refusals)
        text += finding.message;
  }
  return text;
}

bool isReported(const Resolution &resolution, const OptionDescriptor &option, const std::string &value) {
  for (const Finding &finding : resolution.findings) {
    std::string text = finding.message + " " + finding.where;
    for (const Note &note : finding.notes)
      text += " " + note.text;
    if (text.find("--" + option.name) != std::string::npos || (option.isList() && text.find(value) != std::string::npos))
      return true;
  }
  return false;
}

TEST(Effects, EveryOptionIsSeenOrReportedBesideAnyOther) {
  const Words bases[] = {{},
                         {"--fp32"},
                         {"--bf16"},
                         {"--fp16"},
                         {"--fp8"},
                         {"--fp4"},
                         {"--precision-recipe", "deepseek_v3"},
                         {"--precision-recipe", "nano_train_deepseek_v3"},
                         {"--bf16", "--fp8-param"},
                         {"--fp8", "--fp4-param"},
                         {"--fp16", "--compute-lowbit-mode", "fp4", "--compute-lowbit-exclude", "head"},
                         {"--fp8", "--fp8-comm-quant", "--fp8-rounding", "stochastic"}};
  for (const Words &base : bases)
    for (const OptionDescriptor &option : optionTable()) {
      if (option.name == "strict-rules") // it acts on warnings: StrictRulesMakesErrorsOfWarnings
        continue;
      std::set<std::string> seen = {shown(resolveWords(base))};
      std::vector<std::pair<std::string, bool>> values; // and whether it is reported
      auto attempt = [&](const std::string &name, const std::string &value, bool valued) {
        Words words = base;
        words.push_back("--" + name);
        if (valued)
          words.push_back(value);
        Resolution resolution = resolveWords(words);
        seen.insert(shown(resolution));
        values.emplace_back(value, isReported(resolution, option, value));
      };
      bool flag = option.kind == OptionKind::Flag || option.kind == OptionKind::Mode || option.kind == OptionKind::NegatableFlag;
      for (const std::string &value : valuesOf(option))
        attempt(option.name, value, !flag);
      if (option.kind == OptionKind::NegatableFlag)
        attempt("no-" + option.name, "", false);
      if (seen.size() > 1)
        continue; // the values are told apart
      for (const auto &[value, reported] : values) {
        // One that repeats what holds anyway may pass; only an option of one value has no other.
        bool repeats = flag || value == option.defaultText;
        EXPECT_TRUE(reported || repeats) << testing::PrintToString(base) << " --" << option.name << " " << value << " shows nowhere";
      }
    }
}

// The options that have one value are of use where what they speak of is there, and reported where it is not.
TEST(Effects, OptionsOfOneValueAreReportedWhereNothingUsesThem) {
  for (const char *name : {"fp4-backend", "fp4-param-format"}) {
    const OptionDescriptor &option = *findOption(name);
    ASSERT_EQ(option.choices.size(), 1u);
    EXPECT_TRUE(isReported(resolveWords({"--bf16", "--" + option.name, option.choices[0]}), option, option.choices[0])) << name;
    EXPECT_FALSE(isReported(resolveWords({"--fp4", "--fp4-param", "--" + option.name, option.choices[0]}), option, option.choices[0]))
        << name;
  }
}

} // namespace

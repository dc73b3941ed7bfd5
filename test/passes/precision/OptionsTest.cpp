// Options: the table, values that are refused, precedence of origins, the precision file, the policy in the IR and back.
#include "TestModels.h"

#include <filesystem>
#include <fstream>
#include <set>

using namespace dsmlir;
using namespace dsmlir::test;

namespace {

const Origin commandLine{Origin::Source::CommandLine, ""}, file{Origin::Source::File, "p.json"},
    policy{Origin::Source::Policy, "m.mlir:1:2"};

/// A value that the option takes and that is not its default.
std::string otherValue(const OptionDescriptor &option) {
  switch (option.kind) {
  case OptionKind::Flag:
  case OptionKind::NegatableFlag:
  case OptionKind::Mode:
    return "true";
  case OptionKind::Choice:
  case OptionKind::RecipeName:
    return option.choices.back() == option.defaultText ? option.choices.front() : option.choices.back();
  case OptionKind::Number:
    return "0.25";
  case OptionKind::Integer:
    return "7";
  case OptionKind::Patterns:
    return "a.*b=c";
  default:
    return "a=b=fp16";
  }
}

TEST(Options, NamesAndKeysAreUniqueAndDefaultsAreThoseOfTheStruct) {
  std::set<std::string> names;
  for (const OptionDescriptor &option : optionTable()) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name;
    EXPECT_EQ(findOption(option.key), &option);
    EXPECT_EQ(findOption("--" + option.name), &option);
    EXPECT_FALSE(option.help.empty()) << option.name;
    if (option.defaultText.empty())
      continue;
    PrecisionOptions options;
    ASSERT_TRUE(set(options, option.name, option.defaultText, commandLine).ok()) << option.name;
    // Giving the default changes nothing but that it was given.
    std::visit(
        [&](auto member) {
          using T = std::decay_t<decltype(options.*member)>;
          if constexpr (!std::is_same_v<T, std::vector<PatternSelection>> && !std::is_same_v<T, std::vector<DtypeSelection>>) {
            EXPECT_EQ((options.*member).value, (PrecisionOptions().*member).value) << option.name;
          }
        },
        option.storage);
  }
  EXPECT_EQ(names.size(), optionTable().size());
}

TEST(Options, EveryOptionOfThePrecisionDocumentIsThere) {
  for (const char *name : {"params-dtype",
                           "fp8-param",
                           "fp4-param",
                           "fp4-param-format",
                           "persistent-lowbit-mode",
                           "persistent-lowbit-include",
                           "persistent-lowbit-exclude",
                           "persistent-scale-granularity",
                           "fp32",
                           "bf16",
                           "fp16",
                           "fp8",
                           "fp4",
                           "activation-dtype",
                           "precision-recipe",
                           "loss-scale-init",
                           "loss-scale-growth-factor",
                           "loss-scale-backoff-factor",
                           "loss-scale-growth-interval",
                           "loss-scale-min",
                           "loss-scale-max",
                           "compute-lowbit-mode",
                           "compute-lowbit-include",
                           "compute-lowbit-exclude",
                           "module-pattern-type",
                           "fp8-backend",
                           "fp8-format",
                           "fp8-rounding",
                           "fp8-scale-format",
                           "fp8-amax-floor",
                           "rounding-seed",
                           "fp8-activation-granularity",
                           "fp8-weight-granularity",
                           "fp8-comm-quant",
                           "fp8-comm-granularity",
                           "fp8-amax-history-len",
                           "fp8-amax-compute-algo",
                           "fp4-format",
                           "fp4-backend",
                           "module-compute-dtype-override",
                           "module-compute-dtype-rule",
                           "main-params-dtype",
                           "main-grads-dtype",
                           "exp-avg-dtype",
                           "exp-avg-sq-dtype",
                           "lowbit-master-ownership",
                           "strict-rules"})
    EXPECT_NE(findOption(name), nullptr) << name;
}

TEST(Options, ThePolicyGivesBackTheSameOptions) {
  for (const OptionDescriptor &option : optionTable()) {
    PrecisionOptions options;
    ASSERT_TRUE(set(options, option.name, otherValue(option), commandLine).ok()) << option.name;
    std::vector<PolicyEntry> entries = policyEntries(options);
    ASSERT_EQ(entries.size(), 1u) << option.name;
    EXPECT_EQ(entries[0].values, std::vector<std::string>{otherValue(option)});
    EXPECT_EQ(entries[0].list, option.isList());
    PrecisionOptions again;
    for (const std::string &value : entries[0].values)
      ASSERT_TRUE(set(again, entries[0].key, value, policy).ok()) << option.name;
    EXPECT_EQ(policyEntries(again), entries) << option.name;
  }
}

TEST(Options, ListsKeepTheirOrderInThePolicy) {
  PrecisionOptions options =
      parse({"--module-compute-dtype-rule", "b=fp16", "--module-compute-dtype-rule", "a=fp32", "--module-compute-dtype-override",
             "final_norm=fp32", "--compute-lowbit-exclude", "x", "--fp8", "--no-fp8-comm-quant"});
  std::vector<PolicyEntry> expected = {{"fp8", false, {"true"}},
                                       {"compute_lowbit_exclude", true, {"x"}},
                                       {"fp8_comm_quant", false, {"false"}},
                                       {"overrides", true, {"final_norm=fp32"}},
                                       {"module_compute_dtype_rule", true, {"b=fp16", "a=fp32"}}};
  EXPECT_EQ(policyEntries(options), expected);
}

TEST(Options, AStrongerOriginWinsInAnyOrderOfCalls) {
  for (bool commandLineFirst : {true, false}) {
    PrecisionOptions options;
    auto give = [&](const char *value, const Origin &origin) { ASSERT_TRUE(set(options, "activation-dtype", value, origin).ok()); };
    auto rule = [&](const char *value, const Origin &origin) {
      ASSERT_TRUE(set(options, "module-compute-dtype-rule", value, origin).ok());
    };
    auto mode = [&](const char *value, const Origin &origin) { ASSERT_TRUE(set(options, value, "", origin).ok()); };
    if (commandLineFirst)
      give("fp16", commandLine), rule("c=fp16", commandLine), mode("fp16", commandLine);
    give("bf16", policy), rule("a=fp16", policy), mode("fp8", policy);
    give("fp32", file), rule("b=fp16", file), mode("bf16", file);
    if (!commandLineFirst)
      give("fp16", commandLine), rule("c=fp16", commandLine), mode("fp16", commandLine);
    EXPECT_EQ(options.activationDtype.value, "fp16");
    EXPECT_EQ(requestedMode(options), "fp16");
    ASSERT_EQ(options.rules.size(), 3u);
    EXPECT_EQ(options.rules[0].target + options.rules[1].target + options.rules[2].target, "abc");
    EXPECT_TRUE(validate(options).empty()) << printAll(validate(options));
  }
}

TEST(Options, AScalarTwiceWithDifferentValuesIsAContradiction) {
  EXPECT_EQ(codesOf(validate(parse({"--activation-dtype", "fp32", "--activation-dtype", "bf16"}))), std::vector<std::string>{"DS1001"});
  EXPECT_TRUE(validate(parse({"--activation-dtype", "fp32", "--activation-dtype", "fp32"})).empty());
}

struct BadValue {
  const char *name, *value;
};

TEST(Options, ValuesThatAnOptionCannotTakeAreRefusedByName) {
  for (BadValue bad : {BadValue{"activation-dtype", "fp8"},
                       {"activation-dtype", ""},
                       {"params-dtype", "float32"},
                       {"precision-recipe", " "},
                       {"fp8-format", "e5m2"},
                       {"fp8-rounding", "Nearest"},
                       {"fp8-activation-granularity", "block_128x128"},
                       {"fp8-weight-granularity", "tile_1x128"},
                       {"fp4-param-format", "fp4"},
                       {"fp4-backend", "native"},
                       {"loss-scale-init", "many"},
                       {"loss-scale-init", "nan"},
                       {"loss-scale-init", "1e999"},
                       {"loss-scale-init", "1x"},
                       {"rounding-seed", "-1"},
                       {"rounding-seed", "1.5"},
                       {"fp8-amax-history-len", "16 "},
                       {"fp8-param", "yes"},
                       {"compute-lowbit-include", " "},
                       {"module-compute-dtype-rule", "=fp32"},
                       {"module-compute-dtype-rule", "a="},
                       {"module-compute-dtype-override", "final_norm"}}) {
    PrecisionOptions options;
    dsrt::Status status = set(options, bad.name, bad.value, commandLine);
    EXPECT_EQ(status.code(), DSRT_REJECTED) << bad.name << " " << bad.value;
    EXPECT_NE(status.message().find(std::string("--") + bad.name), std::string::npos) << status.message();
    EXPECT_NE(status.message().find("expects"), std::string::npos) << status.message();
    std::vector<Finding> findings = validate(options);
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_TRUE(findings[0].isError());
  }
}

TEST(Options, NumbersOutOfRange) {
  for (BadValue bad : {BadValue{"loss-scale-init", "0"},
                       {"loss-scale-init", "0.5"},
                       {"loss-scale-init", "33554432"},
                       {"loss-scale-growth-factor", "1"},
                       {"loss-scale-backoff-factor", "1"},
                       {"loss-scale-backoff-factor", "0"},
                       {"loss-scale-growth-interval", "0"},
                       {"loss-scale-min", "0"},
                       {"loss-scale-max", "0.5"},
                       {"loss-scale-min", "33554432"},
                       {"fp8-amax-floor", "-1"},
                       {"fp8-amax-history-len", "0"}}) {
    std::vector<Finding> findings = validate(parse({std::string("--") + bad.name, bad.value}));
    ASSERT_EQ(codesOf(findings), std::vector<std::string>{"DS1010"}) << bad.name << " " << bad.value;
    EXPECT_NE(findings[0].message.find(std::string("--") + bad.name), std::string::npos) << findings[0].message;
  }
  EXPECT_TRUE(validate(parse({"--loss-scale-init", "2", "--loss-scale-min", "2", "--loss-scale-max", "2"})).empty());
}

TEST(Options, AnUnknownNameIsAUsageErrorThatNamesTheNearest) {
  PrecisionOptions options;
  dsrt::Status status = set(options, "--fp8-parm", "", commandLine);
  EXPECT_EQ(status.code(), DSRT_USAGE);
  EXPECT_NE(status.message().find("--fp8-param"), std::string::npos) << status.message();
  EXPECT_EQ(set(options, "no-fp8-param", "", commandLine).code(), DSRT_USAGE); // not a flag that can be negated
  EXPECT_EQ(nearestOption("--module-compute-dtype-rules"), "--module-compute-dtype-rule");
}

TEST(Options, NegationAndNamesOfTheReference) {
  PrecisionOptions options = parse({"--no-fp8-comm-quant", "--fp8-backend", "transformer_engine"});
  EXPECT_TRUE(options.fp8CommQuant.given());
  EXPECT_FALSE(options.fp8CommQuant.value);
  EXPECT_EQ(options.fp8Backend.value, "native");
}

class ConfigFile : public testing::Test {
protected:
  dsrt::Status read(const char *text) { return readConfig(dsrt::Json::parse(text), "p.json", options); }
  PrecisionOptions options;
};

TEST_F(ConfigFile, KeysAreTheFlagsWithUnderscores) {
  dsrt::Status status = read(R"({"precision_recipe": "deepseek_v3", "fp8": true, "fp8_comm_quant": false, "loss_scale_init": 1024,
      "fp8_amax_floor": 0.5, "rounding_seed": 3, "compute_lowbit_exclude": ["a", "b"], "persistent_lowbit_include": "c",
      "module_compute_dtype_rule": ["x=fp16"], "module_compute_dtype_overrides": {"final_norm": "fp32", "lm_head": "bf16"}})");
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(options.recipe.value, "deepseek_v3");
  EXPECT_EQ(requestedMode(options), "fp8");
  EXPECT_TRUE(options.fp8CommQuant.given() && !options.fp8CommQuant.value);
  EXPECT_EQ(options.lossScaleInit.value, 1024);
  EXPECT_EQ(options.fp8AmaxFloor.value, 0.5);
  EXPECT_EQ(options.roundingSeed.value, 3);
  EXPECT_EQ(options.computeExclude.size(), 2u);
  ASSERT_EQ(options.persistentInclude.size(), 1u);
  EXPECT_EQ(options.persistentInclude[0].origin.location, "p.json");
  ASSERT_EQ(options.overrides.size(), 2u);
  EXPECT_EQ(options.overrides[1].text(), "lm_head=bf16");
  EXPECT_EQ(options.rules[0].text(), "x=fp16");
}

TEST_F(ConfigFile, EveryWrongKeyAndValueIsKept) {
  dsrt::Status status = read(R"({"fp8_parm": true, "fp8-param": true, "fp8": 1, "activation_dtype": "fp8", "loss_scale_init": "1",
      "compute_lowbit_include": [1], "module_compute_dtype_overrides": {"final_norm": 3}, "fp4_param": "true"})");
  EXPECT_EQ(status.code(), DSRT_REJECTED);
  EXPECT_NE(status.message().find("fp8_param"), std::string::npos) << status.message();
  EXPECT_EQ(codesOf(options.refused),
            (std::vector<std::string>{"DS1014", "DS1014", "DS1010", "DS1010", "DS1010", "DS1010", "DS1011", "DS1010"}));
  for (const Finding &finding : options.refused)
    EXPECT_EQ(finding.location, "p.json");
}

TEST_F(ConfigFile, MustBeAnObject) { EXPECT_EQ(read("[]").code(), DSRT_REJECTED); }

TEST_F(ConfigFile, IsReadFromDisk) {
  std::string path = testing::TempDir() + "/precision-config-test.json";
  std::ofstream(path) << R"({"bf16": true})";
  EXPECT_TRUE(readConfigFile(path, options).ok());
  EXPECT_EQ(requestedMode(options), "bf16");
  std::filesystem::remove(path);
  EXPECT_FALSE(readConfigFile(path, options).ok());
}

} // namespace

// Accounting: for every code the input that causes it, with what the message has to name.
#include "TestModels.h"

#include <set>

using namespace dsmlir;
using namespace dsmlir::test;

namespace {

using Words = std::vector<std::string>;

/// The one finding of these flags.
Finding only(const Words &words, const Shape &shape = {}) {
  Resolution resolution = resolveWords(words, shape);
  EXPECT_EQ(resolution.findings.size(), 1u) << printAll(resolution.findings);
  return resolution.findings.empty() ? Finding{} : resolution.findings.front();
}

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

TEST(Findings, TheTableHasEachCodeOnceWithDescriptionExampleAndRemedy) {
  std::set<Code> codes;
  for (const Diagnostic &entry : diagnostics()) {
    EXPECT_TRUE(codes.insert(entry.code).second) << entry.name;
    EXPECT_TRUE(*entry.summary && *entry.example && *entry.remedy) << entry.name;
    EXPECT_EQ(entry.severity == Severity::Warning, static_cast<unsigned>(entry.code) >= 1101) << entry.name;
  }
  EXPECT_EQ(codeName(Code::OverrideMatchesNothing), "DS1002"); // CLI.md
  EXPECT_EQ(codeName(Code::RuleOnLowBitModule), "DS1004");     // EXAMPLES.md
}

/// The words of an example; quotes are taken off.
Words wordsOf(std::string text) {
  std::erase(text, '\'');
  Words words;
  for (size_t begin = 0, end; begin <= text.size(); begin = end + 1) {
    end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
  }
  return words;
}

// The documented examples are true: each causes its code. Those that need more than flags have tests of their own.
TEST(Findings, TheExampleOfEachCodeCausesIt) {
  for (const Diagnostic &entry : diagnostics()) {
    if (entry.code == Code::UnknownKey || entry.code == Code::CheckpointNotRecognised || entry.code == Code::NotExecutable ||
        entry.code == Code::PlanDiffersFromLock || entry.code == Code::QuantisedTwice)
      continue;
    Resolution resolution = resolveWords(wordsOf(entry.example));
    std::vector<std::string> codes = codesOf(resolution.findings);
    EXPECT_NE(std::find(codes.begin(), codes.end(), codeName(entry.code)), codes.end()) << entry.name << "\n"
                                                                                        << printAll(resolution.findings);
    EXPECT_EQ(resolution.hasErrors(), entry.severity == Severity::Error) << entry.name << "\n" << printAll(resolution.findings);
  }
}

TEST(Findings, DS1001_ContradictingOptions) {
  for (const Words &words : {Words{"--fp8", "--bf16"},
                             {"--precision-recipe", "deepseek_v3", "--fp32"},
                             {"--precision-recipe", "nano_train_deepseek_v3", "--fp4"},
                             {"--precision-recipe", "deepseek_v3", "--compute-lowbit-mode", "fp4"},
                             {"--bf16", "--fp8-param", "--fp4-param"},
                             {"--bf16", "--fp8-param", "--persistent-lowbit-mode", "fp4"},
                             {"--bf16", "--fp4-param", "--persistent-lowbit-mode", "fp8"},
                             {"--bf16", "--fp8-param", "--persistent-lowbit-mode", "off"}}) {
    Finding finding = only(words);
    EXPECT_EQ(codeName(finding.code), "DS1001");
    EXPECT_TRUE(contains(finding.message, words.back().rfind("--", 0) == 0 ? words.back() : words[words.size() - 2])) << finding.message;
  }
  EXPECT_FALSE(resolveWords({"--bf16", "--fp8-param", "--persistent-lowbit-mode", "fp8"}).hasErrors());
  EXPECT_FALSE(resolveWords({"--fp8", "--fp8"}).hasErrors());
}

TEST(Findings, DS1002_OverrideMatchesNothing) {
  Finding range = only({"--bf16", "--module-compute-dtype-override", "blocks.9.attn.q_a_norm=fp16"});
  EXPECT_EQ(codeName(range.code), "DS1002");
  EXPECT_EQ(range.message, "override 'blocks.9.attn.q_a_norm' matches no module; blocks are 0..2");
  EXPECT_EQ(range.where, "--module-compute-dtype-override blocks.9.attn.q_a_norm=fp16");
  Finding spelling = only({"--bf16", "--module-compute-dtype-override", "blocks.0.attn.q_a_nrom=fp16"});
  EXPECT_EQ(spelling.message, "override 'blocks.0.attn.q_a_nrom' matches no module; did you mean blocks.0.attn.q_a_norm?");
  Finding dense = only({"--bf16", "--module-compute-dtype-override", "blocks.1.ffn.gate_proj=fp16"});
  EXPECT_EQ(dense.message, "override 'blocks.1.ffn.gate_proj' matches no module; blocks.1.ffn has experts, router, shared_experts");
  EXPECT_EQ(dense.suggestions.front(), "blocks.1.ffn.shared_experts.gate_proj");
  Finding group = only({"--bf16", "--module-compute-dtype-override", "blocks.1.attn=fp16"});
  EXPECT_TRUE(contains(group.message, "a group of 7 modules")) << group.message;
}

TEST(Findings, DS1003_RuleMatchesNothing) {
  Finding finding = only({"--bf16", "--module-compute-dtype-rule", ".*q_c_norm=fp16"});
  EXPECT_EQ(codeName(finding.code), "DS1003");
  EXPECT_TRUE(contains(finding.message, "rule 1 '.*q_c_norm=fp16'")) << finding.message;
  ASSERT_FALSE(finding.suggestions.empty());
  EXPECT_EQ(finding.suggestions.front(), "blocks.0.attn.q_a_norm");
}

TEST(Findings, DS1004_RuleOnLowBitModule) {
  Finding finding = only({"--precision-recipe", "deepseek_v3", "--module-compute-dtype-rule", "attn.out_proj=bf16"});
  EXPECT_EQ(codeName(finding.code), "DS1004");
  EXPECT_EQ(finding.message, "'blocks.0.attn.out_proj' is selected for fp8 compute and for bf16 by a rule");
  EXPECT_EQ(finding.module, "blocks.0.attn.out_proj");
  EXPECT_EQ(finding.modules.size(), 3u);
  ASSERT_EQ(finding.notes.size(), 4u);
  EXPECT_EQ(finding.notes[0].text, "low precision by recipe deepseek_v3 (linear modules)");
  EXPECT_EQ(finding.notes[1].text, "bf16 by rule 1 'attn.out_proj=bf16', which matches 3 modules");
  // An exact override does not hide the conflict.
  EXPECT_EQ(codeName(only({"--fp8", "--module-compute-dtype-rule", "blocks.0.attn.out_proj=bf16", "--module-compute-dtype-override",
                           "blocks.0.attn.out_proj=bf16"})
                         .code),
            "DS1004");
}

TEST(Findings, DS1004_StandsAtTheModuleAndPointsAtThePolicy) {
  std::vector<Module> modules = modelModules({});
  for (size_t i = 0; i < modules.size(); ++i)
    modules[i].location = "model.mlir:" + std::to_string(i + 10) + ":5";
  PrecisionOptions options;
  Origin policy{Origin::Source::Policy, "model.mlir:2:3"};
  ASSERT_TRUE(set(options, "precision_recipe", "deepseek_v3", policy).ok());
  ASSERT_TRUE(set(options, "module_compute_dtype_rule", "blocks.0.attn.q_a_proj=fp16", policy).ok());
  Resolution resolution = resolve(modules, options);
  ASSERT_EQ(resolution.findings.size(), 1u);
  EXPECT_EQ(resolution.findings[0].location, "model.mlir:12:5");
  EXPECT_EQ(resolution.findings[0].notes[0].location, "model.mlir:2:3");
  EXPECT_EQ(resolution.findings[0].notes[1].location, "model.mlir:2:3");
}

TEST(Findings, DS1005_And_DS1006_IncludesThatMatchNothing) {
  Finding compute = only({"--fp8", "--compute-lowbit-include", "exprts", "--compute-lowbit-include", "out_proj"});
  EXPECT_EQ(codeName(compute.code), "DS1005");
  ASSERT_FALSE(compute.suggestions.empty());
  EXPECT_TRUE(contains(compute.suggestions.front(), "experts"));
  Finding persistent = only({"--bf16", "--fp8-param", "--persistent-lowbit-include", "zzz"});
  EXPECT_EQ(codeName(persistent.code), "DS1006");
  EXPECT_TRUE(contains(persistent.message, "persistent include 'zzz' matches no module")) << persistent.message;
}

TEST(Findings, DS1007_IncludeOfWhatCannotRunInLowPrecision) {
  Finding finding = only({"--fp8", "--compute-lowbit-include", ".*norm"});
  EXPECT_EQ(codeName(finding.code), "DS1007");
  EXPECT_TRUE(contains(finding.message, "blocks.0.attn_norm, a RMSNorm")) << finding.message;
  EXPECT_EQ(finding.modules.size(), 13u);
  EXPECT_EQ(codeName(only({"--bf16", "--fp8-param", "--persistent-lowbit-include", "attn"}).code), "DS1007");
  // Excluded, they are not selected.
  EXPECT_FALSE(resolveWords({"--fp8", "--compute-lowbit-include", "attn", "--compute-lowbit-exclude", "norm"}).hasErrors());
}

TEST(Findings, DS1008_NothingInLowPrecision) {
  for (const Words &words :
       {Words{"--fp8", "--compute-lowbit-exclude", ".*"},
        {"--fp4", "--compute-lowbit-exclude", "proj", "--compute-lowbit-exclude", "router", "--compute-lowbit-exclude", "head"},
        {"--bf16", "--compute-lowbit-mode", "fp8", "--compute-lowbit-exclude", ".*"},
        {"--bf16", "--fp8-param", "--persistent-lowbit-exclude", ".*"}})
    EXPECT_EQ(codeName(only(words).code), "DS1008");
  // A second, equal selection does not hide it.
  EXPECT_TRUE(resolveWords({"--fp8", "--compute-lowbit-include", "out_proj", "--compute-lowbit-include", "out_proj",
                            "--compute-lowbit-exclude", "attn"})
                  .hasErrors());
}

TEST(Findings, DS1009_TwoDtypesForOnePath) {
  PrecisionOptions options;
  ASSERT_TRUE(set(options, "overrides", "final_norm=fp32", Origin{Origin::Source::Policy, "m.mlir:4:9"}).ok());
  ASSERT_TRUE(set(options, "module-compute-dtype-override", "final_norm=fp16", Origin{}).ok());
  Resolution resolution = resolve(modelModules({}), options);
  ASSERT_EQ(codesOf(resolution.findings), std::vector<std::string>{"DS1009"});
  EXPECT_EQ(resolution.findings[0].notes[0].location, "m.mlir:4:9");
}

TEST(Findings, DS1010_To_DS1012_ValuesAndPatterns) {
  EXPECT_EQ(codeName(only({"--fp8-rounding", "up", "--fp8"}).code), "DS1010");
  EXPECT_EQ(codeName(only({"--fp16", "--loss-scale-growth-factor", "1.0"}).code), "DS1010");
  EXPECT_EQ(codeName(only({"--bf16", "--module-compute-dtype-rule", "norm=fp8"}).code), "DS1011");
  EXPECT_EQ(codeName(only({"--bf16", "--module-compute-dtype-rule", "norm"}).code), "DS1011");
  EXPECT_EQ(codeName(only({"--fp8", "--compute-lowbit-include", "(attn"}).code), "DS1012");
  EXPECT_EQ(codeName(only({"--bf16", "--module-compute-dtype-rule", "(?=attn)norm=fp16"}).code), "DS1012"); // RE2 has no lookahead
}

TEST(Findings, DS1013_OptionsWithoutAnythingToActOn) {
  for (const Words &words : {Words{"--bf16", "--fp8-rounding", "stochastic"},
                             {"--bf16", "--fp8-backend", "native"},
                             {"--bf16", "--fp8-format", "hybrid"},
                             {"--bf16", "--fp8-scale-format", "ue8m0"},
                             {"--bf16", "--fp8-amax-floor", "0.5"},
                             {"--bf16", "--fp8-activation-granularity", "tensor"},
                             {"--bf16", "--fp8-weight-granularity", "channel"},
                             {"--fp4", "--fp8-amax-history-len", "8"},
                             {"--fp4", "--fp8-amax-compute-algo", "max"},
                             {"--fp8", "--rounding-seed", "3"},
                             {"--fp8", "--fp4-format", "mxfp4"},
                             {"--fp8", "--persistent-scale-granularity", "per_tensor"},
                             {"--fp8", "--lowbit-master-ownership", "module"},
                             {"--fp8", "--module-pattern-type", "glob"},
                             {"--bf16", "--compute-lowbit-include", "out_proj"},
                             {"--bf16", "--persistent-lowbit-include", "out_proj"}}) {
    Finding finding = only(words);
    EXPECT_EQ(codeName(finding.code), "DS1013") << words[1];
    EXPECT_TRUE(contains(finding.message, words[1])) << finding.message;
  }
  EXPECT_FALSE(resolveWords({"--precision-recipe", "nano_train_deepseek_v3", "--rounding-seed", "3"}).hasErrors());
  // A default that is written out asks for nothing.
  EXPECT_EQ(codeName(only({"--bf16", "--fp8-rounding", "nearest"}).code), "DS1107");
}

TEST(Findings, DS1014_UnknownKeyIsReportedWithTheRest) {
  PrecisionOptions options;
  EXPECT_FALSE(
      readConfig(dsrt::Json::parse(R"({"fp8_parm": true, "module_compute_dtype_overrides": {"x": "fp16"}})"), "p.json", options).ok());
  Resolution resolution = resolve(modelModules({}), options);
  EXPECT_EQ(codesOf(resolution.findings), (std::vector<std::string>{"DS1014", "DS1002"}));
  EXPECT_EQ(resolution.findings[1].location, "p.json");
}

TEST(Findings, DS1015_CheckpointNotRecognised) {
  Checkpoint awq{.storedDtype = "bf16", .quantMethod = "awq", .format = "int4", .blockRows = 128, .blockCols = 128};
  Checkpoint e5m2{.storedDtype = "bf16", .quantMethod = "fp8", .format = "e5m2", .blockRows = 128, .blockCols = 128};
  Checkpoint narrow{.storedDtype = "bf16", .quantMethod = "fp8", .format = "e4m3", .blockRows = 64, .blockCols = 128};
  for (const Checkpoint *checkpoint : {static_cast<const Checkpoint *>(nullptr), static_cast<const Checkpoint *>(&awq),
                                       static_cast<const Checkpoint *>(&e5m2), static_cast<const Checkpoint *>(&narrow)})
    EXPECT_EQ(codesOf(resolveWords({"--precision-recipe", "auto"}, {}, checkpoint).findings), std::vector<std::string>{"DS1015"});
}

TEST(Findings, DS1016_NotExecutable) {
  for (const Words &words : {Words{"--fp4"},
                             {"--fp8", "--fp8-rounding", "stochastic"},
                             {"--fp8", "--fp8-activation-granularity", "tensor", "--fp8-weight-granularity", "tensor"},
                             {"--fp8", "--fp8-activation-granularity", "channel", "--fp8-weight-granularity", "channel"}})
    EXPECT_EQ(codesOf(executability(resolveWords(words))), (std::vector<std::string>{"DS1016", "DS1016"})) << words.back();
  for (const Words &words : {Words{"--bf16", "--fp8-param"}, {"--bf16", "--fp4-param"}, {"--fp8", "--fp8-backend", "native"}})
    EXPECT_EQ(codesOf(executability(resolveWords(words))), std::vector<std::string>{"DS1016"}) << words.back();
  for (const Words &words : {Words{"--bf16"},
                             {"--fp8"},
                             {"--precision-recipe", "deepseek_v3"},
                             {"--fp8", "--fp8-scale-format", "ue8m0", "--fp8-backend", "emulated"}})
    EXPECT_TRUE(executability(resolveWords(words)).empty()) << words.back();
}

TEST(Findings, DS1101_And_DS1102_Excludes) {
  EXPECT_EQ(codeName(only({"--fp8", "--compute-lowbit-exclude", "nothing_here"}).code), "DS1101");
  EXPECT_EQ(codeName(only({"--bf16", "--fp8-param", "--persistent-lowbit-exclude", "nothing_here"}).code), "DS1101");
  for (const Words &words : {Words{"--fp8", "--compute-lowbit-exclude", "final_norm"},
                             {"--bf16", "--compute-lowbit-exclude", "out_proj"},
                             {"--fp8", "--compute-lowbit-include", "out_proj", "--compute-lowbit-exclude", "router"},
                             {"--fp8", "--compute-lowbit-exclude", "experts", "--compute-lowbit-exclude", "experts.3"},
                             {"--fp8", "--compute-lowbit-exclude", "experts.3", "--compute-lowbit-exclude", "experts"},
                             {"--precision-recipe", "deepseek_v3", "--compute-lowbit-exclude", "lm_head"},
                             {"--bf16", "--fp8-param", "--persistent-lowbit-exclude", "final_norm"}})
    EXPECT_EQ(codeName(only(words).code), "DS1102") << words.back();
  EXPECT_TRUE(resolveWords({"--fp8", "--compute-lowbit-exclude", "lm_head", "--compute-lowbit-exclude", "router"}).findings.empty());
}

TEST(Findings, DS1103_DeadRules) {
  Finding byRule = only({"--bf16", "--module-compute-dtype-rule", "final_norm=fp32", "--module-compute-dtype-rule", ".*norm=fp16"});
  EXPECT_EQ(codeName(byRule.code), "DS1103");
  EXPECT_TRUE(contains(byRule.message, "rule 1 'final_norm=fp32'")) << byRule.message;
  EXPECT_TRUE(contains(byRule.notes[0].text, "rule 2")) << byRule.notes[0].text;
  Finding byOverride =
      only({"--bf16", "--module-compute-dtype-rule", "final_norm=fp32", "--module-compute-dtype-override", "final_norm=fp16"});
  EXPECT_EQ(codeName(byOverride.code), "DS1103");
  EXPECT_TRUE(contains(byOverride.notes[0].text, "override")) << byOverride.notes[0].text;
}

TEST(Findings, DS1104_RuleWithoutEffect) {
  EXPECT_EQ(codeName(only({"--bf16", "--module-compute-dtype-rule", "norm=bf16"}).code), "DS1104");
  EXPECT_EQ(codeName(only({"--bf16", "--module-compute-dtype-rule", "norm=fp16", "--module-compute-dtype-rule", "final_norm=fp16"}).code),
            "DS1104");
  // It restores what another rule changed: that is an effect.
  EXPECT_TRUE(resolveWords({"--bf16", "--module-compute-dtype-rule", "norm=fp16", "--module-compute-dtype-rule", "final_norm=bf16"})
                  .findings.empty());
}

TEST(Findings, DS1105_SelectedTwice) {
  for (const Words &words :
       {Words{"--fp8", "--compute-lowbit-exclude", "head", "--compute-lowbit-exclude", "head"},
        {"--fp8", "--compute-lowbit-include", "head", "--compute-lowbit-include", "head"},
        {"--bf16", "--fp8-param", "--persistent-lowbit-include", "head", "--persistent-lowbit-include", "head"},
        {"--bf16", "--module-compute-dtype-rule", "norm=fp16", "--module-compute-dtype-rule", "norm=fp16"},
        {"--bf16", "--module-compute-dtype-override", "lm_head=fp16", "--module-compute-dtype-override", "lm_head=fp16"}})
    EXPECT_EQ(codeName(only(words).code), "DS1105") << words[1];
}

TEST(Findings, TheLastOfTwoEqualRulesCounts) {
  Resolution resolution = resolveWords({"--bf16", "--module-compute-dtype-rule", "final_norm=fp16", "--module-compute-dtype-rule",
                                        "norm=fp32", "--module-compute-dtype-rule", "final_norm=fp16"});
  EXPECT_EQ(codesOf(resolution.findings), std::vector<std::string>{"DS1105"});
  EXPECT_EQ(computeOf(resolution, "final_norm"), "fp16");
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn_norm"), "fp32");
}

TEST(Findings, DS1106_And_DS1108_Includes) {
  EXPECT_EQ(
      codeName(
          only({"--precision-recipe", "deepseek_v3", "--compute-lowbit-include", "out_proj", "--compute-lowbit-include", "lm_head"}).code),
      "DS1106");
  EXPECT_EQ(codeName(only({"--fp8", "--compute-lowbit-include", "out_proj", "--compute-lowbit-include", "lm_head",
                           "--module-compute-dtype-override", "lm_head=bf16"})
                         .code),
            "DS1106");
  Finding shadowed = only({"--fp8", "--compute-lowbit-include", "out_proj", "--compute-lowbit-include", "proj"});
  EXPECT_EQ(codeName(shadowed.code), "DS1108");
  EXPECT_TRUE(contains(shadowed.message, "'out_proj'")) << shadowed.message;
}

TEST(Findings, DS1107_OverruledOptions) {
  EXPECT_EQ(codeName(only({"--fp8", "--fp8-comm-granularity", "tensor"}).code), "DS1107");
  EXPECT_EQ(codeName(only({"--fp8", "--compute-lowbit-mode", "fp4"}).code), "DS1107");
  EXPECT_TRUE(resolveWords({"--fp8", "--fp8-comm-quant", "--fp8-comm-granularity", "tensor"}).findings.empty());
}

TEST(Findings, StrictRulesMakesErrorsOfWarnings) {
  Words words = {"--fp8", "--compute-lowbit-exclude", "final_norm"};
  EXPECT_FALSE(resolveWords(words).hasErrors());
  words.push_back("--strict-rules");
  EXPECT_TRUE(resolveWords(words).hasErrors());
}

TEST(Findings, AllOfARunAreReportedTogetherErrorsFirst) {
  Resolution resolution =
      resolveWords({"--fp8", "--compute-lowbit-exclude", "nothing", "--compute-lowbit-include", "proj", "--compute-lowbit-include", "zzz",
                    "--module-compute-dtype-rule", "out_proj=bf16", "--module-compute-dtype-rule", "q_c=fp16",
                    "--module-compute-dtype-rule", "norm=fp4", "--module-compute-dtype-override", "nope=fp16"});
  EXPECT_EQ(codesOf(resolution.findings), (std::vector<std::string>{"DS1011", "DS1005", "DS1004", "DS1003", "DS1002", "DS1101"}))
      << printAll(resolution.findings);
}

TEST(Findings, PrintedWithPlaceCodeAndNotes) {
  Finding finding = makeFinding(Code::OverrideMatchesNothing, "override 'x' matches no module");
  finding.location = "m.mlir:1:2";
  finding.notes.push_back({"did you mean y?", ""});
  finding.notes.push_back({"there", "m.mlir:3:4"});
  EXPECT_EQ(print(finding), "m.mlir:1:2: error: [DS1002] override 'x' matches no module\nnote: did you mean y?\nm.mlir:3:4: note: there\n");
}

} // namespace

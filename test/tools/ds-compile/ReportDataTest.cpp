// The data of the report page: nothing is said twice, nothing is lost, and what a plan does not say is no reason to fail.
#include "tools/ds-compile/report/Report.h"

#include <gtest/gtest.h>

using namespace dsmlir;
using dsrt::Json;

namespace {

/// A dense block, a block with four experts, and what stands around them.
std::vector<Module> modules() {
  std::vector<Module> list = {{"token_embeddings", "Embedding", false, ""},
                              {"blocks.0.attn_norm", "RMSNorm", false, ""},
                              {"blocks.0.ffn.up_proj", "Linear", true, ""},
                              {"blocks.1.attn_norm", "RMSNorm", false, ""}};
  for (const char *expert : {"0", "1", "2", "3"})
    for (const char *projection : {"up_proj", "down_proj"})
      list.push_back({std::string("blocks.1.ffn.experts.") + expert + "." + projection, "Linear", true, ""});
  list.push_back({"lm_head", "Linear", true, ""});
  return list;
}

Resolution resolved(const std::vector<std::pair<const char *, const char *>> &settings) {
  PrecisionOptions options;
  for (const auto &[name, value] : settings)
    EXPECT_TRUE(set(options, name, value, {Origin::Source::CommandLine, ""}).ok()) << name;
  return resolve(modules(), options);
}

Json operation(const char *path, const char *parameter, Json shape, int64_t bytes) {
  return {{"path", path},
          {"kind", "linear"},
          {"compute", "bf16"},
          {"parameter", {{"name", parameter}, {"shape", shape}, {"resident", "bf16"}, {"bytes", bytes}}},
          {"flops_per_token", 24}};
}

TEST(ReportData, ModulesStandInBlocksAndColumnsAndExpertsInRuns) {
  Json data = reportData(resolved({{"module-compute-dtype-override", "blocks.1.ffn.experts.2.up_proj=fp16"}}), Json::object(), {});
  EXPECT_EQ(data["columns"], Json::parse(R"(["attn_norm", "ffn.up_proj", "ffn.experts.*.up_proj", "ffn.experts.*.down_proj"])"));
  // Classes in the order of their first module: embedding, norm, linear, the one override.
  EXPECT_EQ(data["before"], Json::parse(R"([["token_embeddings", 0]])"));
  EXPECT_EQ(data["blocks"], Json::parse(R"([[0, [[0, 1], [1, 2]]], [1, [[0, 1], [2, [2, 2], [1, 3], [1, 2]], [3, [4, 2]]]]])"));
  EXPECT_EQ(data["after"], Json::parse(R"([["lm_head", 2]])"));
  ASSERT_EQ(data["classes"].size(), 4u);
  EXPECT_EQ(data["classes"][3][1], "fp16");
  EXPECT_EQ(data["classes"][3][3], "override");
  // The norm and the linear modules have one chain: nothing but the run policy spoke.
  EXPECT_EQ(data["classes"][1][4], data["classes"][2][4]);
  EXPECT_EQ(data["chains"][data["classes"][3][4].get<size_t>()][1],
            Json::parse(R"x(["override", "fp16: override (the command line)", true])x"));
}

TEST(ReportData, StorageIsTheParamsDtypeOrTheLowPrecisionOne) {
  Json data = reportData(resolved({{"fp8-param", "true"}, {"params-dtype", "fp32"}}), Json::object(), {});
  EXPECT_EQ(data["classes"][data["blocks"][0][1][0][1].get<size_t>()][2], "fp32");
  EXPECT_EQ(data["classes"][data["blocks"][0][1][1][1].get<size_t>()][2], "fp8");
}

TEST(ReportData, BytesAndFlopsAreThoseOfOneModule) {
  Json plan = {
      {"mode", "bf16"},
      {"operations",
       {operation("token_embeddings", "embedding", {3, 4}, 24), operation("blocks.1.ffn.experts.[0-2].up_proj", "up", {3, 3, 4}, 72),
        operation("blocks.1.ffn.experts.3.up_proj", "up3", {1, 3, 4}, 24), operation("lm_head", "embedding", {3, 4}, 24)}}};
  Json data = reportData(resolved({}), plan, {});
  EXPECT_EQ(data["policy"], Json::parse(R"({"mode": "bf16"})"));
  auto operationOf = [&](const Json &decided) { return data["operations"][data["classes"][decided.get<size_t>()][5].get<size_t>()]; };
  Json experts = data["blocks"][1][1][1];
  ASSERT_EQ(experts.dump(), Json({2, {4, experts[1][1]}}).dump()) << "a run of three and a stack of one are the same to each expert";
  Json expert = operationOf(experts[1][1]);
  EXPECT_EQ(expert["bytes"], 24);
  EXPECT_EQ(expert["flops"], 24);
  EXPECT_EQ(expert["shape"], Json::parse("[3, 4]"));
  // A parameter that two modules share in one format is held once.
  EXPECT_EQ(operationOf(data["before"][0][1])["bytes"], 24);
  EXPECT_EQ(operationOf(data["after"][0][1])["bytes"], 0);
  EXPECT_EQ(operationOf(data["after"][0][1])["shared"], "embedding");
  // The plan has no operation for this one.
  EXPECT_EQ(data["classes"][data["blocks"][0][1][0][1].get<size_t>()][5], -1);
}

TEST(ReportData, OperationsWithoutParametersStandOnceForAllBlocks) {
  Json plan = {{"without_parameters", Json::array()}};
  for (const char *path : {"blocks.0.attn.core", "blocks.1.attn.core", "blocks.3.attn.core", "logits"})
    plan["without_parameters"].push_back({{"path", path}, {"kind", "softmax"}, {"compute", "f32"}});
  EXPECT_EQ(reportData(resolved({}), plan, {})["others"],
            Json::parse(R"([{"name": "attn.core", "kind": "softmax", "compute": "f32", "blocks": [[0, 1], [3, 3]]},
                            {"name": "logits", "kind": "softmax", "compute": "f32", "blocks": []}])"));
}

TEST(ReportData, APlanThatSaysWhatIsSharedIsBelieved) {
  Json head = operation("lm_head", "head", {3, 4}, 24);
  head["parameter"]["shares"] = "token_embeddings.weight";
  Json data = reportData(resolved({}), {{"operations", {head}}}, {});
  EXPECT_EQ(data["operations"][0]["bytes"], 0);
  EXPECT_EQ(data["operations"][0]["shared"], "token_embeddings.weight");
}

TEST(ReportData, WhatAPlanDoesNotSayIsLeftOut) {
  for (const char *text :
       {R"({})", R"({"operations": null, "without_parameters": [1, {}]})", R"({"operations": [1, {}, {"path": 3}, {"path": "lm_head"}]})",
        R"({"operations": [{"path": "blocks.1.ffn.experts.[3-1].up_proj"}, {"path": "blocks.1.ffn.experts.[a-b].up_proj"}]})",
        R"({"operations": [{"path": "lm_head", "parameter": {"bytes": "many", "shape": 7}}]})"}) {
    Json data = reportData(resolved({}), Json::parse(text), {});
    EXPECT_EQ(data["blocks"].size(), 2u) << text;
  }
}

TEST(ReportPage, TextsOfStrangersStayInTheData) {
  std::string evil = "</script><!--<script>&\"'\\\u2028\xff";
  ReportHeader header;
  header.source = evil;
  Json data = reportData(resolved({}), {{"mode", "{{script}}{{data}}"}}, header);
  std::string page = reportPage(data), plain = reportPage(Json::object());
  auto count = [](const std::string &text, const char *word) {
    size_t found = 0;
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1))
      ++found;
    return found;
  };
  for (const char *markup : {"<script", "</script", "<!--"})
    EXPECT_EQ(count(page, markup), count(plain, markup)) << markup;
  EXPECT_EQ(count(page, "{{script}}{{data}}"), 1u) << "what is put into the page is not looked at again";
  size_t begin = page.find("id=\"data\">") + 10, end = page.find("</script>", begin);
  Json read = Json::parse(page.substr(begin, end - begin));
  EXPECT_EQ(read["header"]["source"], "</script><!--<script>&\"'\\\u2028\uFFFD");
  EXPECT_EQ(read["blocks"], data["blocks"]);
}

} // namespace

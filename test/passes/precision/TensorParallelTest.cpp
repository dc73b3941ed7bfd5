// Degrees, on the published shapes of DeepSeek-V3 and V2-Lite and on kjv's.
#include "PlannedShapes.h"
#include "passes/precision/LegalityReport.h"
#include "passes/precision/TensorParallel.h"

using namespace dsmlir;
using namespace dsmlir::test;
using Words = std::vector<std::string>;

namespace {

struct ModelShape {
  int64_t hidden, heads, nope, rope, value, latent, queryLatent, dense, experts, expertWidth, shared, vocabulary;
};
// The published config.json of each.
const ModelShape v3 = {7168, 128, 128, 64, 128, 512, 1536, 18432, 256, 2048, 2048, 129280};
const ModelShape v2Lite = {2048, 16, 128, 64, 128, 512, 0, 10944, 64, 1408, 2816, 102400};

/// A dense and a MoE block's projections, embedding and head, as the graph gives them.
std::vector<PlannedOperation> operationsOf(const ModelShape &m, const Words &words) {
  std::vector<PlannedOperation> operations;
  auto add = [&](const std::string &path, Cut cut, int64_t heads, PlannedOperation operation) {
    operations.push_back(sharded(path, cut, heads, std::move(operation)));
  };
  add("token_embeddings", Cut::Columns, 0, plainProduct("bf16", m.vocabulary, m.hidden));
  if (m.queryLatent) {
    add("blocks.0.attn.q_a_proj", Cut::Whole, 0, product(words, m.queryLatent, m.hidden));
    add("blocks.0.attn.q_b_proj", Cut::Columns, m.heads, product(words, m.heads * (m.nope + m.rope), m.queryLatent));
  } else {
    add("blocks.0.attn.q_proj", Cut::Columns, m.heads, product(words, m.heads * (m.nope + m.rope), m.hidden));
  }
  add("blocks.0.attn.kv_a_proj", Cut::Whole, 0, product(words, m.latent + m.rope, m.hidden));
  add("blocks.0.attn.kv_b_proj", Cut::Columns, m.heads, product(words, m.heads * (m.nope + m.value), m.latent));
  add("blocks.0.attn.out_proj", Cut::Rows, m.heads, product(words, m.hidden, m.heads * m.value));
  auto feedForward = [&](const std::string &prefix, int64_t width, int64_t experts) {
    add(prefix + "gate_proj", Cut::Columns, 0, product(words, width, m.hidden, experts));
    add(prefix + "up_proj", Cut::Columns, 0, product(words, width, m.hidden, experts));
    add(prefix + "down_proj", Cut::Rows, 0, product(words, m.hidden, width, experts));
  };
  feedForward("blocks.0.ffn.", m.dense, 0);
  feedForward("blocks.1.ffn.experts.[0-" + std::to_string(m.experts - 1) + "].", m.expertWidth, m.experts);
  for (PlannedOperation &operation : operations)
    if (operation.experts > 0)
      operation.group = operation.path;
  feedForward("blocks.1.ffn.shared_experts.", m.shared, 0);
  add("lm_head", Cut::Columns, 0, plainProduct("bf16", m.vocabulary, m.hidden));
  return operations;
}

const TensorParallelDegree &degree(const std::vector<TensorParallelDegree> &degrees, int64_t ranks) {
  for (const TensorParallelDegree &entry : degrees)
    if (entry.ranks == ranks)
      return entry;
  ADD_FAILURE() << "no degree of " << ranks;
  return degrees.front();
}

std::vector<int64_t> wholeDegrees(const std::vector<TensorParallelDegree> &degrees) {
  std::vector<int64_t> whole;
  for (const TensorParallelDegree &entry : degrees)
    if (entry.isWhole())
      whole.push_back(entry.ranks);
  return whole;
}

std::string cutOf(const std::vector<Cutting> &cuts, const std::string &path) {
  for (const Cutting &cut : cuts)
    if (cut.path == path)
      return cut.what;
  return "";
}

const Words blocks = {"--precision-recipe", "deepseek_v3"};

} // namespace

TEST(TensorParallel, V3IsWholeUpTo16) {
  auto degrees = tensorParallelDegrees(operationsOf(v3, blocks));
  EXPECT_EQ(degrees.size(), 8u) << "powers of two up to 128 heads";
  EXPECT_EQ(wholeDegrees(degrees), (std::vector<int64_t>{1, 2, 4, 8, 16}));
  const TensorParallelDegree &tp32 = degree(degrees, 32);
  EXPECT_EQ(cutOf(tp32.cuts, "blocks.0.ffn.down_proj"), "K = 18432 / 32 = 576 is no multiple of 128");
  EXPECT_EQ(cutOf(tp32.cuts, "blocks.1.ffn.shared_experts.gate_proj"), "N = 2048 / 32 = 64 is no multiple of 128");
  EXPECT_EQ(cutOf(tp32.expertCuts, "blocks.1.ffn.experts.[0-255].down_proj"), "K = 2048 / 32 = 64 is no multiple of 128");
  EXPECT_EQ(cutOf(tp32.cuts, "blocks.0.attn.q_b_proj"), "") << "768 rows";
  EXPECT_EQ(cutOf(degree(degrees, 128).cuts, "blocks.0.attn.q_b_proj"), "N = 24576 / 128 = 192 is no multiple of 128");
  EXPECT_EQ(cutOf(degree(degrees, 128).cuts, "blocks.0.attn.out_proj"), "") << "one head of 128";
  for (const TensorParallelDegree &entry : degrees)
    EXPECT_TRUE(entry.loadScales.empty() && entry.callScales.empty());
}

TEST(TensorParallel, V2LiteIsCutByEveryDegree) {
  auto degrees = tensorParallelDegrees(operationsOf(v2Lite, blocks));
  EXPECT_EQ(wholeDegrees(degrees), std::vector<int64_t>{1});
  EXPECT_EQ(cutOf(degree(degrees, 8).cuts, "blocks.0.ffn.down_proj"), "K = 10944 / 8 = 1368 is no multiple of 128");
  EXPECT_EQ(cutOf(degree(degrees, 2).cuts, "blocks.0.ffn.gate_proj"), "N = 10944 / 2 = 5472 is no multiple of 128");
  EXPECT_EQ(cutOf(degree(degrees, 2).expertCuts, "blocks.1.ffn.experts.[0-63].up_proj"), "N = 1408 / 2 = 704 is no multiple of 128");
  EXPECT_EQ(cutOf(degree(degrees, 2).cuts, "blocks.1.ffn.shared_experts.down_proj"), "") << "2816 / 2 = 11 tiles";
  EXPECT_EQ(expertParallelDegrees(operationsOf(v2Lite, blocks)), (std::vector<int64_t>{1, 2, 4, 8, 16, 32, 64}));
}

TEST(TensorParallel, ExpertsAreApart) {
  // Dense parts of 128-multiples with experts of 1.5 tiles: whole where expert parallelism keeps experts whole.
  ModelShape shape = v3;
  shape.expertWidth = 192;
  auto degrees = tensorParallelDegrees(operationsOf(shape, blocks));
  const TensorParallelDegree &tp2 = degree(degrees, 2);
  EXPECT_TRUE(tp2.cuts.empty());
  EXPECT_EQ(tp2.expertCuts.size(), 3u);
  EXPECT_FALSE(tp2.isWhole());
}

TEST(TensorParallel, ScalesThatSpanKNeedAnAmaxOverTheRanks) {
  Words channel = {"--fp8", "--fp8-activation-granularity", "channel", "--fp8-weight-granularity", "channel"};
  auto degrees = tensorParallelDegrees(operationsOf(v2Lite, channel));
  EXPECT_EQ(wholeDegrees(degrees), (std::vector<int64_t>{1, 2, 4, 8, 16})) << "no tile can be cut";
  auto paths = [](const std::vector<Cutting> &cuttings) {
    Words list;
    for (const Cutting &cutting : cuttings)
      list.push_back(cutting.path);
    return list;
  };
  Words rowParallel = {"blocks.0.attn.out_proj", "blocks.0.ffn.down_proj", "blocks.1.ffn.experts.[0-63].down_proj",
                       "blocks.1.ffn.shared_experts.down_proj"};
  EXPECT_EQ(paths(degree(degrees, 2).callScales), rowParallel);
  EXPECT_EQ(paths(degree(degrees, 2).loadScales), rowParallel);
  EXPECT_TRUE(degree(degrees, 1).callScales.empty());

  // NVFP4: g of a weight spans the whole tensor, that of a token its row.
  auto nvfp4 = tensorParallelDegrees(operationsOf(v2Lite, {"--fp4"}));
  EXPECT_EQ(paths(degree(nvfp4, 2).callScales), rowParallel);
  EXPECT_EQ(degree(nvfp4, 2).loadScales.size(), 12u) << "every cut weight";
  EXPECT_EQ(cutOf(degree(nvfp4, 8).cuts, "blocks.0.ffn.down_proj"), "K = 10944 / 8 = 1368 is no multiple of 16");
  EXPECT_EQ(cutOf(degree(nvfp4, 4).cuts, "blocks.0.ffn.down_proj"), "") << "171 tiles";
  auto mxfp4 = tensorParallelDegrees(operationsOf(v2Lite, {"--fp4", "--fp4-format", "mxfp4"}));
  EXPECT_EQ(cutOf(degree(mxfp4, 4).cuts, "blocks.0.ffn.down_proj"), "K = 10944 / 4 = 2736 is no multiple of 32");
  EXPECT_TRUE(degree(mxfp4, 2).loadScales.empty());
}

TEST(TensorParallel, HeadsAndTheVocabularyStayWhole) {
  std::vector<PlannedOperation> operations = {
      sharded("token_embeddings", Cut::Columns, 0, plainProduct("bf16", 1002, 96)),
      sharded("blocks.0.attn.q_proj", Cut::Columns, 6, plainProduct("bf16", 6 * 24, 96)),
  };
  auto degrees = tensorParallelDegrees(operations);
  EXPECT_EQ(wholeDegrees(degrees), (std::vector<int64_t>{1, 2, 3, 6})) << "divisors of six heads; 1002 = 6 * 167";
  EXPECT_EQ(cutOf(degree(degrees, 4).cuts, "blocks.0.attn.q_proj"), "heads = 6 / 4 is no whole number");
  EXPECT_EQ(cutOf(degree(degrees, 4).cuts, "token_embeddings"), "N = 1002 / 4 is no whole number");
}

TEST(TensorParallel, WithoutAttentionPowersUpToEight) {
  auto degrees = tensorParallelDegrees({sharded("blocks.0.ffn.down_proj", Cut::Rows, 0, product(blocks, 128, 96))});
  EXPECT_EQ(degrees.size(), 4u);
  EXPECT_EQ(wholeDegrees(degrees), std::vector<int64_t>{1}) << "kjv's 96 are less than a tile";
  EXPECT_TRUE(expertParallelDegrees({}).empty());
}

TEST(TensorParallel, TheReportNamesTheFirstThatIsCut) {
  std::string text = legalityText({}, operationsOf(v2Lite, blocks));
  EXPECT_NE(text.find("     8  cut: blocks.0.ffn.{gate_proj,up_proj}: N = 10944 / 8 = 1368 is no multiple of 128 (and "), std::string::npos)
      << text;
  EXPECT_NE(text.find("     1  whole\n"), std::string::npos) << text;
  dsrt::Json json = legalityJson({}, operationsOf(v3, blocks));
  EXPECT_EQ(json["tensor_parallel"][4]["ranks"], 16);
  EXPECT_EQ(json["tensor_parallel"][4]["whole"], true);
  EXPECT_EQ(json["tensor_parallel"][5]["cuts"][0]["what"], "N = 18432 / 32 = 576 is no multiple of 128");
  EXPECT_EQ(json["expert_parallel"].size(), 9u);
}

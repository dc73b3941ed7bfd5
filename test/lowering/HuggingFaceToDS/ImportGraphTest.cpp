// The graph that the importer builds, value by value: who reads what, in which order.
#include "ImportTesting.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace dsmlir;

/// One line an operation: its results, kind, operands and path. Values are numbered in their order, arguments 0 .. 3 included.
static std::string graph(ds::FuncOp function) {
  llvm::DenseMap<Value, unsigned> numbers;
  auto number = [&](Value value) { return numbers.try_emplace(value, numbers.size()).first->second; };
  for (Value argument : function.getBody().getArguments())
    number(argument);
  std::string text;
  llvm::raw_string_ostream out(text);
  for (Operation &op : function.getBody().front()) {
    for (Value result : op.getResults())
      out << number(result) << ' ';
    if (op.getNumResults())
      out << "= ";
    out << op.getName().stripDialect() << '(';
    llvm::interleave(op.getOperands(), out, [&](Value operand) { out << number(operand); }, " ");
    out << ')';
    if (auto path = op.getAttrOfType<StringAttr>("path"))
      out << ' ' << path.getValue();
    out << '\n';
  }
  return text;
}

// Arguments: 0 tokens, 1 batch, 2 wanted rows, 3 cache.
static const char *const tinyGraph = R"(4 5 = rope_table(1)
6 = embedding(0) token_embeddings
7 = rms_norm(6) blocks.0.attn_norm
8 = linear(7) blocks.0.attn.q_a_proj
9 = rms_norm(8) blocks.0.attn.q_a_norm
10 = linear(9) blocks.0.attn.q_b_proj
11 = rope(10 4 5) blocks.0.attn.rope
12 = linear(7) blocks.0.attn.kv_a_proj
13 = slice_columns(12) blocks.0.attn.kv_split
14 = rms_norm(13) blocks.0.attn.kv_a_norm
15 = slice_columns(12) blocks.0.attn.kv_split
16 = rope(15 4 5) blocks.0.attn.rope
cache_append(3 14 16 1) blocks.0.attn.cache
17 = mla_attention(11 3 1) blocks.0.attn.kv_b_proj
18 = linear(17) blocks.0.attn.out_proj
19 = add(6 18) blocks.0.attn.residual
20 = rms_norm(19) blocks.0.ffn_norm
21 = linear(20) blocks.0.ffn.gate_proj
22 = linear(20) blocks.0.ffn.up_proj
23 = swiglu(21 22) blocks.0.ffn.swiglu
24 = linear(23) blocks.0.ffn.down_proj
25 = add(19 24) blocks.0.ffn.residual
26 = rms_norm(25) blocks.1.attn_norm
27 = linear(26) blocks.1.attn.q_a_proj
28 = rms_norm(27) blocks.1.attn.q_a_norm
29 = linear(28) blocks.1.attn.q_b_proj
30 = rope(29 4 5) blocks.1.attn.rope
31 = linear(26) blocks.1.attn.kv_a_proj
32 = slice_columns(31) blocks.1.attn.kv_split
33 = rms_norm(32) blocks.1.attn.kv_a_norm
34 = slice_columns(31) blocks.1.attn.kv_split
35 = rope(34 4 5) blocks.1.attn.rope
cache_append(3 33 35 1) blocks.1.attn.cache
36 = mla_attention(30 3 1) blocks.1.attn.kv_b_proj
37 = linear(36) blocks.1.attn.out_proj
38 = add(25 37) blocks.1.attn.residual
39 = rms_norm(38) blocks.1.ffn_norm
40 = linear(39) blocks.1.ffn.router
41 42 = route(40) blocks.1.ffn.route
43 44 = expert_order(42) blocks.1.ffn.order
45 = dispatch(39 43) blocks.1.ffn.dispatch
46 = grouped_linear(45 44) blocks.1.ffn.experts.[0-5].gate_proj
47 = grouped_linear(45 44) blocks.1.ffn.experts.[0-5].up_proj
48 = swiglu(46 47) blocks.1.ffn.experts.swiglu
49 = grouped_linear(48 44) blocks.1.ffn.experts.[0-5].down_proj
50 = combine(49 41 43) blocks.1.ffn.combine
51 = linear(39) blocks.1.ffn.shared_experts.gate_proj
52 = linear(39) blocks.1.ffn.shared_experts.up_proj
53 = swiglu(51 52) blocks.1.ffn.shared_experts.swiglu
54 = linear(53) blocks.1.ffn.shared_experts.down_proj
55 = add(50 54) blocks.1.ffn.shared_experts.add
56 = add(38 55) blocks.1.ffn.residual
57 = take_rows(56 2) wanted
58 = rms_norm(57) final_norm
59 = linear(58) lm_head
return(59)
)";

TEST(ImportGraph, Prefill) { EXPECT_EQ(graph(Imported().function("prefill")), tinyGraph); }
TEST(ImportGraph, DecodeIsTheSameGraph) { EXPECT_EQ(graph(Imported().function("decode")), tinyGraph); }

TEST(ImportGraph, WithoutQueryCompression) {
  std::string text = graph(Imported(R"({"q_lora_rank": null})").function("prefill"));
  EXPECT_NE(text.find("7 = rms_norm(6) blocks.0.attn_norm\n"
                      "8 = linear(7) blocks.0.attn.q_proj\n"
                      "9 = rope(8 4 5) blocks.0.attn.rope\n"
                      "10 = linear(7) blocks.0.attn.kv_a_proj\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("q_a"), std::string::npos);
}

TEST(ImportGraph, WithoutSharedExperts) {
  std::string text = graph(Imported(R"({"n_shared_experts": 0})").function("prefill"));
  EXPECT_NE(text.find("50 = combine(49 41 43) blocks.1.ffn.combine\n51 = add(38 50) blocks.1.ffn.residual\n"), std::string::npos) << text;
}

TEST(ImportGraph, WithoutExperts) {
  dsrt::Json config = tinyConfig();
  config["n_routed_experts"] = nullptr; // a null in a merge patch would take the field away
  Imported dense(config);
  EXPECT_EQ(dense.count<ds::GroupedLinearOp>(), 0u);
  EXPECT_EQ(dense.count<ds::RouteOp>(), 0u);
  EXPECT_EQ(dense.count<ds::LinearOp>("blocks.1.ffn.down_proj"), 1u);
}

TEST(ImportGraph, WithoutDenseBlocks) {
  Imported sparse(R"({"first_k_dense_replace": 0})");
  EXPECT_EQ(sparse.count<ds::RouteOp>(), 2u);
  EXPECT_EQ(sparse.count<ds::LinearOp>("blocks.0.ffn.gate_proj"), 0u);
}

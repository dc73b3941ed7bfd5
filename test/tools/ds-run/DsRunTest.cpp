// ds-run as its users meet it: the toy artifact on the CPU backend, results on stdout, one message on stderr, documented codes.
#include "test/runtime/launcher/Toy.h"
#include "test/tools/ds-run/Process.h"

#include "dsrt/dsrt.h"
#include "runtime/support/Json.h"

#include <cmath>
#include <cstring>

using namespace dsrt;

namespace {

class DsRun : public testing::Test {
protected:
  DsRun() {
    toy::writeCheckpoint(weights);
    toy::writeCheckpoint(byteWeights, 256);
  }
  ProcessResult run(std::vector<std::string> arguments, const std::string &out = "") {
    return runProcess(DS_RUN, std::move(arguments), folder.path, out);
  }
  /// The toy artifact with its weights and more.
  ProcessResult toyRun(std::vector<std::string> more, const std::string &artifact = "toy") {
    std::vector<std::string> arguments = {toy::artifact(artifact), "--weights", artifact == "toy-bytes" ? byteWeights.path : weights.path};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  Json json(const ProcessResult &result) {
    EXPECT_EQ(result.code, 0) << result.errors;
    Expected<Json> parsed = parseJson(result.out, "stdout");
    EXPECT_TRUE(parsed) << parsed.status().message();
    return *parsed;
  }
  /// The code and a part of the one message; nothing on stdout.
  void expectError(const ProcessResult &result, int code, const std::string &message) {
    EXPECT_EQ(result.code, code) << result.errors;
    EXPECT_NE(result.errors.find(message), std::string::npos) << result.errors;
    EXPECT_EQ(result.errors.find("error: "), 0u) << result.errors;
    EXPECT_EQ(result.errors.find("error: ", 1), std::string::npos) << result.errors;
    EXPECT_EQ(result.out, "");
  }
  std::string inputFile(const std::vector<std::vector<int32_t>> &rows, int64_t length, const std::string &name = "input_ids") {
    std::vector<int32_t> ids(rows.size() * length), lengths;
    for (size_t row = 0; row < rows.size(); ++row) {
      std::copy(rows[row].begin(), rows[row].end(), ids.begin() + row * length);
      lengths.push_back(rows[row].size());
    }
    int64_t batch = rows.size();
    EXPECT_TRUE(writeSafeTensors(folder / "input.safetensors",
                                 {{name, FileType::I32, {batch, length}, ids.data()}, {"lengths", FileType::I32, {batch}, lengths.data()}})
                    .ok());
    return folder / "input.safetensors";
  }

  toy::Folder folder, weights, byteWeights;
  const std::vector<std::vector<int32_t>> rows = {{1, 2, 3, 4, 5, 6}, {7}, {0, 15, 3}};
};

} // namespace

TEST_F(DsRun, GreedyTokensAsJson) {
  Json result = json(toyRun({"--tokens", "1,2,3", "--max-new-tokens", "4"}));
  EXPECT_EQ(result["sequences"], Json(std::vector<std::vector<int32_t>>{toy::greedy({1, 2, 3}, 4)}));
  EXPECT_EQ(result["finish_reasons"], Json({"length"}));
  EXPECT_EQ(result["timings"]["prefill_tokens"], 3);
  EXPECT_EQ(result["timings"]["decode_tokens"], 3);
}

TEST_F(DsRun, RaggedRowsFromAFile) {
  std::string input = inputFile(rows, 6);
  for (const char *phase : {"prefill", "decode"}) {
    Json result = json(toyRun({"--input", input, "--max-new-tokens=8", "--read-with", phase}));
    for (size_t row = 0; row < rows.size(); ++row)
      EXPECT_EQ(result["sequences"][row], Json(toy::greedy(rows[row], row == 0 ? 6 : 8))) << row;
    EXPECT_EQ(result["finish_reasons"], Json({"context", "length", "length"}));
  }
}

TEST_F(DsRun, InputTensor) {
  std::string input = inputFile(rows, 6, "mine");
  EXPECT_EQ(json(toyRun({"--input", input, "--input-tensor", "mine", "--max-new-tokens", "1"}))["sequences"][1], Json(toy::greedy({7}, 1)));
  expectError(toyRun({"--input", input}), DSRT_REJECTED, "expects a tensor 'input_ids', but the file has none");
}

TEST_F(DsRun, LogitsOutPadsWithZeros) {
  Json result = json(toyRun({"--input", inputFile(rows, 6), "--logits-out", folder / "logits.safetensors"}));
  EXPECT_FALSE(result.contains("sequences"));
  Expected<Checkpoint> file = Checkpoint::open(folder / "logits.safetensors");
  ASSERT_TRUE(file) << file.status().message();
  const TensorInfo *info = file->find("logits");
  ASSERT_NE(info, nullptr);
  ASSERT_EQ(info->shape, (std::vector<int64_t>{3, 6, 16}));
  std::vector<float> logits(3 * 6 * 16);
  memcpy(logits.data(), file->bytes(*info), logits.size() * 4);
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t position = 0; position < 6; ++position) {
      std::vector<float> expected = position < int64_t(rows[row].size()) ? toy::logits(rows[row], position) : std::vector<float>(16);
      for (int64_t v = 0; v < 16; ++v)
        EXPECT_NEAR(logits[(row * 6 + position) * 16 + v], expected[v], 1e-5);
    }
}

TEST_F(DsRun, Compare) {
  std::vector<float> reference;
  for (int64_t position = 0; position < 2; ++position)
    for (float value : toy::logits({3, 4}, position))
      reference.push_back(value);
  reference[0] += 1; // ||b|| is about 142
  ASSERT_TRUE(writeSafeTensors(folder / "reference.safetensors", {{"theirs", FileType::F32, {1, 2, 16}, reference.data()}}).ok());
  std::vector<std::string> compare = {"--tokens", "3,4", "--compare", folder / "reference.safetensors", "--compare-tensor", "theirs"};
  ProcessResult apart = toyRun(compare);
  EXPECT_EQ(apart.code, 1);
  Json result = *parseJson(apart.out, "stdout");
  EXPECT_NEAR(result["distance"].get<double>(), 1 / 142.0, 1e-3);
  EXPECT_LT(result["tokens"][0][1].get<double>(), 1e-6);
  EXPECT_EQ(result["rows"].size(), 1u);
  compare.insert(compare.end(), {"--compare-tolerance", "0.01"});
  EXPECT_EQ(toyRun(compare).code, 0);
  expectError(toyRun({"--tokens", "3,4,5", "--compare", folder / "reference.safetensors", "--compare-tensor", "theirs"}), DSRT_REJECTED,
              "expects F32 [1, 3, 16], but got F32 [1, 2, 16]");
}

TEST_F(DsRun, ScoreIsExactlyThreeFields) {
  Json result = json(toyRun({"--score", inputFile({{1, 2, 3}, {5, 6}}, 3, "text"), "--score-tensor", "text"}));
  ASSERT_EQ(result.size(), 3u);
  ASSERT_EQ(result["nll"].size(), 2u);
  double mean = (result["nll"][0].get<double>() + result["nll"][1].get<double>()) / 2;
  EXPECT_DOUBLE_EQ(result["mean"].get<double>(), mean);
  EXPECT_DOUBLE_EQ(result["perplexity"].get<double>(), std::exp(mean));
  std::vector<float> logits = toy::logits({5, 6}, 0);
  double sum = 0;
  for (float value : logits)
    sum += std::exp(double(value) - 100);
  EXPECT_NEAR(result["nll"][1].get<double>(), std::log(sum) + 100 - logits[6], 1e-4);
  expectError(toyRun({"--score", inputFile({{1, 2}, {5}}, 2)}), DSRT_REJECTED, "row 1 expects at least 2 tokens, but has 1");
}

TEST_F(DsRun, PromptOfBytes) {
  std::vector<int32_t> prompt = {'H', 'i'}, next = toy::greedy(prompt, 5, 256);
  Json result = json(toyRun({"--prompt", "Hi", "--max-new-tokens", "5"}, "toy-bytes"));
  EXPECT_EQ(result["sequences"][0], Json(next));
  ProcessResult text = toyRun({"--prompt", "Hi", "--max-new-tokens", "5", "--output", "text"}, "toy-bytes");
  EXPECT_EQ(text.code, 0) << text.errors;
  EXPECT_EQ(text.out, std::string(next.begin(), next.end()));
  expectError(toyRun({"--prompt", "Hi"}), DSRT_REJECTED, "--tokens");
  byteWeights.write("tokenizer.json", "{}");
  expectError(toyRun({"--prompt", "Hi"}, "toy-bytes"), DSRT_REJECTED, "tokenizers are not supported yet");
}

TEST_F(DsRun, Stopping) {
  std::vector<int32_t> next = toy::greedy({1, 2, 3}, 3);
  ASSERT_NE(next[0], next[2]);
  ASSERT_NE(next[1], next[2]);
  std::string id = std::to_string(next[2]);
  weights.write("config.json", "{\"eos_token_id\": " + id + "}");
  std::vector<std::string> some = {"--tokens", "1,2,3", "--max-new-tokens", "5"};
  Json result = json(toyRun(some));
  EXPECT_EQ(result["sequences"][0], Json(next));
  EXPECT_EQ(result["finish_reasons"][0], "stop");
  std::vector<std::string> ignoring = some, given = some;
  ignoring.push_back("--ignore-eos");
  EXPECT_EQ(json(toyRun(ignoring))["sequences"][0].size(), 5u);
  given.insert(given.end(), {"--ignore-eos", "--stop-id", std::to_string(next[1]), "--stop-id", "15"});
  EXPECT_EQ(json(toyRun(given))["sequences"][0].size(), 2u);
  expectError(toyRun({"--tokens", "1", "--stop-id", "16"}), DSRT_USAGE, "below the vocabulary of 16");
}

TEST_F(DsRun, Sampling) {
  std::vector<std::string> hot = {"--tokens", "1,2,3", "--max-new-tokens", "9", "--temperature", "1000", "--seed"};
  auto with = [&](const char *seed) {
    std::vector<std::string> arguments = hot;
    arguments.push_back(seed);
    return json(toyRun(arguments))["sequences"];
  };
  EXPECT_EQ(with("5"), with("5"));
  EXPECT_NE(with("5"), with("6"));
  EXPECT_EQ(json(toyRun({"--tokens", "1,2,3", "--max-new-tokens", "4", "--top-k", "1"}))["sequences"][0], Json(toy::greedy({1, 2, 3}, 4)));
}

TEST_F(DsRun, WrongUsage) {
  auto usage = [&](std::vector<std::string> arguments, const std::string &message) { expectError(toyRun(arguments), DSRT_USAGE, message); };
  usage({}, "expects one of --tokens, --input, --prompt and --score, but got none");
  usage({"--tokens", "1", "--prompt", "a"}, "but got 2");
  usage({"--tokens", "1", "--seed", "1"}, "--seed expects sampling");
  usage({"--tokens", "1", "--temperature", "0"}, "--temperature expects");
  usage({"--tokens", "1", "--top-p", "1.5"}, "--top-p expects");
  usage({"--tokens", "1", "--top-k", "0"}, "--top-k");
  usage({"--tokens", "1,x"}, "--tokens expects token ids");
  usage({"--tokens", "1", "--input-tensor", "a"}, "--input-tensor expects --input");
  usage({"--tokens", "1", "--score-tensor", "a"}, "--score-tensor expects --score");
  usage({"--tokens", "1", "--compare-tensor", "a"}, "--compare-tensor expects --compare");
  usage({"--tokens", "1", "--compare-tolerance", "1"}, "--compare-tolerance expects --compare");
  usage({"--score", "a", "--max-new-tokens", "1"}, "takes no --max-new-tokens");
  usage({"--tokens", "1", "--max-new-tokens", "0", "--top-k", "2"}, "--top-k speaks of generation");
  usage({"--tokens", "1", "--max-new-tokens", "0", "--output", "text"}, "--output text");
  usage({"--tokens", "1", "--max-new-tokens", "-1"}, "--max-new-tokens");
  usage({"--tokens", "1", "--deadline", "0"}, "--deadline expects");
  usage({"--tokens", "1", "--max-new-token", "1"}, "did you mean '--max-new-tokens'");
  usage({"--tokens", "1", "--backend", "tpu"}, "tpu");
  expectError(run({}), DSRT_USAGE, "artifact");
  expectError(run({toy::artifact("toy"), "--tokens", "1"}), DSRT_USAGE, "--weights");
}

TEST_F(DsRun, HelpAndVersion) {
  for (std::vector<std::string> arguments :
       {std::vector<std::string>{"--help"}, {"doctor", "--help"}, {"bench", "--help"}, {"--version"}}) {
    ProcessResult result = run(arguments);
    EXPECT_EQ(result.code, 0);
    EXPECT_NE(result.out, "");
    EXPECT_EQ(result.errors, "");
  }
}

TEST_F(DsRun, RowsThatAreTooLong) {
  expectError(toyRun({"--tokens", "1,1,1,1,1,1,1,1,1,1,1,1,1"}), DSRT_REJECTED,
              "row 0 has 13 tokens, but the artifact holds rows of at most 12");
  expectError(toyRun({"--tokens", "1,16"}), DSRT_REJECTED, "row 0, token 1 expects an id below the vocabulary of 16, but got 16");
}

TEST_F(DsRun, ArtifactsThatDoNotFit) {
  expectError(toyRun({"--tokens", "1"}, "toy-other-abi"), DSRT_MISMATCH, "expects ABI");
  expectError(toyRun({"--tokens", "1"}, "toy-other-target"), DSRT_UNAVAILABLE, "'tpu'");
  expectError(toyRun({"--tokens", "1", "--backend", "cuda"}), DSRT_UNAVAILABLE, "does not run on --backend cuda");
  expectError(toyRun({"--tokens", "1", "--device", "1"}), DSRT_UNAVAILABLE, "device");
  expectError(toyRun({"--tokens", "1"}, "toy-no-decode"), DSRT_UNREADABLE, "dsrt_decode");
  expectError(toyRun({"--tokens", "1"}, "toy-huge-arena"), DSRT_OUT_OF_MEMORY, "arena 4.0 EiB");
  folder.write("text.dsx", "not an artifact");
  expectError(run({folder / "text.dsx", "--weights", weights.path, "--tokens", "1"}), DSRT_UNREADABLE, "not an artifact");
}

TEST_F(DsRun, WeightsThatDoNotFit) {
  std::vector<std::string> other = {toy::artifact("toy"), "--weights", byteWeights.path, "--tokens", "1"};
  expectError(run(other), DSRT_MISMATCH, "token_embeddings.weight expects f32 [16, 4], but tensor 'model.embed_tokens.weight' of ");
  folder.write("model.safetensors", "too short");
  other[2] = folder.path;
  expectError(run(other), DSRT_UNREADABLE, "model.safetensors");
}

TEST_F(DsRun, OutputsThatCannotBeWritten) {
  ProcessResult result = toyRun({"--tokens", "1", "--logits-out", folder / "absent/logits.safetensors"});
  expectError(result, DSRT_CANNOT_CREATE, "absent");
  result = run({toy::artifact("toy"), "--weights", weights.path, "--tokens", "1"}, "/dev/full");
  EXPECT_EQ(result.code, DSRT_IO);
  EXPECT_NE(result.errors.find("cannot write to stdout"), std::string::npos);
}

TEST_F(DsRun, CheckFinite) {
  toy::writeCheckpoint(weights, 16, NAN);
  expectError(toyRun({"--tokens", "0", "--check-finite"}), DSRT_NOT_FINITE, "token_embeddings (embedding): expects finite values");
  expectError(toyRun({"--tokens", "0"}), DSRT_NOT_FINITE, "--check-finite names the first operation");
  EXPECT_EQ(toyRun({"--tokens", "1", "--check-finite"}).code, 0);
}

TEST_F(DsRun, Trace) {
  ASSERT_EQ(toyRun({"--tokens", "1,2", "--max-new-tokens", "2", "--trace", folder / "trace.json"}).code, 0);
  Expected<Json> trace = readJson(folder / "trace.json");
  ASSERT_TRUE(trace) << trace.status().message();
  std::map<std::string, int> names;
  for (const Json &event : (*trace)["traceEvents"])
    ++names[event["name"].get<std::string>()];
  EXPECT_EQ(names, (std::map<std::string, int>{
                       {"decode", 1}, {"embedding", 2}, {"gather_rows", 2}, {"linear", 2}, {"load weights", 1}, {"prefill", 1}}));
}

TEST_F(DsRun, DeadlineEndsWhatGoesOn) {
  expectError(toyRun({"--tokens", "1", "--deadline", "0.05"}, "toy-spin"), DSRT_REJECTED,
              "the run took longer than --deadline of 0.05 s: wanted (gather_rows): ");
  EXPECT_EQ(toyRun({"--tokens", "1", "--deadline", "3600"}).code, 0);
}

TEST_F(DsRun, DeadlineEndsWhatHangs) {
  expectError(toyRun({"--tokens", "1", "--deadline", "0.05"}, "toy-hang"), DSRT_REJECTED, "an operation that it waits for does not return");
}

TEST_F(DsRun, TextOfSeveralRows) {
  ProcessResult text = toyRun({"--input", inputFile({{72, 105}, {65}}, 2), "--max-new-tokens", "3", "--output", "text"}, "toy-bytes");
  EXPECT_EQ(text.code, 0) << text.errors;
  std::vector<int32_t> first = toy::greedy({72, 105}, 3, 256), second = toy::greedy({65}, 3, 256);
  EXPECT_EQ(text.out, std::string(first.begin(), first.end()) + "\n" + std::string(second.begin(), second.end()) + "\n");
}

TEST_F(DsRun, TheSameForAnyNumberOfThreads) {
  std::vector<std::string> bytes;
  for (const char *threads : {"1", "2", "2"}) {
    std::string path = folder / "logits.safetensors";
    ASSERT_EQ(toyRun({"--tokens", "1,2,3,4,5,6,7", "--threads", threads, "--logits-out", path}).code, 0);
    std::ifstream file(path, std::ios::binary);
    bytes.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  EXPECT_EQ(bytes[0], bytes[1]);
  EXPECT_EQ(bytes[1], bytes[2]);
}

TEST_F(DsRun, Doctor) {
  ProcessResult result = run({"doctor"});
  EXPECT_EQ(result.code, 0) << result.errors;
  for (const char *line :
       {"processor: ", "instruction sets: ", "threads: ", "available memory: ", "ABI: ", "backend cpu: available; products of f32, bf16"})
    EXPECT_NE(result.out.find(line), std::string::npos) << result.out;
}

TEST_F(DsRun, Bench) {
  for (bool random : {true, false}) {
    std::vector<std::string> arguments = {"bench", toy::artifact("toy"), "--batch", "3", "--context", "4", "--new-tokens", "3"};
    if (!random)
      arguments.insert(arguments.end(), {"--weights", weights.path});
    Json result = json(run(arguments));
    EXPECT_EQ(result["weights"], random ? "random" : "checkpoint");
    EXPECT_EQ(result["prefill"]["tokens"], 12);
    EXPECT_EQ(result["decode"]["tokens"], 6);
    EXPECT_GT(result["decode"]["tokens_per_second"].get<double>(), 0);
    EXPECT_LE(result["decode"]["step_ms"]["p50"].get<double>(), result["decode"]["step_ms"]["p99"].get<double>());
  }
  expectError(run({"bench", toy::artifact("toy"), "--context", "12"}), DSRT_REJECTED, "at most 12 positions together, but got 44");
}

// The cuda backend as ds-run finds it: a plugin that is not there, does not fit, has no device, or works. A plugin for tests stands in its
// place, so that no device is needed.
#include "test/runtime/launcher/Toy.h"
#include "test/tools/ds-run/Process.h"

#include "dsrt/dsrt.h"
#include "runtime/support/Json.h"

using namespace dsrt;

namespace {

class Plugin : public testing::Test {
protected:
  Plugin() {
    toy::writeCheckpoint(weights);
    usePlugin("fits");
  }
  ~Plugin() {
    for (const char *name : {"DSRT_BACKEND_PATH", "FAKE_MEMORY", "FAKE_NO_DEVICE"})
      unsetenv(name);
  }
  void usePlugin(const std::string &name) { setenv("DSRT_BACKEND_PATH", (PLUGIN_FOLDER "/" + name).c_str(), 1); }
  ProcessResult run(std::vector<std::string> arguments) { return runProcess(DS_RUN, std::move(arguments), folder.path); }
  ProcessResult generate(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {toy::artifact("toy-device"), "--weights", weights.path, "--tokens", "1,2,3",
                                          "--max-new-tokens",          "6"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  ProcessResult bench(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"bench", toy::artifact("toy-device"), "--batch", "3", "--context", "2", "--new-tokens", "9"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  Json json(const ProcessResult &result) {
    EXPECT_EQ(result.code, 0) << result.errors;
    Expected<Json> parsed = parseJson(result.out, "stdout");
    EXPECT_TRUE(parsed) << parsed.status().message();
    return *parsed;
  }
  /// The code and parts of the one message; nothing on stdout.
  void expectError(const ProcessResult &result, int code, const std::vector<std::string> &parts) {
    EXPECT_EQ(result.code, code) << result.errors;
    EXPECT_EQ(result.errors.find("error: "), 0u) << result.errors;
    for (const std::string &part : parts)
      EXPECT_NE(result.errors.find(part), std::string::npos) << part << " in " << result.errors;
    EXPECT_EQ(result.out, "");
  }

  toy::Folder folder, weights;
};

} // namespace

TEST_F(Plugin, IsNotThere) {
  usePlugin("absent");
  for (const ProcessResult &result : {generate(), generate({"--backend", "cuda"}), bench()})
    expectError(result, DSRT_UNAVAILABLE, {"the backend 'cuda' is not available", "plugins/absent/dsrt_cuda.so", "DSRT_BACKEND_PATH"});
}

TEST_F(Plugin, CannotBeLoaded) {
  folder.write("dsrt_cuda.so", "no library");
  setenv("DSRT_BACKEND_PATH", folder.path.c_str(), 1);
  expectError(generate(), DSRT_UNAVAILABLE, {"the backend 'cuda' is not available", "dsrt_cuda.so", "LD_LIBRARY_PATH"});
}

TEST_F(Plugin, DoesNotFit) {
  usePlugin("other-abi");
  expectError(generate(), DSRT_MISMATCH, {"expects ABI", "but got 0123456789abcdef", "build both from the same sources"});
  usePlugin("other-name");
  expectError(generate(), DSRT_MISMATCH, {"expects the backend 'cuda', but got 'metal'"});
  usePlugin("no-table");
  expectError(generate(), DSRT_MISMATCH, {"has no table of a backend"});
}

TEST_F(Plugin, HasNoDevice) {
  expectError(generate({"--device", "7"}), DSRT_UNAVAILABLE, {"the backend 'cuda' cannot start: there is no device 7"});
  setenv("FAKE_NO_DEVICE", "1", 1);
  expectError(bench(), DSRT_UNAVAILABLE, {"cannot start"});
}

TEST_F(Plugin, ServesItsOwnArtifactsAlone) {
  usePlugin("absent"); // and is not looked for where it is not asked for
  EXPECT_EQ(run({toy::artifact("toy"), "--weights", weights.path, "--tokens", "1"}).code, 0);
  expectError(run({toy::artifact("toy"), "--weights", weights.path, "--tokens", "1", "--backend", "cuda"}), DSRT_UNAVAILABLE,
              {"compiled for cpu and does not run on --backend cuda"});
}

TEST_F(Plugin, Generates) {
  for (const std::vector<std::string> &more : std::vector<std::vector<std::string>>{{}, {"--no-graphs"}, {"--check-finite"}})
    EXPECT_EQ(json(generate(more))["sequences"], Json(std::vector<std::vector<int32_t>>{toy::greedy({1, 2, 3}, 6)}));
}

TEST_F(Plugin, RefusesWhatItsMemoryDoesNotHold) {
  // Weights 2 x 16 x 4 F32, a cache of one row of 9 positions, an arena of 8 KiB.
  setenv("FAKE_MEMORY", "8739", 1);
  expectError(generate(), DSRT_OUT_OF_MEMORY,
              {"expects 8.5 KiB of memory of the device", "weights 512 bytes", "cache 36 bytes", "arena 8.0 KiB", "fewer or shorter rows"});
  setenv("FAKE_MEMORY", "8740", 1);
  EXPECT_EQ(generate().code, 0);
}

TEST_F(Plugin, Bench) {
  Json result = json(bench({"--trace", folder / "trace.json"}));
  EXPECT_EQ(result["device"]["device"], "a device for tests");
  EXPECT_EQ(result["memory"]["weights"], 512);
  EXPECT_EQ(result["memory"]["planned"], 512 + 3 * 11 * 4 + 8192);
  EXPECT_TRUE(result["memory"].contains("used_to_planned"));
  // 9 tokens: one of prefill, and 8 steps of which all but the first go on from the one before.
  const Json &steps = result["decode"]["per_step"];
  EXPECT_EQ(steps["steps"], 7);
  EXPECT_EQ(steps["operations_outside_graphs"], 0);
  EXPECT_EQ(steps["graph_launches"], 1);
  EXPECT_EQ(steps["host_synchronisations"], 0);
  EXPECT_EQ(result["decode"]["tokens"], 24);
  Expected<Json> trace = readJson(folder / "trace.json");
  ASSERT_TRUE(trace) << trace.status().message();
  // One prefill and 3 steps of five operations, and an event for each of the four.
  EXPECT_EQ((*trace)["traceEvents"].size(), 4u * 6);
  EXPECT_EQ((*trace)["traceEvents"][0]["name"], "embedding");
  EXPECT_EQ(json(bench({"--no-graphs"}))["decode"]["per_step"]["operations_outside_graphs"], 6);
}

TEST_F(Plugin, Doctor) {
  ProcessResult result = run({"doctor"});
  EXPECT_EQ(result.code, 0) << result.errors;
  for (const char *line :
       {"backend cuda: available", "  device 0: device a device for tests", "memory 1.0 GiB", "driver 13.0", "  device 1: "})
    EXPECT_NE(result.out.find(line), std::string::npos) << line << " in " << result.out;
  usePlugin("other-abi");
  result = run({"doctor"});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_NE(result.out.find("backend cuda: the backend 'cuda' does not fit this runtime"), std::string::npos) << result.out;
}

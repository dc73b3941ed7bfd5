// The cases that the reference trainer decided: ../shared/precision-cases/tiny-v3.json. The same flags give the same answer.
#include "TestModels.h"

#include <filesystem>
#include <fstream>

using namespace dsmlir;
using namespace dsmlir::test;
using Json = nlohmann::ordered_json;

namespace {

class Cases : public testing::Test {
protected:
  void SetUp() override {
    std::string path = std::string(DSMLIR_SHARED_DIR) + "/precision-cases/tiny-v3.json";
    if (!std::filesystem::exists(path))
      GTEST_SKIP() << "the reference cases are not here: " << path;
    std::ifstream file(path);
    document = Json::parse(file);
    for (const Json &module : document["modules"])
      modules.push_back({module["path"], module["type"], module["low_bit_capable"], ""});
  }

  /// The flags with our name of the reference's recipe, or another one in its place.
  Resolution run(const Json &test, const std::string &recipe) {
    std::vector<std::string> words = test["flags"];
    std::replace(words.begin(), words.end(), std::string("deepseek_v3"), recipe);
    for (const auto &[path, dtype] : test["overrides"].items()) {
      words.push_back("--module-compute-dtype-override");
      words.push_back(path + "=" + dtype.get<std::string>());
    }
    return resolve(modules, parse(words));
  }

  void compareModules(const Json &expect, const Json &got) {
    Json compute = Json::object(), persistent = Json::object();
    for (const Json &module : got["modules"]) {
      compute[module["path"].get<std::string>()] = module["compute"];
      if (!module["persistent"].is_null())
        persistent[module["path"].get<std::string>()] = module["persistent"];
    }
    EXPECT_EQ(nlohmann::json(compute), nlohmann::json(expect["compute"]));
    EXPECT_EQ(nlohmann::json(persistent), nlohmann::json(expect["persistent"]));
  }

  Json document;
  std::vector<Module> modules;
};

TEST_F(Cases, AllAgreeWithTheReference) {
  ASSERT_EQ(document["cases"].size(), 44u);
  for (const Json &test : document["cases"]) {
    SCOPED_TRACE(test["id"].get<std::string>());
    Resolution resolution = run(test, "nano_train_deepseek_v3");
    const Json &expect = test["expect"];
    ASSERT_EQ(resolution.hasErrors(), expect.contains("error")) << printAll(resolution.findings);
    if (resolution.hasErrors())
      continue;
    Json got = listModulesJson(resolution);
    for (const char *key : {"mode", "activation_dtype", "params_dtype"})
      EXPECT_EQ(got[key], expect[key]) << key;
    EXPECT_EQ(nlohmann::json(got["recipe"]), nlohmann::json(expect.contains("recipe") ? expect["recipe"] : Json(nullptr)));
    compareModules(expect, got);
  }
}

TEST_F(Cases, ThePublishedRecipeSelectsTheSameModules) {
  for (const Json &test : document["cases"]) {
    SCOPED_TRACE(test["id"].get<std::string>());
    Resolution resolution = run(test, "deepseek_v3");
    ASSERT_EQ(resolution.hasErrors(), test["expect"].contains("error")) << printAll(resolution.findings);
    if (!resolution.hasErrors())
      compareModules(test["expect"], listModulesJson(resolution));
  }
}

// The list that the other tests build is the reference's.
TEST_F(Cases, TheTestModelIsTinyV3) {
  std::vector<Module> own = modelModules({});
  ASSERT_EQ(own.size(), modules.size());
  for (size_t i = 0; i < own.size(); ++i) {
    EXPECT_EQ(own[i].path, modules[i].path);
    EXPECT_EQ(own[i].type, modules[i].type);
    EXPECT_EQ(own[i].lowBitCapable, modules[i].lowBitCapable);
  }
}

} // namespace

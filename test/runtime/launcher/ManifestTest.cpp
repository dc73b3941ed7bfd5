// The manifest: every field round-trips, the last valid value of each range is taken, and the first invalid one is refused by name.
#include "runtime/launcher/Manifest.h"
#include "runtime/support/Json.h"

#include <gtest/gtest.h>

using namespace dsrt;

namespace {

/// Every field has a value that is not its default.
Json example() {
  Json blocks = {{"payload", "f8E4M3FN"},        {"scale", "ue8m0"},      {"tile", {128, 0}},
                 {"rule", "power_of_two"},       {"rounding", "nearest"}, {"amax_floor", 0.0625},
                 {"seed", 18446744073709551615u}};
  Json tensor = {{"payload", "nf4"},         {"scale", "f32"},    {"tile", {0, 0}}, {"rule", "amax"},
                 {"rounding", "stochastic"}, {"amax_floor", 0.0}, {"seed", 7}};
  Json rows = {{"payload", "f4E2M1FN"}, {"scale", "f8E4M3FN"}, {"tile", {1, 16}}, {"rule", "mx"},
               {"rounding", "nearest"}, {"amax_floor", 0.0},   {"seed", 0},       {"outer_scale", "row"}};
  Json program = {{"entry", "dsrt_prefill"}, {"arena_bytes", 1024}, {"logits_offset", 896}};
  Json decode = {{"entry", "dsrt_decode"}, {"arena_bytes", 512}, {"logits_offset", 384}};
  Json parameters = Json::array();
  parameters.push_back({{"path", "a.weight"},
                        {"tensor", "model.{e}.a"},
                        {"scales", "model.{e}.a_scale_inv"},
                        {"shape", {4, 300, 20}},
                        {"first_expert", 2},
                        {"stored", blocks},
                        {"through", {"bf16", rows, tensor}},
                        {"use", 1}});
  parameters.push_back({{"path", "b.weight"},
                        {"tensor", "model.b"},
                        {"scales", ""},
                        {"shape", {20}},
                        {"first_expert", 0},
                        {"stored", "f16"},
                        {"through", Json::array()},
                        {"use", 4}});
  return {{"version", 1},
          {"abi", "0123"},
          {"target", "cpu"},
          {"source", "4567"},
          {"max_tokens", 8},
          {"max_sequences", 2},
          {"max_length", 64},
          {"max_wanted", 2},
          {"vocabulary", 16},
          {"cache", {{"layers", 3}, {"width", 24}, {"dtype", "bf16"}}},
          {"prefill", program},
          {"decode", decode},
          {"parameters", parameters},
          {"sites", {{{"operation", "rms_norm"}, {"path", "blocks.0.attn_norm"}}}},
          {"plan", {{"mode", "fp8"}}}};
}

Expected<Manifest> parsed(const Json &json) { return Manifest::parse(json.dump(), "test"); }

TEST(Manifest, RoundTrips) {
  Expected<Manifest> manifest = parsed(example());
  ASSERT_TRUE(bool(manifest)) << manifest.status().message();
  EXPECT_EQ(Json::parse(manifest->write()), example());
  EXPECT_EQ(manifest->maxSequences, 2);
  EXPECT_EQ(manifest->prefill.logitsOffset, 896u);
  EXPECT_EQ(manifest->decode.entry, "dsrt_decode");
  ASSERT_EQ(manifest->parameters.size(), 2u);
  const ManifestParameter &stacked = manifest->parameters[0], &plain = manifest->parameters[1];
  EXPECT_EQ(stacked.stored.tile_rows, 128);
  EXPECT_EQ(stacked.stored.seed, 18446744073709551615u);
  EXPECT_EQ(stacked.resident().payload, DSRT_NF4);
  EXPECT_EQ(stacked.through[0].payload, DSRT_BF16);
  EXPECT_EQ(stacked.through[1].rule, DSRT_SCALE_MX);
  EXPECT_EQ(stacked.through[1].outer, DSRT_OUTER_ROW);
  EXPECT_EQ(plain.resident().payload, DSRT_F16);
}

struct Change {
  const char *field; ///< a JSON pointer
  const char *value; ///< JSON; empty: the field is left out
};
void PrintTo(const Change &change, std::ostream *out) { *out << change.field << " = " << change.value; }

Json changed(const Change &change) {
  Json json = example();
  Json::json_pointer place(change.field);
  if (*change.value)
    json[place] = Json::parse(change.value);
  else
    json[place.parent_pointer()].erase(place.back());
  return json;
}

struct ManifestRefuses : testing::TestWithParam<Change> {};

TEST_P(ManifestRefuses, ByTheName) {
  Expected<Manifest> manifest = parsed(changed(GetParam()));
  ASSERT_FALSE(bool(manifest));
  EXPECT_EQ(manifest.status().code(), DSRT_UNREADABLE);
  std::string field = Json::json_pointer(GetParam().field).back();
  if (field.find_first_not_of("0123456789") != std::string::npos)
    EXPECT_NE(manifest.status().message().find(field), std::string::npos) << manifest.status().message();
}

constexpr const char *payload = R"({"payload":"bf16","scale":"f32","tile":[1,128],"rule":"amax","rounding":"nearest"})";

INSTANTIATE_TEST_SUITE_P(
    Fields, ManifestRefuses,
    testing::Values(
        Change{"/version", "0"}, Change{"/version", "\"1\""}, Change{"/version", ""}, Change{"/abi", ""}, Change{"/abi", "\"\""},
        Change{"/abi", "3"}, Change{"/target", "\"\""}, Change{"/source", "5"}, Change{"/max_tokens", "0"},
        Change{"/max_tokens", "2147483648"}, Change{"/max_sequences", "0"}, Change{"/max_length", "0"}, Change{"/max_wanted", "0"},
        Change{"/max_wanted", "1.5"}, Change{"/vocabulary", "0"}, Change{"/cache", ""}, Change{"/cache", "[]"},
        Change{"/cache/layers", "0"}, Change{"/cache/width", "-1"}, Change{"/cache/dtype", "\"bf17\""}, Change{"/prefill", ""},
        Change{"/decode", "3"}, Change{"/prefill/entry", "\"\""}, Change{"/prefill/arena_bytes", "-1"},
        // 2 rows of 16 logits in F32 are 128 bytes.
        Change{"/prefill/logits_offset", "900"}, Change{"/decode/logits_offset", "388"}, Change{"/prefill/logits_offset", "894"},
        Change{"/prefill/logits_offset", "2000"}, Change{"/parameters", "{}"}, Change{"/parameters/0", "3"},
        Change{"/parameters/0/path", "\"\""}, Change{"/parameters/0/tensor", "\"\""}, Change{"/parameters/0/tensor", "\"model.a\""},
        Change{"/parameters/1/tensor", "\"model.{e}.b\""}, Change{"/parameters/0/scales", "\"\""},
        Change{"/parameters/0/scales", "\"model.scales\""}, Change{"/parameters/1/scales", "\"model.b_scale_inv\""},
        Change{"/parameters/0/shape", "[]"}, Change{"/parameters/0/shape", "[4, 0, 20]"}, Change{"/parameters/0/shape", "[4, 3, 2, 1]"},
        Change{"/parameters/0/shape", "[4, 4611686018427387903, 4611686018427387903]"}, Change{"/parameters/0/first_expert", "-1"},
        Change{"/parameters/0/first_expert", "2147483644"}, Change{"/parameters/1/first_expert", "1"}, Change{"/parameters/0/stored", ""},
        Change{"/parameters/0/stored", "\"f9\""}, Change{"/parameters/0/stored", "[]"}, Change{"/parameters/0/stored", payload},
        Change{"/parameters/0/stored/scale", "\"bf16\""}, Change{"/parameters/0/stored/tile", "[128]"},
        Change{"/parameters/0/stored/tile", "[128, -1]"}, Change{"/parameters/0/stored/tile", "[2147483648, 128]"},
        Change{"/parameters/0/stored/rule", "\"guess\""}, Change{"/parameters/0/stored/rounding", "\"up\""},
        Change{"/parameters/0/stored/outer_scale", "\"column\""}, Change{"/parameters/0/stored/amax_floor", "-0.5"},
        Change{"/parameters/0/stored/seed", "-1"}, Change{"/parameters/0/stored/seed", "1.5"}, Change{"/parameters/0/through", "3"},
        Change{"/parameters/0/through/0", "3"}, Change{"/parameters/0/use", "0"}, Change{"/parameters/0/use", "8"}, Change{"/sites", "{}"},
        Change{"/sites/0", "[]"}, Change{"/sites/0/operation", "\"\""}, Change{"/sites/0/path", "1"}));

struct ManifestTakes : testing::TestWithParam<Change> {};

TEST_P(ManifestTakes, TheLastOfARange) {
  Expected<Manifest> manifest = parsed(changed(GetParam()));
  ASSERT_TRUE(bool(manifest)) << manifest.status().message();
  EXPECT_EQ(Json::parse(manifest->write()), changed(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Fields, ManifestTakes,
                         testing::Values(Change{"/max_tokens", "1"}, Change{"/max_tokens", "2147483647"}, Change{"/max_sequences", "1"},
                                         Change{"/max_length", "1"}, Change{"/max_wanted", "1"}, Change{"/vocabulary", "1"},
                                         Change{"/cache/layers", "1"}, Change{"/cache/width", "1"}, Change{"/prefill/logits_offset", "0"},
                                         Change{"/parameters/0/first_expert", "2147483643"},
                                         Change{"/parameters/0/stored/tile", "[0, 2147483647]"}, Change{"/parameters/0/use", "7"},
                                         Change{"/parameters/1/shape", "[1]"}, Change{"/parameters/1/shape", "[1, 1]"},
                                         Change{"/sites", "[]"}, Change{"/parameters", "[]"}));

TEST(Manifest, LogitsEndWithinTheArena) {
  Status status = parsed(changed({"/prefill/arena_bytes", "1023"})).status();
  EXPECT_EQ(status.code(), DSRT_UNREADABLE);
  EXPECT_NE(status.message().find("within the arena of 1023 bytes"), std::string::npos) << status.message();
}

TEST(Manifest, OfAnotherVersionDoesNotFit) {
  Status status = parsed(changed({"/version", "2"})).status();
  EXPECT_EQ(status.code(), DSRT_MISMATCH);
  EXPECT_NE(status.message().find("compile the model again"), std::string::npos);
}

TEST(Manifest, IsAnObject) {
  for (const char *text : {"[]", "3", "{", ""})
    EXPECT_EQ(Manifest::parse(text, "test").status().code(), DSRT_UNREADABLE) << text;
}

} // namespace

// The manifest as JSON and back, and the formats in it.
#include "runtime/launcher/Manifest.h"
#include "runtime/support/FieldReader.h"

#include <algorithm>

namespace dsrt {
namespace {

struct DtypeRow {
  dsrt_dtype dtype;
  const char *name;
  unsigned bits;
};
constexpr DtypeRow dtypes[] = {{DSRT_F32, "f32", 32},        {DSRT_BF16, "bf16", 16},    {DSRT_F16, "f16", 16},
                               {DSRT_F8E4M3, "f8E4M3FN", 8}, {DSRT_F8E5M2, "f8E5M2", 8}, {DSRT_F4E2M1, "f4E2M1FN", 4},
                               {DSRT_NF4, "nf4", 4},         {DSRT_UE8M0, "ue8m0", 8},   {DSRT_I32, "i32", 32}};

const DtypeRow *row(int32_t dtype) {
  for (const DtypeRow &entry : dtypes)
    if (entry.dtype == dtype)
      return &entry;
  return nullptr;
}

/// The names of dsrt_scale_rule and of dsrt_outer_scale, by number.
constexpr const char *scaleRules[] = {"amax", "power_of_two", "mx"};
constexpr const char *outerScales[] = {"none", "row", "tensor"};

bool isPayload(dsrt_dtype dtype) { return dtype == DSRT_F8E4M3 || dtype == DSRT_F8E5M2 || dtype == DSRT_F4E2M1 || dtype == DSRT_NF4; }
bool isScale(dsrt_dtype dtype) { return dtype == DSRT_F32 || dtype == DSRT_UE8M0 || dtype == DSRT_F8E4M3; }

constexpr int64_t maximumExtent = INT64_MAX / 2;
constexpr int64_t maximumCount = INT32_MAX; // tokens, rows, positions and experts are I32 in the C interface

const Json noFields = Json::object();

/// The object in `reader`'s field, or an empty one after the error was noted.
const Json &objectIn(FieldReader &reader, const std::string &key) {
  const Json *value = reader.find(key);
  if (value && value->is_object())
    return *value;
  reader.fail(DSRT_UNREADABLE, key, value ? "expects an object, but got " + valueText(*value) : "is missing: expects an object");
  return noFields;
}

const Json &arrayIn(FieldReader &reader, const std::string &key) {
  static const Json none = Json::array();
  const Json *value = reader.find(key);
  if (value && value->is_array())
    return *value;
  reader.fail(DSRT_UNREADABLE, key, value ? "expects an array, but got " + valueText(*value) : "is missing: expects an array");
  return none;
}

std::string filledWord(FieldReader &reader, const std::string &key) {
  std::string word = reader.word(key);
  if (word.empty())
    reader.fail(DSRT_UNREADABLE, key, "expects a string that is not empty");
  return word;
}

ManifestParameter parseParameter(FieldReader &reader, const std::string &what) {
  ManifestParameter parameter;
  parameter.path = filledWord(reader, "path");
  parameter.tensor = filledWord(reader, "tensor");
  parameter.scales = reader.word("scales", "");
  for (const Json &extent : arrayIn(reader, "shape")) {
    if (!extent.is_number_unsigned() || extent.get<uint64_t>() < 1 || extent.get<uint64_t>() > uint64_t(maximumExtent)) {
      reader.fail(DSRT_UNREADABLE, "shape", "expects positive extents, but got " + valueText(extent));
      return parameter;
    }
    parameter.shape.push_back(extent.get<int64_t>());
  }
  size_t rank = parameter.shape.size();
  if (rank < 1 || rank > 3)
    reader.fail(DSRT_UNREADABLE, "shape", format("expects 1 to 3 extents, but got %zu", rank));
  parameter.firstExpert = reader.integer("first_expert", 0, maximumCount, 0);
  if (const Json *stored = reader.find("stored")) {
    Expected<dsrt_quant> quant = formatFromJson(*stored, what + ": field 'stored'");
    reader.fail(quant.status());
    if (quant)
      parameter.stored = *quant;
  } else {
    reader.fail(DSRT_UNREADABLE, "stored", "is missing: expects a format");
  }
  for (const Json &step : arrayIn(reader, "through")) {
    Expected<dsrt_quant> quant = formatFromJson(step, what + ": field 'through'");
    reader.fail(quant.status());
    if (quant)
      parameter.through.push_back(*quant);
  }
  parameter.use = reader.integer("use", 1, DSRT_USE_MATMUL | DSRT_USE_ROWS | DSRT_USE_VECTOR);
  if (!reader.ok())
    return parameter;

  bool stacked = parameter.tensor.find("{e}") != std::string::npos;
  if (stacked != (rank == 3))
    reader.fail(DSRT_UNREADABLE, "tensor", "expects '{e}' in the name where the shape has three extents, and only there");
  if (stacked ? parameter.shape[0] > maximumCount - parameter.firstExpert : parameter.firstExpert != 0)
    reader.fail(DSRT_UNREADABLE, "first_expert", "expects an expert below 2^31, and 0 where none are stacked");
  if (parameter.scales.empty() != (parameter.stored.scale == DSRT_NONE))
    reader.fail(DSRT_UNREADABLE, "scales", "expects a name where the stored format has scales, and only there");
  else if (!parameter.scales.empty() && (parameter.scales.find("{e}") != std::string::npos) != stacked)
    reader.fail(DSRT_UNREADABLE, "scales", "expects '{e}' in the name as in the tensor's");
  int64_t experts = rank == 3 ? parameter.shape[0] : 1;
  int64_t rows = rank == 1 ? 1 : parameter.shape[rank - 2];
  auto check = [&](const dsrt_quant &format) {
    uint64_t payload = 0, scales = 0;
    if (!formatBytes(format, experts, rows, parameter.shape[rank - 1], payload, scales))
      reader.fail(DSRT_UNREADABLE, "shape", "expects an extent of memory that fits 63 bits");
  };
  check(parameter.stored);
  for (const dsrt_quant &step : parameter.through)
    check(step);
  return parameter;
}

/// \param wanted  rows of logits that the program may be asked for
ManifestProgram parseProgram(FieldReader &reader, int64_t wanted, int64_t vocabulary) {
  ManifestProgram program;
  program.entry = filledWord(reader, "entry");
  program.arenaBytes = reader.integer("arena_bytes", 0, maximumExtent);
  program.logitsOffset = reader.integer("logits_offset", 0, maximumExtent);
  if (!reader.ok())
    return program;
  // Counts are below 2^31, so the product of two and four bytes may pass 63 bits.
  uint64_t logits = 0;
  bool overflow = __builtin_mul_overflow(uint64_t(wanted) * uint64_t(vocabulary), sizeof(float), &logits);
  if (overflow || program.logitsOffset > program.arenaBytes || logits > program.arenaBytes - program.logitsOffset ||
      program.logitsOffset % sizeof(float) != 0)
    reader.fail(DSRT_UNREADABLE, "logits_offset",
                format("expects F32 logits [%lld, %lld] within the arena of %llu bytes, but got offset %llu",
                       static_cast<long long>(wanted), static_cast<long long>(vocabulary),
                       static_cast<unsigned long long>(program.arenaBytes), static_cast<unsigned long long>(program.logitsOffset)));
  return program;
}

Json toJson(const ManifestProgram &program) {
  return {{"entry", program.entry}, {"arena_bytes", program.arenaBytes}, {"logits_offset", program.logitsOffset}};
}

} // namespace

const char *name(dsrt_dtype dtype) {
  const DtypeRow *entry = row(dtype);
  return entry ? entry->name : "none";
}

dsrt_dtype dtypeNamed(std::string_view text) {
  for (const DtypeRow &entry : dtypes)
    if (text == entry.name)
      return entry.dtype;
  return DSRT_NONE;
}

Json toJson(const dsrt_quant &format) {
  const char *payload = name(static_cast<dsrt_dtype>(format.payload));
  if (format.scale == DSRT_NONE)
    return payload;
  Json json = {{"payload", payload},
               {"scale", name(static_cast<dsrt_dtype>(format.scale))},
               {"tile", {format.tile_rows, format.tile_cols}},
               {"rule", scaleRules[format.rule]},
               {"rounding", format.rounding == DSRT_STOCHASTIC ? "stochastic" : "nearest"},
               {"amax_floor", format.amax_floor},
               {"seed", format.seed}};
  if (format.outer != DSRT_OUTER_NONE)
    json["outer_scale"] = outerScales[format.outer];
  return json;
}

Expected<dsrt_quant> formatFromJson(const Json &json, std::string_view what) {
  dsrt_quant quant = {};
  std::string place(what);
  if (json.is_string()) {
    quant.payload = dtypeNamed(json.get_ref<const std::string &>());
    if (quant.payload == DSRT_NONE)
      return Status(DSRT_UNREADABLE, place + ": expects the name of a dtype, but got " + valueText(json));
    return quant;
  }
  if (!json.is_object())
    return Status(DSRT_UNREADABLE, place + ": expects a dtype or a quantised format, but got " + valueText(json));
  FieldReader reader(json, place);
  std::string payload = reader.word("payload"), scale = reader.word("scale");
  std::string rule = reader.word("rule"), rounding = reader.word("rounding");
  quant.payload = dtypeNamed(payload);
  quant.scale = dtypeNamed(scale);
  if (!isPayload(static_cast<dsrt_dtype>(quant.payload)))
    reader.fail(DSRT_UNREADABLE, "payload", "expects f8E4M3FN, f8E5M2, f4E2M1FN or nf4, but got '" + payload + "'");
  if (!isScale(static_cast<dsrt_dtype>(quant.scale)))
    reader.fail(DSRT_UNREADABLE, "scale", "expects f32, ue8m0 or f8E4M3FN, but got '" + scale + "'");
  const Json &tile = arrayIn(reader, "tile");
  auto isExtent = [](const Json &extent) { return extent.is_number_integer() && extent >= 0 && extent <= INT32_MAX; };
  if (tile.size() == 2 && isExtent(tile[0]) && isExtent(tile[1])) {
    quant.tile_rows = tile[0].get<int32_t>();
    quant.tile_cols = tile[1].get<int32_t>();
  } else {
    reader.fail(DSRT_UNREADABLE, "tile", "expects two extents, 0 standing for the whole, but got " + valueText(tile));
  }
  std::string outer = reader.word("outer_scale", outerScales[DSRT_OUTER_NONE]);
  auto number = [](const auto &names, const std::string &name) {
    return std::find(std::begin(names), std::end(names), name) - std::begin(names);
  };
  quant.rule = int32_t(number(scaleRules, rule));
  quant.outer = int32_t(number(outerScales, outer));
  if (quant.rule == std::size(scaleRules))
    reader.fail(DSRT_UNREADABLE, "rule", "expects 'amax', 'power_of_two' or 'mx', but got '" + rule + "'");
  if (quant.outer == std::size(outerScales))
    reader.fail(DSRT_UNREADABLE, "outer_scale", "expects 'none', 'row' or 'tensor', but got '" + outer + "'");
  if (rounding != "nearest" && rounding != "stochastic")
    reader.fail(DSRT_UNREADABLE, "rounding", "expects 'nearest' or 'stochastic', but got '" + rounding + "'");
  quant.rounding = rounding == "stochastic" ? DSRT_STOCHASTIC : DSRT_NEAREST_EVEN;
  quant.amax_floor = static_cast<float>(reader.number("amax_floor", 0, true, 0));
  if (const Json *seed = reader.find("seed")) {
    if (seed->is_number_unsigned())
      quant.seed = seed->get<uint64_t>();
    else
      reader.fail(DSRT_UNREADABLE, "seed", "expects an integer of 64 bits, but got " + valueText(*seed));
  }
  if (!reader.ok())
    return reader.status();
  return quant;
}

bool formatBytes(const dsrt_quant &format, int64_t experts, int64_t rows, int64_t cols, uint64_t &payload, uint64_t &scales) {
  const DtypeRow *entry = row(format.payload);
  if (!entry || experts < 0 || rows < 0 || cols < 0)
    return false;
  auto multiply = [](uint64_t a, uint64_t b, uint64_t &product) {
    return !__builtin_mul_overflow(a, b, &product) && product <= uint64_t(INT64_MAX);
  };
  // Two 4-bit codes share a byte; a row begins with a byte of its own.
  uint64_t rowBits = 0, matrices = 0;
  if (!multiply(cols, entry->bits, rowBits) || !multiply(experts, rows, matrices) || !multiply(matrices, (rowBits + 7) / 8, payload))
    return false;
  scales = 0;
  if (format.scale == DSRT_NONE)
    return true;
  auto tiles = [](int64_t extent, int32_t tile) -> uint64_t {
    return tile == 0 ? (extent > 0 ? 1 : 0) : extent / tile + (extent % tile != 0);
  };
  uint64_t count = 0;
  return format.tile_rows >= 0 && format.tile_cols >= 0 && multiply(experts, tiles(rows, format.tile_rows), count) &&
         multiply(count, tiles(cols, format.tile_cols), count) && multiply(count, sizeof(float), scales);
}

std::string Manifest::write() const {
  Json json = {{"version", version},         {"abi", abi},
               {"target", target},           {"source", source},
               {"max_tokens", maxTokens},    {"max_sequences", maxSequences},
               {"max_length", maxLength},    {"max_wanted", maxWanted},
               {"vocabulary", vocabulary},   {"cache", {{"layers", cacheLayers}, {"width", cacheWidth}, {"dtype", name(cacheDtype)}}},
               {"prefill", toJson(prefill)}, {"decode", toJson(decode)}};
  Json &parameterList = json["parameters"] = Json::array();
  for (const ManifestParameter &parameter : parameters) {
    Json through = Json::array();
    for (const dsrt_quant &step : parameter.through)
      through.push_back(dsrt::toJson(step));
    Json entry = {{"path", parameter.path},
                  {"tensor", parameter.tensor},
                  {"scales", parameter.scales},
                  {"shape", parameter.shape},
                  {"first_expert", parameter.firstExpert},
                  {"stored", dsrt::toJson(parameter.stored)}};
    entry["through"] = std::move(through);
    entry["use"] = parameter.use;
    parameterList.push_back(std::move(entry));
  }
  Json &siteList = json["sites"] = Json::array();
  for (const ManifestSite &site : sites)
    siteList.push_back({{"operation", site.operation}, {"path", site.path}});
  json["plan"] = plan;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Expected<Manifest> Manifest::parse(std::string_view text, std::string_view what) {
  std::string place(what);
  Expected<Json> json = parseJson(text, what);
  if (!json)
    return json.status();
  if (!json->is_object())
    return Status(DSRT_UNREADABLE, place + ": expects a manifest, a JSON object, but got " + json->type_name());
  FieldReader reader(*json, place);
  Manifest manifest;
  manifest.version = reader.integer("version", 1, INT32_MAX);
  if (reader.ok() && manifest.version != manifestVersion)
    return Status(DSRT_MISMATCH, format("%s: expects a manifest of version %d, but got %d: compile the model again with this version",
                                        place.c_str(), manifestVersion, manifest.version));
  manifest.abi = filledWord(reader, "abi");
  manifest.target = filledWord(reader, "target");
  manifest.source = reader.word("source");
  manifest.maxTokens = reader.integer("max_tokens", 1, maximumCount);
  manifest.maxSequences = reader.integer("max_sequences", 1, maximumCount);
  manifest.maxLength = reader.integer("max_length", 1, maximumCount);
  manifest.maxWanted = reader.integer("max_wanted", 1, maximumCount);
  manifest.vocabulary = reader.integer("vocabulary", 1, maximumCount);
  {
    FieldReader cache(objectIn(reader, "cache"), place, "cache.");
    manifest.cacheLayers = cache.integer("layers", 1, maximumCount);
    manifest.cacheWidth = cache.integer("width", 1, maximumCount);
    std::string dtype = cache.word("dtype");
    manifest.cacheDtype = dtypeNamed(dtype);
    if (manifest.cacheDtype == DSRT_NONE)
      cache.fail(DSRT_UNREADABLE, "dtype", "expects the name of a dtype, but got '" + dtype + "'");
    reader.fail(cache.status());
  }
  for (auto [key, program, wanted] : {std::tuple("prefill", &manifest.prefill, manifest.maxWanted),
                                      // A decode call wants at most one row of logits a sequence.
                                      std::tuple("decode", &manifest.decode, std::min(manifest.maxWanted, manifest.maxSequences))}) {
    FieldReader fields(objectIn(reader, key), place, std::string(key) + ".");
    *program = parseProgram(fields, wanted, manifest.vocabulary);
    reader.fail(fields.status());
  }
  const Json &parameters = arrayIn(reader, "parameters");
  for (size_t i = 0; i < parameters.size() && reader.ok(); ++i) {
    std::string entry = format("parameters[%zu]", i);
    if (!parameters[i].is_object())
      return Status(DSRT_UNREADABLE, place + ": " + entry + ": expects an object, but got " + valueText(parameters[i]));
    FieldReader fields(parameters[i], place, entry + ".");
    manifest.parameters.push_back(parseParameter(fields, place + ": " + entry));
    reader.fail(fields.status());
  }
  const Json &sites = arrayIn(reader, "sites");
  for (size_t i = 0; i < sites.size() && reader.ok(); ++i) {
    std::string entry = format("sites[%zu]", i);
    if (!sites[i].is_object())
      return Status(DSRT_UNREADABLE, place + ": " + entry + ": expects an object, but got " + valueText(sites[i]));
    FieldReader fields(sites[i], place, entry + ".");
    manifest.sites.push_back({filledWord(fields, "operation"), fields.word("path")});
    reader.fail(fields.status());
  }
  if (const Json *plan = reader.find("plan"))
    manifest.plan = *plan;
  if (!reader.ok())
    return reader.status();
  return manifest;
}

} // namespace dsrt

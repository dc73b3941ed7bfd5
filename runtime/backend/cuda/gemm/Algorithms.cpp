// The choices of Algorithms.h and their file.
#include "runtime/backend/cuda/gemm/Algorithms.h"

#include "runtime/support/FieldReader.h"
#include "runtime/support/Hash.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace dsrt::cuda {

namespace {

std::string hexOf(const cublasLtMatmulAlgo_t &algorithm) {
  std::string text;
  for (uint64_t word : algorithm.data)
    text += format("%016llx", static_cast<unsigned long long>(word));
  return text;
}

bool algorithmOf(const std::string &text, cublasLtMatmulAlgo_t &algorithm) {
  constexpr size_t words = sizeof algorithm.data / sizeof *algorithm.data;
  if (text.size() != 16 * words || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    return false;
  for (size_t i = 0; i < words; ++i)
    algorithm.data[i] = std::stoull(text.substr(16 * i, 16), nullptr, 16);
  return true;
}

Expected<Choice> choiceOf(const Json &json, const std::string &path, const std::string &product) {
  if (!json.is_object())
    return Status(DSRT_UNREADABLE, path + ": '" + product + "' expects an object");
  FieldReader reader(json, path, product + ".");
  std::string name = reader.word("kernel");
  Choice choice;
  choice.microseconds = reader.number("microseconds", 0, true);
  auto known = std::find(std::begin(kernelNames), std::end(kernelNames), name);
  if (known == std::end(kernelNames))
    reader.fail(DSRT_UNREADABLE, "kernel", "expects a kernel of ours, but got '" + name + "'");
  choice.kernel = Kernel(known - std::begin(kernelNames));
  if (const Json *algorithms = reader.find("algorithms"))
    for (const Json &one : *algorithms)
      if (!one.is_string() || !algorithmOf(one.get<std::string>(), choice.algorithms.emplace_back()))
        reader.fail(DSRT_UNREADABLE, "algorithms", "expects algorithms of cuBLASLt in hexadecimal digits");
  return reader.ok() ? Expected<Choice>(choice) : reader.status();
}

/// $XDG_CACHE_HOME/ds-mlir or ~/.cache/ds-mlir; empty where there is neither.
std::string cacheFolder() {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (cache && *cache)
    return std::string(cache) + "/ds-mlir";
  return home && *home ? std::string(home) + "/.cache/ds-mlir" : "";
}

/// 1, 2, ..., 256, 320, 384, 448, 512, 640, ...
int64_t bucketOf(int64_t rows) {
  if (rows <= exactRows)
    return rows;
  int64_t step = int64_t(std::bit_floor(uint64_t(rows - 1)) / 4);
  return (rows + step - 1) / step * step;
}

void tell(const std::string &text) { fprintf(stderr, "cuda: %s\n", text.c_str()); }

} // namespace

size_t Algorithms::KeyHash::operator()(const Key &key) const { return XXH3_64bits(key.fields.data(), sizeof key.fields); }

Algorithms::Key Algorithms::keyOf(const Multiplication &m) {
  // Both sides have weights of one format.
  const Operand &weight = m.sides[0].weight;
  return {{bucketOf(m.rows), m.k, m.sides[0].n, m.sideCount == 2 ? m.sides[1].n : 0, m.offsets ? m.experts : 0, m.promote, m.yType,
           m.x.type, m.x.scales ? 1 : 0, m.x.tileCols, weight.type, weight.scales ? 1 : 0, weight.tileRows, weight.tileCols}};
}

std::string Algorithms::textOf(const Key &key) {
  const auto &f = key.fields;
  std::string text = f[4] ? format("grouped over %lld experts", (long long)f[4]) : "dense";
  text += format(": rows %lld, k %lld, n %lld", (long long)f[0], (long long)f[1], (long long)f[2]);
  if (f[3])
    text += format(" and %lld", (long long)f[3]);
  text += ", " + typeName(int32_t(f[7])) + (f[8] ? format("[1x%lld]", (long long)f[9]) : "") + " by " + typeName(int32_t(f[10]));
  text += (f[11] ? format("[%lldx%lld]", (long long)f[12], (long long)f[13]) : "") + " to " + typeName(int32_t(f[6]));
  return f[5] ? text + format(", promoted every %lld", (long long)f[5]) : text;
}

Expected<std::shared_ptr<Algorithms>> Algorithms::open(const dsrt_backend_options &options, const std::string &deviceName) {
  auto result = std::make_shared<Algorithms>();
  result->device = deviceName;
  if (options.algorithm_mode < DSRT_ALGORITHMS_RULE || options.algorithm_mode > DSRT_ALGORITHMS_REPEAT)
    return Status(DSRT_USAGE, format("expects algorithms by rule, measured or repeated, but got mode %d", options.algorithm_mode));
  if (options.algorithm_mode == DSRT_ALGORITHMS_RULE)
    return result;
  int version = 0;
  cudaDriverGetVersion(&version);
  result->driver = version;
  if (options.algorithms) {
    result->path = options.algorithms;
  } else if (std::string folder = cacheFolder(); !folder.empty()) {
    std::string name = deviceName;
    std::replace_if(name.begin(), name.end(), [](unsigned char c) { return !isalnum(c); }, '-');
    result->path = folder + "/algorithms-" + name + ".json";
  }
  bool repeats = options.algorithm_mode == DSRT_ALGORITHMS_REPEAT;
  std::error_code ignored;
  if (repeats || (!result->path.empty() && std::filesystem::exists(result->path, ignored)))
    if (Status status = result->read(); !status.ok()) {
      if (repeats)
        return status;
      tell(status.message() + "; its products are measured anew");
      result->kept.clear();
    }
  result->mode = options.algorithm_mode; // only now: what fails to open writes nothing
  return result;
}

Algorithms::~Algorithms() {
  if (mode != DSRT_ALGORITHMS_MEASURE || !changed || path.empty())
    return;
  if (Status status = write(); !status.ok())
    tell("what was measured is not kept: " + status.message());
}

Status Algorithms::read() {
  Expected<Json> json = readJson(path);
  if (!json)
    return json.status();
  if (!json->is_object())
    return {DSRT_UNREADABLE, path + ": expects an object"};
  FieldReader reader(*json, path);
  reader.integer("format", 1, 1);
  std::string madeOn = reader.word("device");
  int64_t versions[] = {reader.integer("driver", 0, INT64_MAX), reader.integer("cublaslt", 0, INT64_MAX),
                        reader.integer("kernels", 0, INT64_MAX)};
  const Json *products = reader.find("products");
  if (reader.ok() && (!products || !products->is_object()))
    reader.fail(DSRT_UNREADABLE, "products", "expects an object");
  if (!reader.ok())
    return reader.status();
  int64_t ours[] = {driver, int64_t(cublasLtGetVersion()), kernelsVersion};
  if (madeOn != device || !std::equal(versions, versions + 3, ours))
    return {
        DSRT_MISMATCH,
        format("%s: expects algorithms of %s with driver %lld, cuBLASLt %lld and kernels %lld, but got those of %s, %lld, %lld and %lld",
               path.c_str(), device.c_str(), (long long)ours[0], (long long)ours[1], (long long)ours[2], madeOn.c_str(),
               (long long)versions[0], (long long)versions[1], (long long)versions[2])};
  for (const auto &[product, fields] : products->items()) {
    Expected<Choice> choice = choiceOf(fields, path, product);
    if (!choice)
      return choice.status();
    kept[product] = *choice;
  }
  return {};
}

Status Algorithms::write() const {
  Json products = Json::object();
  for (const auto &[product, choice] : kept) {
    Json one = {{"kernel", kernelNames[int(choice.kernel)]}, {"microseconds", choice.microseconds}};
    for (const cublasLtMatmulAlgo_t &algorithm : choice.algorithms)
      one["algorithms"].push_back(hexOf(algorithm));
    products[product] = one;
  }
  Json json = {
      {"format", 1},         {"device", device}, {"driver", driver}, {"cublaslt", cublasLtGetVersion()}, {"kernels", kernelsVersion},
      {"products", products}};
  std::error_code ignored; // the file cannot be created then, which says why
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  return writeFile(path, json.dump(1) + "\n");
}

Expected<Choice> Algorithms::choose(const Multiplication &product, const std::function<Expected<Choice>()> &measure,
                                    const std::function<Choice()> &rule) {
  Key key = keyOf(product);
  if (auto found = known.find(key); found != known.end())
    return found->second;
  if (mode == DSRT_ALGORITHMS_RULE)
    return known[key] = rule();
  std::string text = textOf(key);
  auto found = kept.find(text);
  if (mode == DSRT_ALGORITHMS_REPEAT && found == kept.end())
    return Status(DSRT_REJECTED, "'" + path + "' has no algorithm for this product (" + text +
                                     "): measure the run without --algorithms, and repeat it with the file that is written then");
  if (found != kept.end() && (mode == DSRT_ALGORITHMS_REPEAT || found->second.microseconds > 0))
    return known[key] = found->second;
  Expected<Choice> made = measure();
  if (!made)
    return made;
  if (made->microseconds > 0) {
    if (!told)
      tell("choosing the fastest kernels for this model's products on " + device + ", once" +
           (path.empty() ? "" : "; kept in '" + path + "'"));
    told = true;
    known[key] = *made;
  }
  changed |= found == kept.end() || made->microseconds > 0;
  kept[text] = *made;
  return made;
}

} // namespace dsrt::cuda

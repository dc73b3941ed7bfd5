// ds-bench-gemm: the CPU backend's products beside oneDNN's in one run, over the products of a layer of each model config.
//
//   ds-bench-gemm ../shared/configs/deepseek-v2-lite.json ../shared/configs/deepseek-v3.json -o bench/results/gemm-cpu.json
//
// Contestants take turns in short rounds, and the best round of each counts. On a machine that does other work, take one thread,
// which is timed by the processor time that it had: two wait for each other, and the figures are then those of the scheduler.
// Every result is checked against F64 in the same run; a wrong one has no figure, and the exit code is 1.
#include "bench/gemm/Contestants.h"
#include "runtime/backend/cpu/gemm/Gemm.h"
#include "runtime/support/Status.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

using Json = nlohmann::ordered_json;
using namespace bench;

namespace {

struct Shape {
  std::string model, module;
  int64_t n, k;
};

/// The products of a layer that a recipe may run in FP8, gate_proj standing for up_proj.
std::vector<Shape> shapesOf(const std::string &file) {
  std::ifstream stream(file);
  if (!stream)
    throw std::runtime_error(file + ": cannot be read");
  Json config = Json::parse(stream);
  auto field = [&](const char *name) { return config.at(name).get<int64_t>(); };
  std::string model = CLI::detail::split(CLI::detail::split(file, '/').back(), '.').front();
  int64_t hidden = field("hidden_size"), heads = field("num_attention_heads"), latent = field("kv_lora_rank"),
          rope = field("qk_rope_head_dim");
  int64_t nope = field("qk_nope_head_dim"), value = field("v_head_dim"), expert = field("moe_intermediate_size");
  std::vector<Shape> shapes;
  auto add = [&](const char *module, int64_t n, int64_t k) { shapes.push_back({model, module, n, k}); };
  if (config.contains("q_lora_rank") && !config["q_lora_rank"].is_null()) {
    add("attn.q_a_proj", field("q_lora_rank"), hidden);
    add("attn.q_b_proj", heads * (nope + rope), field("q_lora_rank"));
  } else {
    add("attn.q_proj", heads * (nope + rope), hidden);
  }
  add("attn.kv_a_proj", latent + rope, hidden);
  add("attn.kv_b_proj", heads * (nope + value), latent);
  add("attn.o_proj", hidden, heads * value);
  add("ffn.gate_proj", field("intermediate_size"), hidden);
  add("ffn.down_proj", hidden, field("intermediate_size"));
  add("ffn.experts.gate_proj", expert, hidden);
  add("ffn.experts.down_proj", hidden, expert);
  return shapes;
}

double now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

/// Of one product, by `clock`.
double seconds(Contestant &contestant, clockid_t clock, double least) {
  double begin = now(clock);
  for (int64_t runs = 1;; ++runs) {
    contestant.run();
    double elapsed = now(clock) - begin;
    if (elapsed >= least)
      return elapsed / double(runs);
  }
}

std::string processor() {
  std::ifstream stream("/proc/cpuinfo");
  std::string family, model, name;
  for (std::string line; std::getline(stream, line) && !line.empty();) {
    auto value = [&] { return line.substr(std::min(line.size(), line.find(':') + 2)); };
    if (line.starts_with("model name"))
      name = value();
    else if (line.starts_with("cpu family"))
      family = value();
    else if (line.starts_with("model\t"))
      model = value();
  }
  return name + " (family " + family + ", model " + model + ")";
}

struct Options {
  std::vector<std::string> configs;
  std::vector<int64_t> rows = {1, 16, 64, 512};
  std::string output, only;
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency())), rounds = 10;
  int64_t coldMib = 128;
  double least = 0.02;

  /// A single thread is timed by the processor time that it had.
  clockid_t clock() const { return threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC; }
};

double rounded(double value) { return std::round(value * 1000) / 1000; }

/// One product: times, checks and ratios.
Json measure(const Shape &shape, int64_t m, const Options &options, bool &correct) {
  const Operands fp8(DSRT_F8E4M3, m, shape.n, shape.k), bf16(DSRT_BF16, m, shape.n, shape.k), f32(DSRT_F32, m, shape.n, shape.k);
  int64_t cold = options.coldMib << 20;
  struct Entry {
    const char *name;
    const Operands *operands;
    std::unique_ptr<Contestant> contestant;
    std::vector<double> times;
  };
  std::vector<Entry> entries;
  for (auto [name, operands] : {std::pair{"fp8", &fp8}, std::pair{"bf16", &bf16}, std::pair{"f32", &f32}})
    entries.push_back({name, operands, ours(*operands, options.threads, cold), {}});
  entries.push_back({"onednn_bf16", &bf16, oneDnn(bf16, options.threads, cold), {}});
  entries.push_back({"onednn_f32", &f32, oneDnn(f32, options.threads, cold), {}});

  for (int round = -1; round < options.rounds; ++round) // the first one warms up
    for (Entry &entry : entries) {
      double time = seconds(*entry.contestant, options.clock(), options.least);
      if (round >= 0)
        entry.times.push_back(time);
    }

  Json result = {{"model", shape.model}, {"module", shape.module}, {"m", m}, {"n", shape.n}, {"k", shape.k}};
  std::map<std::string, double> best;
  for (Entry &entry : entries) {
    double error = 0;
    bool right = isCorrect(*entry.operands, resultType(entry.operands->dtype), entry.contestant->result(), error);
    correct &= right;
    Json &own = result[entry.name];
    own["implementation"] = entry.contestant->implementation;
    own["weight_copies"] = entry.contestant->copies;
    own["error_over_bound"] = rounded(error);
    own["correct"] = right;
    if (!right)
      continue;
    double time = best[entry.name] = *std::min_element(entry.times.begin(), entry.times.end());
    std::nth_element(entry.times.begin(), entry.times.begin() + entry.times.size() / 2, entry.times.end());
    own["best_us"] = rounded(time * 1e6);
    own["median_us"] = rounded(entry.times[entry.times.size() / 2] * 1e6);
    own["gflops"] = rounded(2e-9 * double(m) * double(shape.n) * double(shape.k) / time);
    own["weight_gbytes_per_s"] = rounded(1e-9 * double(entry.operands->w.size()) / time);
  }
  for (auto [name, one, other] :
       {std::tuple{"fp8_over_onednn_bf16", "fp8", "onednn_bf16"}, std::tuple{"bf16_over_onednn_bf16", "bf16", "onednn_bf16"},
        std::tuple{"f32_over_onednn_f32", "f32", "onednn_f32"}, std::tuple{"fp8_over_onednn_f32", "fp8", "onednn_f32"}})
    if (best.contains(one) && best.contains(other))
      result["speed"][name] = rounded(best[other] / best[one]);
  return result;
}

/// Geometric means over all shapes, by M.
Json summary(const Json &products) {
  std::map<int64_t, std::map<std::string, std::vector<double>>> ratios;
  for (const Json &product : products)
    if (product.contains("speed"))
      for (auto &[name, ratio] : product["speed"].items())
        ratios[product["m"]][name].push_back(ratio);
  Json result;
  for (auto &[m, named] : ratios)
    for (auto &[name, values] : named) {
      double logs = 0;
      for (double value : values)
        logs += std::log(value);
      result[std::to_string(m)][name] = {{"geometric_mean", rounded(std::exp(logs / double(values.size())))},
                                         {"least", *std::min_element(values.begin(), values.end())}};
    }
  return result;
}

int run(const Options &options) {
  if (dsrt::Expected<std::string> isa = dsrt::cpu::selectedIsa(); !isa)
    throw std::runtime_error(isa.status().message());
  char date[32];
  time_t now = time(nullptr);
  strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
  Json report = {{"date", date},
                 {"processor", processor()},
                 {"threads", options.threads},
                 {"isa", *dsrt::cpu::selectedIsa()},
                 {"onednn", oneDnnVersion()},
                 {"compiler", __VERSION__},
                 {"clock", options.threads == 1 ? "processor time of the thread" : "wall"},
                 {"cold_mib", options.coldMib},
                 {"speed", "a ratio of times, above 1 where ours is faster; best of " + std::to_string(options.rounds) + " rounds"}};
  auto load = [] {
    double averages[3] = {};
    getloadavg(averages, 3);
    return Json{rounded(averages[0]), rounded(averages[1]), rounded(averages[2])};
  };
  report["load_average_before"] = load();
  bool correct = true;
  Json products = Json::array();
  for (const std::string &config : options.configs)
    for (const Shape &shape : shapesOf(config))
      for (int64_t m : options.rows) {
        if (shape.module.find(options.only) == std::string::npos)
          continue;
        Json product = measure(shape, m, options, correct);
        fprintf(stderr, "%-17s %-22s %4lld %6lld %6lld  %s\n", shape.model.c_str(), shape.module.c_str(), (long long)m, (long long)shape.n,
                (long long)shape.k, product.value("speed", Json()).dump().c_str());
        products.push_back(std::move(product));
        report["load_average_after"] = load();
        report["summary_by_m"] = summary(products);
        report["products"] = products;
        if (!options.output.empty() && !(std::ofstream(options.output) << report.dump(1) << '\n'))
          throw std::runtime_error(options.output + ": cannot be written");
      }
  if (report.contains("summary_by_m"))
    fprintf(stderr, "%s\n", report["summary_by_m"].dump().c_str());
  if (!correct)
    fprintf(stderr, "ds-bench-gemm: some results are wrong; they have no figures\n");
  return correct ? 0 : 1;
}

} // namespace

int main(int count, char **words) {
  Options options;
  CLI::App app("The CPU backend's matrix products beside oneDNN's");
  app.add_option("configs", options.configs, "config.json files of models")->required();
  app.add_option("-m,--rows", options.rows, "rows of the left-hand side")->capture_default_str()->delimiter(',');
  app.add_option("-o,--output", options.output, "JSON file for the results");
  app.add_option("--only", options.only, "part of the modules' names");
  app.add_option("--threads", options.threads, "threads of both sides")->capture_default_str();
  app.add_option("--rounds", options.rounds, "timed rounds")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--round-seconds", options.least, "least time of a contestant in a round")->capture_default_str();
  app.add_option("--cold-mib", options.coldMib, "weights are copied until they take this much; more than the last cache")
      ->capture_default_str();
  CLI11_PARSE(app, count, words);
  try {
    return run(options);
  } catch (const std::exception &error) {
    fprintf(stderr, "ds-bench-gemm: %s\n", error.what());
    return 2;
  }
}

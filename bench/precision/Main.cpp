// The time of precision resolution, on the modules of a model of DeepSeek-V3's shape under dtype rules by pattern and exact overrides:
//
//   ds-bench-resolution -o bench/results/resolution.json
//
// Blocks and selections are varied, to see how the time grows. Every decision of every run is compared with what the selections say,
// written out a second time without patterns. A run is timed by the processor time that it had: resolution is one thread, and other work on
// the machine is not its own.
#include "passes/precision/PrecisionModel.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <regex>
#include <set>

using namespace dsmlir;
using Json = nlohmann::ordered_json;

namespace {

struct Size {
  int blocks, selections; ///< as many rules as overrides
};

constexpr int denseBlocks = 3, experts = 256;

std::vector<Module> modulesOf(int blocks) {
  std::vector<Module> modules;
  auto add = [&](const std::string &path, const char *type) { modules.push_back({path, type, type == std::string("Linear"), ""}); };
  auto projections = [&](const std::string &prefix) {
    for (const char *name : {"gate_proj", "up_proj", "down_proj"})
      add(prefix + name, "Linear");
  };
  add("token_embeddings", "Embedding");
  for (int block = 0; block < blocks; ++block) {
    std::string at = "blocks." + std::to_string(block) + ".";
    add(at + "attn_norm", "RMSNorm");
    add(at + "attn.q_a_proj", "Linear");
    add(at + "attn.q_a_norm", "RMSNorm");
    add(at + "attn.q_b_proj", "Linear");
    add(at + "attn.kv_a_proj", "Linear");
    add(at + "attn.kv_a_norm", "RMSNorm");
    add(at + "attn.kv_b_proj", "Linear");
    add(at + "attn.out_proj", "Linear");
    add(at + "ffn_norm", "RMSNorm");
    if (block < denseBlocks) {
      projections(at + "ffn.");
      continue;
    }
    add(at + "ffn.router", "Linear");
    for (int expert = 0; expert < experts; ++expert)
      projections(at + "ffn.experts." + std::to_string(expert) + ".");
    projections(at + "ffn.shared_experts.");
  }
  add("final_norm", "RMSNorm");
  add("lm_head", "Linear");
  return modules;
}

/// Rule i is wide (all norms of a block) where i is even, and narrow (one of them) behind it where i is odd; override i names an expert.
std::string ruleBlock(int index, int blocks) { return std::to_string((index / 2) % blocks); }

std::string overridden(int index, int blocks) {
  return "blocks." + std::to_string(denseBlocks + index % (blocks - denseBlocks)) + ".ffn.experts." + std::to_string(index % experts) +
         ".down_proj";
}

PrecisionOptions optionsOf(const Size &size) {
  PrecisionOptions options;
  auto give = [&](const char *name, const std::string &value) {
    if (dsrt::Status status = set(options, name, value, Origin{}); !status.ok()) {
      std::fprintf(stderr, "error: %s\n", status.message().c_str());
      std::exit(70);
    }
  };
  give("precision-recipe", "deepseek_v3");
  for (int i = 0; i < size.selections; ++i) {
    std::string block = "blocks\\." + ruleBlock(i, size.blocks) + "\\.";
    give("module-compute-dtype-rule", i % 2 == 0 ? block + ".*norm=fp16" : block + "attn\\.kv_a_norm$=fp32");
    give("module-compute-dtype-override", overridden(i, size.blocks) + "=bf16");
  }
  return options;
}

/// Every decision once more, without patterns. False, and a line on stderr, for the first that differs.
bool isRight(const Resolution &resolution, const Size &size) {
  std::set<std::string> exact, ruled;
  for (int i = 0; i < size.selections; ++i) {
    exact.insert(overridden(i, size.blocks));
    ruled.insert("blocks." + ruleBlock(i, size.blocks) + ".");
  }
  if (resolution.hasErrors()) {
    std::fprintf(stderr, "error: %s", print(resolution.findings.front()).c_str());
    return false;
  }
  for (size_t i = 0; i < resolution.modules().size(); ++i) {
    const Module &module = resolution.modules()[i];
    bool norm = module.path.ends_with("norm");
    std::string block = module.path.substr(0, module.path.find('.', sizeof "blocks." - 1) + 1), expected = "fp8";
    if (norm && ruled.count(block))
      expected = module.path.ends_with("kv_a_norm") ? "fp32" : "fp16";
    else if (norm || exact.count(module.path) || module.path == "lm_head" || module.path == "token_embeddings" ||
             module.path.ends_with("router"))
      expected = "bf16";
    if (name(resolution.decisions[i].compute) != expected) {
      std::fprintf(stderr, "error: %s computes in %s, expected %s\n", module.path.c_str(), name(resolution.decisions[i].compute),
                   expected.c_str());
      return false;
    }
  }
  return true;
}

double processorSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

std::string processorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (std::smatch found; std::regex_match(line, found, std::regex("model name\\s*: (.*)")))
      return found[1];
  return "unknown";
}

double rounded(double milliseconds) { return std::round(milliseconds * 100) / 100; }

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Times precision resolution at the size of DeepSeek-V3, and checks every decision.", "ds-bench-resolution");
  int runs = 15;
  std::string output;
  app.add_option("--runs", runs, "runs of each size (15)")->check(CLI::Range(1, 1000));
  app.add_option("-o", output, "a JSON file for the figures")->type_name("FILE");
  CLI11_PARSE(app, argc, argv);

  Json results = Json::array();
  bool right = true;
  for (Size size : {Size{61, 100}, Size{61, 0}, Size{61, 50}, Size{61, 200}, Size{31, 100}, Size{122, 100}}) {
    std::vector<Module> modules = modulesOf(size.blocks);
    PrecisionOptions options = optionsOf(size);
    std::vector<double> times;
    for (int run = 0; run < runs; ++run) {
      std::vector<Module> copy = modules;
      double begin = processorSeconds();
      Resolution resolution = resolve(std::move(copy), options);
      times.push_back((processorSeconds() - begin) * 1e3);
      right &= isRight(resolution, size);
    }
    std::sort(times.begin(), times.end());
    double median = times[times.size() / 2];
    std::printf("%3d blocks, %6zu modules, %3d rules and %3d overrides: %.1f ms (%.1f to %.1f)\n", size.blocks, modules.size(),
                size.selections, size.selections, median, times.front(), times.back());
    results.push_back({{"blocks", size.blocks},
                       {"modules", modules.size()},
                       {"rules", size.selections},
                       {"overrides", size.selections},
                       {"milliseconds", {{"min", rounded(times.front())}, {"median", rounded(median)}, {"max", rounded(times.back())}}}});
  }
  if (!right)
    return 1;
  char date[32];
  time_t now = time(nullptr);
  strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
  Json report = {{"date", date}, {"processor", processorName()}, {"clock", "processor time"}, {"runs", runs}, {"results", results}};
  if (!output.empty())
    std::ofstream(output) << report.dump(1) << "\n";
  return 0;
}

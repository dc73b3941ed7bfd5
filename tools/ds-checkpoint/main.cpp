// ds-checkpoint: makes random checkpoints, and says what a checkpoint holds.
#include "tools/driver/CommandLine.h"
#include "tools/ds-checkpoint/Info.h"
#include "tools/ds-checkpoint/Make.h"

using namespace dsmlir;

static int run(int argc, char **argv) {
  CommandLine line("ds-checkpoint", "Makes and inspects checkpoints in the Hugging Face layout.");
  line.app().require_subcommand(1);
  MakeOptions options;
  CLI::App *make = line.app().add_subcommand("make", "write a random checkpoint, for tests and benchmarks");
  make->add_option("CONFIG", options.config, "a config.json, or a folder with one")->required();
  make->add_option("-o,--output", options.folder, "the folder to write to")->required();
  make->add_option("--seed", options.seed, "of the random weights")->required()->check(CommandLine::count());
  make->add_option("--dtype", options.dtype, "of the weights: bf16, f16, f32 or fp8")
      ->required()
      ->check(CLI::IsMember({"bf16", "f16", "f32", "fp8"}));
  make->add_option("--shards", options.shards, "the number of files the weights are cut into (default 1)")->check(CLI::Range(1, 99999));
  std::string folder;
  CLI::App *info = line.app().add_subcommand("info", "list tensors, dtypes, scales and what does not fit the config (exit code 1 then)");
  info->add_option("FOLDER", folder, "a folder with config.json and safetensors")->required();
  if (std::optional<int> code = line.parse(argc, argv))
    return *code;

  dsrt::Status status = make->parsed() ? makeCheckpoint(options) : printInfo(folder, stdout);
  // A full disk or a closed pipe shows when the last of stdout is written.
  if (fflush(stdout) != 0 && status.ok())
    status = dsrt::Status(DSRT_IO, "cannot write to stdout");
  return status.ok() ? DSRT_OK : reportError(status);
}

int main(int argc, char **argv) {
  return runTool([&] { return run(argc, argv); });
}

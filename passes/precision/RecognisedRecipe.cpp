// recogniseRecipe: quantization_config beside the dtypes of the files.
#include "passes/precision/RecognisedRecipe.h"

#include <algorithm>

using namespace dsmlir;

namespace {

/// "fp8" for F8_E4M3; the dtype itself, in the files' own word, for what has no name among the flags.
std::string modeOf(const std::string &fileDtype) {
  if (fileDtype == "BF16")
    return "bf16";
  if (fileDtype == "F16")
    return "fp16";
  return fileDtype == "F32" ? "fp32" : "";
}

std::string filesHold(const Checkpoint &checkpoint) {
  std::string text;
  for (const auto &[dtype, count] : checkpoint.linearDtypes)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + (count == 1 ? " linear weight in " : " linear weights in ") + dtype;
  return text;
}

RecognisedRecipe problem(std::string text) {
  RecognisedRecipe found;
  found.problem = std::move(text);
  return found;
}

RecognisedRecipe quantised(const Checkpoint &checkpoint) {
  std::string blocks =
      checkpoint.blockRows ? "blocks of " + std::to_string(checkpoint.blockRows) + "x" + std::to_string(checkpoint.blockCols) : "no blocks";
  std::string format = checkpoint.format.empty() ? "" : " " + checkpoint.format;
  std::string holds = "quant_method " + checkpoint.quantMethod + format + " in " + blocks;
  if (checkpoint.quantMethod != "fp8")
    return problem("quantization_config has quant_method " + checkpoint.quantMethod + ", which no recipe stands for; expects fp8");
  if (checkpoint.format != "e4m3" || checkpoint.blockRows != 128 || checkpoint.blockCols != 128)
    return problem("expects fp8 e4m3 in blocks of 128x128, but quantization_config has " + holds);
  bool agree =
      std::all_of(checkpoint.linearDtypes.begin(), checkpoint.linearDtypes.end(), [](auto &held) { return held.first == "F8_E4M3"; });
  if (!agree)
    return problem("quantization_config says fp8 e4m3, but the files hold " + filesHold(checkpoint));
  RecognisedRecipe found;
  found.recipe = "deepseek_v3";
  found.mode = "fp8";
  found.scaleFormat = checkpoint.ue8m0 ? "ue8m0" : "fp32";
  found.source = "auto: quantization_config has fp8 e4m3 in blocks of 128x128";
  found.source += checkpoint.ue8m0 ? " with ue8m0 scales" : "";
  found.source += checkpoint.linearDtypes.empty() ? "; there are no files to look at" : ", and the files hold " + filesHold(checkpoint);
  return found;
}

RecognisedRecipe plain(const Checkpoint &checkpoint) {
  RecognisedRecipe found;
  found.recipe = "default";
  if (checkpoint.linearDtypes.empty()) {
    found.mode = checkpoint.storedDtype.empty() ? "bf16" : checkpoint.storedDtype;
    std::string says = checkpoint.storedDtype.empty() ? "the config names no dtype, which is bf16" : "the config says " + found.mode;
    found.source = "auto: there is no quantization_config, " + says + "; there are no files to look at";
    return found;
  }
  if (checkpoint.linearDtypes.size() > 1)
    return problem("there is no quantization_config, and the files hold " + filesHold(checkpoint) + "; expects one dtype");
  found.mode = modeOf(checkpoint.linearDtypes.front().first);
  if (found.mode.empty())
    return problem("there is no quantization_config, but the files hold " + filesHold(checkpoint));
  if (!checkpoint.storedDtype.empty() && checkpoint.storedDtype != found.mode)
    return problem("the config says " + checkpoint.storedDtype + ", but the files hold " + filesHold(checkpoint));
  found.source = "auto: there is no quantization_config, and the files hold " + filesHold(checkpoint);
  return found;
}

} // namespace

RecognisedRecipe dsmlir::recogniseRecipe(const Checkpoint *checkpoint) {
  if (!checkpoint)
    return problem("there is no checkpoint to read: compile a Hugging Face folder or a config.json, or name a recipe");
  return checkpoint->quantMethod.empty() ? plain(*checkpoint) : quantised(*checkpoint);
}

// Stop ids come from the files that Hugging Face transformers reads them from, in its order.
#include "runtime/launcher/Stopping.h"

#include "runtime/support/Json.h"

#include <algorithm>
#include <filesystem>

using namespace dsrt;

const char *dsrt::name(FinishReason reason) {
  switch (reason) {
  case FinishReason::Stop:
    return "stop";
  case FinishReason::Length:
    return "length";
  case FinishReason::Context:
    return "context";
  case FinishReason::None:
    break;
  }
  return "none";
}

Expected<std::set<int32_t>> dsrt::readStopIds(const std::string &weights) {
  std::filesystem::path folder = weights;
  if (folder.extension() == ".safetensors")
    folder = folder.parent_path();
  for (const char *file : {"generation_config.json", "config.json"}) {
    std::string path = (folder / file).string();
    std::error_code error;
    if (!std::filesystem::exists(path, error))
      continue;
    Expected<Json> json = readJson(path);
    if (!json)
      return json.status();
    if (!json->is_object() || !json->contains("eos_token_id") || (*json)["eos_token_id"].is_null())
      continue;
    const Json &field = (*json)["eos_token_id"];
    std::set<int32_t> ids;
    for (const Json &id : field.is_array() ? field : Json::array({field})) {
      if (!id.is_number_integer() || id < 0 || id > INT32_MAX)
        return Status(DSRT_UNREADABLE, path + ": eos_token_id expects a token id or a list of them, but got " + field.dump());
      ids.insert(id.get<int32_t>());
    }
    return ids;
  }
  return std::set<int32_t>();
}

int64_t StopRule::roomFor(int64_t promptLength) const { return std::max<int64_t>(0, std::min(maxNewTokens, maxLength - promptLength)); }

FinishReason StopRule::atStart(int64_t promptLength) const {
  if (maxNewTokens == 0)
    return FinishReason::Length;
  return promptLength >= maxLength ? FinishReason::Context : FinishReason::None;
}

FinishReason StopRule::after(int32_t token, int64_t promptLength, int64_t newTokens) const {
  if (ids.count(token))
    return FinishReason::Stop;
  if (newTokens >= maxNewTokens)
    return FinishReason::Length;
  return promptLength + newTokens >= maxLength ? FinishReason::Context : FinishReason::None;
}

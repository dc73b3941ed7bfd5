// ModelConfig::parse: a config that is accepted has parameters, whose sizes can be counted.
#include "lowering/HuggingFaceToDS/ModelConfig.h"
#include "test/fuzz/Fuzz.h"

bool accepts(std::string_view input) {
  dsrt::Expected<dsrt::Json> json = dsrt::parseJson(input, "config.json");
  if (!json)
    return false;
  std::vector<std::string> warnings;
  dsrt::Expected<dsmlir::ModelConfig> config = dsmlir::ModelConfig::parse(*json, "config.json", warnings);
  if (!config) {
    ENSURE(!config.status().message().empty());
    return false;
  }
  if (config->layers > 100) // as many names: slow, and no other code
    return true;
  for (const dsmlir::ModelParameter &parameter : dsmlir::modelParameters(*config)) {
    uint64_t elements = 1;
    for (int64_t extent : parameter.shape)
      ENSURE(extent > 0 && !__builtin_mul_overflow(elements, static_cast<uint64_t>(extent), &elements));
    ENSURE((parameter.tensor.find("{e}") != std::string::npos) == (parameter.shape.size() == 3));
  }
  return true;
}

// Token ids of a safetensors file, with lengths or without.
#include "runtime/launcher/TokenInput.h"
#include "test/fuzz/Fuzz.h"

bool accepts(std::string_view input) {
  static ScratchFolder folder;
  int64_t paddedLength = 0;
  dsrt::Expected<dsrt::TokenRows> rows = dsrt::readTokens(folder.write("tokens.safetensors", input), "input_ids", paddedLength);
  if (!rows) {
    ENSURE(!rows.status().message().empty());
    return false;
  }
  for (const std::vector<int32_t> &row : *rows) {
    ENSURE(!row.empty() && static_cast<int64_t>(row.size()) <= paddedLength);
    for (int32_t token : row)
      ENSURE(token >= 0);
  }
  return true;
}

// UTF-8 by the Unicode standard, table 3-7: the lead byte says how many follow, and narrows the first of them.
#include "runtime/launcher/Text.h"

#include <filesystem>

using namespace dsrt;

Status dsrt::checkBytes(const std::string &weights, int64_t vocabulary) {
  std::filesystem::path folder = weights;
  if (folder.extension() == ".safetensors")
    folder = folder.parent_path();
  std::error_code error;
  std::string instead = "; give token ids with --tokens or --input, and take them with --output json";
  if (std::filesystem::exists(folder / "tokenizer.json", error))
    return {DSRT_REJECTED, (folder / "tokenizer.json").string() + ": tokenizers are not supported yet" + instead};
  if (vocabulary != 256)
    return {DSRT_REJECTED,
            format("text expects a model of bytes (vocabulary 256), but the vocabulary has %lld tokens", (long long)vocabulary) + instead};
  return {};
}

std::vector<int32_t> dsrt::bytesToTokens(std::string_view text) {
  std::vector<int32_t> tokens;
  for (unsigned char byte : text)
    tokens.push_back(byte);
  return tokens;
}

/// Bytes of the character that begins with `lead`; 1 where none does.
static size_t characterBytes(uint8_t lead) {
  if (lead >= 0xc2 && lead <= 0xdf)
    return 2;
  if (lead >= 0xe0 && lead <= 0xef)
    return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
}

/// Whether `byte` can stand at place `at` (from 1) of a character that begins with `lead`.
static bool continues(uint8_t lead, size_t at, uint8_t byte) {
  uint8_t low = 0x80, high = 0xbf;
  if (at == 1 && lead == 0xe0)
    low = 0xa0; // shorter forms exist
  if (at == 1 && lead == 0xed)
    high = 0x9f; // surrogates
  if (at == 1 && lead == 0xf0)
    low = 0x90;
  if (at == 1 && lead == 0xf4)
    high = 0x8f; // above U+10FFFF
  return byte >= low && byte <= high;
}

std::string Utf8Stream::push(std::string_view bytes) {
  held += bytes;
  // Everything but an unfinished character at the end can go.
  size_t shown = 0;
  while (shown < held.size()) {
    uint8_t lead = held[shown];
    size_t length = characterBytes(lead), there = 1;
    while (there < length && shown + there < held.size() && continues(lead, there, held[shown + there]))
      ++there;
    if (there < length && shown + there == held.size())
      break;
    shown += there;
  }
  std::string complete = held.substr(0, shown);
  held.erase(0, shown);
  return complete;
}

std::string Utf8Stream::finish() { return std::exchange(held, {}); }

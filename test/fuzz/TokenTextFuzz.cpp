// Token ids of --tokens, and the way of bytes to a terminal.
#include "runtime/launcher/Text.h"
#include "runtime/launcher/TokenInput.h"
#include "test/fuzz/Fuzz.h"

bool accepts(std::string_view input) {
  // Text comes out as it went in, however it is cut.
  dsrt::Utf8Stream stream;
  std::string shown;
  for (size_t at = 0; at < input.size(); at += 3)
    shown += stream.push(input.substr(at, 3));
  ENSURE(shown + stream.finish() == input);
  ENSURE(dsrt::bytesToTokens(input).size() == input.size());

  dsrt::Expected<dsrt::TokenRows> rows = dsrt::parseTokens(input);
  if (!rows) {
    ENSURE(rows.status().code() == DSRT_USAGE);
    return false;
  }
  ENSURE(rows->size() == 1 && !rows->front().empty());
  dsrt::Manifest manifest;
  manifest.maxLength = 8;
  manifest.vocabulary = 100;
  bool fits = rows->front().size() <= 8;
  for (int32_t token : rows->front())
    fits &= token < 100;
  ENSURE(dsrt::checkTokens(*rows, manifest).ok() == fits);
  return true;
}

// parseJson: what it accepts is written and read again as the same document.
#include "runtime/support/Json.h"
#include "test/fuzz/Fuzz.h"

bool accepts(std::string_view input) {
  dsrt::Expected<dsrt::Json> json = dsrt::parseJson(input, "input");
  if (!json) {
    ENSURE(json.status().code() == DSRT_UNREADABLE && !json.status().message().empty());
    return false;
  }
  dsrt::Expected<dsrt::Json> again = dsrt::parseJson(json->dump(), "input");
  ENSURE(again && *again == *json);
  return true;
}

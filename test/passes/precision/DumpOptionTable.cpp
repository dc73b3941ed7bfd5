// Prints the table of precision options as JSON, for the shell tests that go over all of them.
#include "passes/precision/PrecisionOptions.h"

#include <cstdio>

using namespace dsmlir;

int main() {
  static const char *const kinds[] = {"flag",   "negatable", "mode",     "choice", "recipe",
                                      "number", "integer",   "patterns", "rules",  "overrides"};
  dsrt::Json table = dsrt::Json::array();
  for (const OptionDescriptor &option : optionTable())
    table.push_back({{"name", option.name},
                     {"key", option.key},
                     {"kind", kinds[static_cast<size_t>(option.kind)]},
                     {"choices", option.choices},
                     {"default", option.defaultText}});
  std::puts(table.dump(1).c_str());
}

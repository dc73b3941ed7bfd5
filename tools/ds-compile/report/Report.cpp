// The page is put together from files of its own, which the build embeds: report.html has a place for each of the other parts.
#include "tools/ds-compile/report/Report.h"

#include "llvm/Support/Base64.h"
#include "llvm/Support/SHA256.h"

namespace dsmlir {
namespace {

constexpr char page[] =
#include "tools/ds-compile/report/report.html.inc"
    ;
constexpr char style[] =
#include "tools/ds-compile/report/report.css.inc"
    ;
constexpr char script[] =
#include "tools/ds-compile/report/data.js.inc"
#include "tools/ds-compile/report/map.js.inc"
#include "tools/ds-compile/report/details.js.inc"
#include "tools/ds-compile/report/report.js.inc"
    ;

/// As a Content-Security-Policy names a script or a style by its content: "sha256-<base64>".
std::string contentHash(std::string_view content) {
  return "sha256-" + llvm::encodeBase64(llvm::SHA256::hash({reinterpret_cast<const uint8_t *>(content.data()), content.size()}));
}

/// JSON inside of a script element: no `<`, so that neither `</script>` nor `<!--` can end or change what surrounds it.
std::string embedded(const dsrt::Json &data) {
  std::string text;
  for (char c : data.dump(-1, ' ', false, dsrt::Json::error_handler_t::replace))
    c == '<' ? text += "\\u003c" : text += c;
  return text;
}

} // namespace

std::string reportPage(const dsrt::Json &data) {
  const std::pair<std::string_view, std::string> parts[] = {{"{{style-hash}}", contentHash(style)},
                                                            {"{{script-hash}}", contentHash(script)},
                                                            {"{{style}}", style},
                                                            {"{{data}}", embedded(data)},
                                                            {"{{script}}", script}};
  // In the order of the page, and once each: what is put in is not looked at again.
  std::string result;
  std::string_view rest = page;
  for (const auto &[place, content] : parts) {
    size_t at = rest.find(place);
    assert(at != rest.npos && "report.html has a place for every part");
    result.append(rest.substr(0, at)).append(content);
    rest.remove_prefix(at + place.size());
  }
  return result.append(rest);
}

} // namespace dsmlir

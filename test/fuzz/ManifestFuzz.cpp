// Manifest::parse: what it accepts is written, read and written again as the same bytes; sizes of all formats can be counted.
#include "runtime/launcher/Manifest.h"
#include "test/fuzz/Fuzz.h"

bool accepts(std::string_view input) {
  dsrt::Expected<dsrt::Manifest> manifest = dsrt::Manifest::parse(input, "input.dsx");
  if (!manifest) {
    ENSURE(!manifest.status().message().empty());
    return false;
  }
  for (const dsrt::ManifestParameter &parameter : manifest->parameters) {
    size_t rank = parameter.shape.size();
    ENSURE(rank >= 1 && rank <= 3);
    uint64_t payload = 0, scales = 0;
    ENSURE(dsrt::formatBytes(parameter.resident(), rank == 3 ? parameter.shape[0] : 1, rank == 1 ? 1 : parameter.shape[rank - 2],
                             parameter.shape[rank - 1], payload, scales));
  }
  std::string written = manifest->write();
  dsrt::Expected<dsrt::Manifest> again = dsrt::Manifest::parse(written, "written");
  ENSURE(again && again->write() == written);
  return true;
}

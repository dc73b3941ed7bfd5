// The file of `ds-compile sensitivity --state`: what is accepted goes on, and is read again as what it was.
#include "test/fuzz/Fuzz.h"
#include "tools/ds-compile/sensitivity/MeasurementFile.h"

using namespace dsmlir;

bool accepts(std::string_view input) {
  static const ScratchFolder folder;
  static const RunIdentity identity = {"t", "m", "w", "i", "b"};
  std::string path = folder.write("state", input);
  dsrt::Expected<std::unique_ptr<MeasurementFile>> file = MeasurementFile::open(path, identity);
  if (!file)
    return false;
  size_t count = (*file)->size() + ((*file)->find("p") ? 0 : 1);
  Measurement measurement = {0.5, 0.25, 1};
  ENSURE((*file)->add("p", "name", measurement).ok());
  file->reset();
  dsrt::Expected<std::unique_ptr<MeasurementFile>> again = MeasurementFile::open(path, identity);
  ENSURE(again && (*again)->size() == count && (*again)->find("p") == measurement);
  return true;
}

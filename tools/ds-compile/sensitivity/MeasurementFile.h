// What has been measured, kept in a file from which an interrupted run goes on: one line of JSON for each measurement, synced before the
// next one begins.
#pragma once

#include "runtime/support/Status.h"
#include "tools/ds-compile/sensitivity/Measurement.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dsmlir {

/// What measurements belong to: each a hash, compared by name.
struct RunIdentity {
  std::string tool; ///< this program: another build may quantise, or sum, in another way
  std::string model, weights, input, baseline;
};

/// Measurements by the hash of their policy.
class MeasurementFile {
public:
  /// Opens the file, or makes it. An empty path: measurements are kept in memory alone.
  ///
  /// A last line without its end is what a kill leaves of a line: it is dropped. DSRT_UNREADABLE where the file holds anything else, which
  /// is left as it is; DSRT_REJECTED where it belongs to another run, with what differs, or where another process has it open;
  /// DSRT_CANNOT_CREATE.
  static dsrt::Expected<std::unique_ptr<MeasurementFile>> open(const std::string &path, const RunIdentity &identity);
  ~MeasurementFile();
  MeasurementFile(const MeasurementFile &) = delete;

  /// The baseline's logits, as a hash: the same in all runs of this file, or values of the weights have changed under their header, or
  /// arithmetic has. DSRT_REJECTED where they differ, DSRT_IO where they cannot be written.
  dsrt::Status setBaseline(const std::string &logitsHash);

  std::optional<Measurement> find(const std::string &policy) const;
  /// \param name  what the policy is, for readers of the file. DSRT_IO where it cannot be written.
  dsrt::Status add(const std::string &policy, const std::string &name, const Measurement &measurement);
  size_t size() const { return measurements.size(); }

private:
  MeasurementFile() = default;
  dsrt::Status read(const RunIdentity &identity);
  dsrt::Status parse(std::string_view text, const RunIdentity &identity);
  dsrt::Status append(const dsrt::Json &line);

  std::string path;
  int descriptor = -1;
  std::string baselineHash;
  std::map<std::string, Measurement> measurements;
};

} // namespace dsmlir

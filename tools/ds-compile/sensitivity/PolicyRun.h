// Runs one model under many policies, on the CPU backend of this process, and compares each run's logits with those of the first.
#pragma once

#include "runtime/launcher/Session.h"
#include "runtime/support/TemporaryFolder.h"
#include "runtime/weights/SafeTensors.h"
#include "tools/driver/Machine.h"
#include "tools/ds-compile/sensitivity/MeasurementFile.h"
#include "tools/ds-compile/sensitivity/Options.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace dsmlir {

/// The rows that every policy is run on.
struct Sample {
  dsrt::TokenRows rows;
  int64_t length = 0; ///< of the longest row
  int64_t tokens = 0;

  /// The input of the options, cut to their limits. Errors as of readTokens().
  static dsrt::Expected<Sample> read(const SensitivityOptions &options);
};

class PolicyRuns {
public:
  /// All must outlive this. \param cancelled  once true, a run ends with an error
  PolicyRuns(const SensitivityOptions &options, const dsrt::Checkpoint &weights, const Sample &sample, const std::atomic<bool> *cancelled)
      : options(options), weights(weights), sample(sample), cancelled(cancelled) {}

  /// Compiles the model under the policy that all others are compared with, and checks weights and sample against it; nothing has run yet.
  /// DSRT_REJECTED with an empty message where diagnostics have said why; DSRT_MISMATCH where the weights do not fit.
  dsrt::Expected<dsrt::Manifest> compileBaseline(const dsrt::Json &policy);
  /// Compiles another policy and runs nothing.
  dsrt::Expected<dsrt::Manifest> describe(const dsrt::Json &policy);
  /// Runs it, and keeps its logits and its bytes of weights.
  dsrt::Status runBaseline(const std::string &progress);

  /// Compiles and runs another policy. Logits that are not finite are a measurement: infinitely far.
  /// \param progress  begins the lines of progress: "[3/40] blocks.0.attn.q_a_proj: "
  dsrt::Expected<Measurement> run(const dsrt::Json &policy, const std::string &progress);

  uint64_t baselineBytes() const { return residentBytes; }
  /// Of the baseline's logits.
  std::string logitsHash() const;

private:
  dsrt::Expected<std::unique_ptr<Machine>> compile(const dsrt::Json &policy, const std::string &progress);
  dsrt::Status prepare(Machine &machine, uint64_t results);
  dsrt::Status forward(Machine &machine, const std::string &progress, const dsrt::LogitsSink &sink);

  const SensitivityOptions &options;
  const dsrt::Checkpoint &weights;
  const Sample &sample;
  const std::atomic<bool> *cancelled;
  std::unique_ptr<dsrt::TemporaryFolder> folder; ///< of the artifact that has been compiled but not loaded
  std::unique_ptr<Machine> baseline;             ///< until it has run
  std::vector<float> logits;                     ///< of the baseline, [rows, length, vocabulary]; padding is 0
  uint64_t residentBytes = 0;
};

} // namespace dsmlir

// The phases of a compilation, one after the other.
#pragma once

#include "passes/precision/PrecisionModel.h"
#include "tools/ds-compile/Options.h"

namespace dsmlir {

/// Compiles and writes what the options ask for. The exit code; messages are on stderr.
int compile(const CompileOptions &options);

/// Resolves the precision of the model's modules, and says all findings. DSRT_REJECTED where there are errors; a status without a message
/// has been explained on stderr.
dsrt::Expected<Resolution> resolveModel(const CompileOptions &options);

/// Compiles to the artifact `options.output` under the precision options alone: a policy in the IR is not read. For programs that
/// compile one model many times: says errors, but neither warnings nor what it did. Errors as of resolveModel().
dsrt::Status compileArtifact(const CompileOptions &options);

} // namespace dsmlir

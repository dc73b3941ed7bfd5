// `ds-run OUT.dsx`: from checked options to results on stdout.
#pragma once

#include "tools/ds-run/Options.h"

namespace dsmlir {

/// The exit code is that of the status; 1 where a comparison is above its tolerance (the status is ok, `differs` is set).
dsrt::Status runArtifact(const RunOptions &options, bool &differs);

} // namespace dsmlir

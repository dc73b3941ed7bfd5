// A file that becomes shorter while it is mapped turns reads into a signal (SIGBUS). Weights are read in place for as long as a
// program runs, so no check beforehand can rule that out: this makes it the error that it is.
#pragma once

namespace dsrt {

/// From here on SIGBUS ends the process with an error message and DSRT_IO. Call once, before threads start.
void installMapGuard();

} // namespace dsrt

// ds-compile convert-policy: a precision file from a policy of another project.
#pragma once

namespace dsmlir {

/// `argv[1]` is "convert-policy". The exit code; messages are on stderr.
int convertPolicyCommand(int argc, const char *const *argv);

} // namespace dsmlir

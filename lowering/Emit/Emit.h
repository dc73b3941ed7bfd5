// From the LLVM dialect to machine code: an object by LLVM, linked by lld, as a library, into the shared object that is the artifact.
#pragma once

#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <string_view>

namespace dsmlir {

/// A relocatable ELF object with the module's functions, and the manifest in its section `.dsmlir.manifest`. Code generation is
/// LLVM's without optimisation: the code is calls. The same module and manifest give the same bytes. DSRT_INTERNAL where LLVM
/// refuses the module.
dsrt::Expected<std::string> emitObject(mlir::ModuleOp module, std::string_view manifest);

/// Links an object into a shared object and writes it to `path`, whole or not at all. Undefined symbols are the runtime's, found
/// when it is opened. DSRT_CANNOT_CREATE or DSRT_IO for the files, DSRT_INTERNAL where lld refuses.
dsrt::Status linkArtifact(const std::string &object, const std::string &path);

} // namespace dsmlir

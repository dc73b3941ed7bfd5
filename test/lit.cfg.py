# The shell tests of ds-mlir: *.mlir and *.test, run by lit's own shell.
#
# Substitutions: %shared, the folder of reference data beside the checkout (tests that use it say `REQUIRES: shared`);
#                %root, the checkout; %build, the build folder; %python; `%exits CODE COMMAND`, which expects that exit code.
# Features:      shared, where that folder is there; compiler, where ds-opt and ds-compile are built; chromium, where a browser and its
#                driver are installed (.ci/install-packages does it).
import os
import shutil

import lit.formats

config.name = "ds-mlir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.dsmlir_build, "test")

tools = [os.path.join(config.dsmlir_build, "bin"), config.llvm_tools, config.environment["PATH"]]
config.environment["PATH"] = os.pathsep.join(path for path in tools if path)

shared = os.path.normpath(config.dsmlir_shared)
if os.path.isdir(os.path.join(shared, "configs")):
    config.available_features.add("shared")
if config.dsmlir_compiler:
    config.available_features.add("compiler")
if config.dsmlir_cuda:
    config.available_features.add("cuda")
if shutil.which("chromium") and shutil.which("chromedriver"):
    config.available_features.add("chromium")

config.substitutions += [("%shared", shared), ("%root", config.dsmlir_source), ("%build", config.dsmlir_build)]
config.substitutions += [("%python", config.python)]
config.substitutions += [("%exits", f"{config.python} {os.path.join(config.test_source_root, 'exits.py')}")]

# Tests run side by side: threads that spin while they wait would take the processors from one another.
config.environment["OMP_WAIT_POLICY"] = "passive"

# Under AddressSanitizer: LLVM's inline allocators poison memory in our code and do not unpoison it in the libraries of the
# distribution, which are not instrumented.
config.environment["ASAN_OPTIONS"] = "allow_user_poisoning=0"
config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"

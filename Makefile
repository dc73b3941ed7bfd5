# Two commands for a fresh Debian 12 machine: `make demo` and `make check`. Both install what is missing (as root), configure
# the release preset and build. For daily work use cmake and ninja themselves; see docs/guide.md.
#
# CONFIGURE: more arguments for cmake, e.g. make check CONFIGURE=-DDSMLIR_SHARED_DIR=/data/shared
CONFIGURE =

.PHONY: build demo check packages

build: packages
	@cmake --preset release --log-level=WARNING $(CONFIGURE)
	@ninja -C build

# The trained example model: compiled with DeepSeek's FP8 recipe, then asked to go on with a sentence.
demo:
	@.ci/install-packages demo
	@cmake --preset release --log-level=WARNING $(CONFIGURE)
	@ninja -C build ds-compile ds-run
	@echo
	build/bin/ds-compile examples/kjv-fp8 -o build/kjv-fp8.dsx --precision-recipe deepseek_v3 --time-passes
	@echo
	build/bin/ds-run build/kjv-fp8.dsx --weights examples/kjv-fp8 --prompt 'And God said unto Moses, ' --max-new-tokens 96 --output text
	@echo

# The last line is `N passed, M failed[, K skipped]`.
check: build
	@python3 test/run.py --build build

packages:
	@.ci/install-packages

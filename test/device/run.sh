#!/usr/bin/env bash
# Runs the tests of the CUDA backend on a machine with an H100 or H200, from a folder that pack.py made. -s: conformance under compute-sanitizer
# as well; -f FILTER: only these conformance cases (gtest's filter). The last line reads `N passed, M failed`.
here=$(cd "$(dirname "$0")" && pwd)
sanitize= filter='*'
while getopts sf: option; do
  case $option in
    s) sanitize=1 ;;
    f) filter=$OPTARG ;;
    *) exit 64 ;;
  esac
done
passed=0 failed=0
count() { if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi; }
conformance() {
  echo "conformance${*:+ under $*}"
  "$@" "$here/bin/CudaConformanceTests" "$here/lib/dsrt_cuda.so" --gtest_filter="$filter" --gtest_brief=1
  count $?
}
conformance
if [ -n "$sanitize" ]; then
  conformance compute-sanitizer --tool memcheck --error-exitcode 1
  conformance compute-sanitizer --tool racecheck --error-exitcode 1
fi
while read -r name script words; do
  DS_WORK=$(mktemp -d)
  export DS_WORK DS_STORE=$here/artifacts/$name
  mkdir "$DS_WORK/run"
  echo "$name"
  # shellcheck disable=SC2086 # words are words
  (cd "$here" && PATH=$here/bin:$PATH python3 "scripts/$script" $words "$DS_WORK/run")
  count $?
  rm -rf "$DS_WORK"
done <"$here/cases"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

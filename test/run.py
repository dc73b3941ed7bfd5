#!/usr/bin/env python3
"""Runs all tests, the GoogleTest executables included, and ends with one line: `N passed, M failed` and how many were skipped.

Usage: test/run.py [--build FOLDER] [lit's options and tests]    e.g. test/run.py -v --filter dialects

Exit codes: 0 where tests passed and none failed; 1 otherwise; 64 where the build folder is not there.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def cached(build, name):
    """A variable of the build's CMake cache."""
    try:
        with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as cache:
            for line in cache:
                if line.startswith(name + ":"):
                    return line.rstrip("\n").partition("=")[2]
    except OSError:
        pass
    print(f"error: expects a configured build in {build}: run 'cmake --preset release' first", file=sys.stderr)
    sys.exit(64)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="the build folder (default: build)")
    arguments, rest = parser.parse_known_args()
    lit = cached(arguments.build, "DSMLIR_LIT")
    suites = [os.path.join(arguments.build, "test"), os.path.join(arguments.build, "test", "unit")]

    with tempfile.TemporaryDirectory() as folder:
        look = ["--succinct"] if sys.stdout.isatty() else ["--test-output=failed", "--print-result-after=failed"]
        report = os.path.join(folder, "report.xml")  # lit's JSON report leaves skipped tests out
        command = [sys.executable, lit, *look, "--show-skipped", "--show-unsupported", "--xunit-xml-output", report]
        # Tests that are named replace the suites. The word after --filter may be a path as well, but not to a test.
        homes = [os.path.join(ROOT, "test"), suites[0]]
        named = any(os.path.exists(word) and os.path.abspath(word).startswith(tuple(map(os.path.abspath, homes))) for word in rest)
        code = subprocess.run(command + rest + ([] if named else suites), check=False).returncode
        try:
            cases = list(xml.parse(report).iter("testcase"))
        except (OSError, xml.ParseError):
            print(f"error: lit ended with exit code {code} and without a report", file=sys.stderr)
            cases = []

    failed = skipped = passed = 0
    for case in cases:
        reason = case.find("skipped")
        if case.find("failure") is not None:
            failed += 1
        elif reason is None:
            passed += 1
        elif not reason.get("message").startswith("Test not selected"):
            skipped += 1
    if code != 0 and failed == 0:
        failed = 1  # lit itself, or a suite that could not be discovered
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())

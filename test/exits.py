#!/usr/bin/env python3
"""Runs a command, and succeeds where it ends with the expected exit code. A signal is no exit code.

Usage: exits.py CODE COMMAND [ARGUMENT...]    in tests: %exits 2 ds-opt missing.mlir
"""
import subprocess
import sys

expected, command = int(sys.argv[1]), sys.argv[2:]
code = subprocess.run(command, check=False).returncode
if code != expected:
    sys.exit(f"expects exit code {expected}, but got {code}: {' '.join(command)}")

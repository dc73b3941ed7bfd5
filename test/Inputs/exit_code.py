"""Runs a command and expects an exit code: exit_code.py CODE COMMAND...; its output is passed on."""
import subprocess
import sys

expected, command = int(sys.argv[1]), sys.argv[2:]
code = subprocess.run(command, check=False).returncode
if code != expected:
    print(f"error: expects exit code {expected}, but got {code}: {' '.join(command)}", file=sys.stderr)
    sys.exit(1)

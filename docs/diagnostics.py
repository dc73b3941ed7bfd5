#!/usr/bin/env python3
"""The reference of diagnostics, from their table and from ds-compile itself: diagnostics.py --root CHECKOUT --build FOLDER [-o PAGE]

Runs the example of every code in passes/precision/Diagnostics.def, and writes down what ds-compile says. Without -o nothing is written,
and an example that does not cause its code, or ends with another exit code than its severity has, is an error: the test of the table.
"""
import argparse
import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ENTRY = re.compile(r"^DS_DIAGNOSTIC\((\d+), (\w+), (\w+),(.*?)\)$", re.MULTILINE | re.DOTALL)
ANY_MESSAGE = re.compile(r"^(\S+: )?(error|warning): ")

HEADER = """# Diagnostics

What precision resolution reports, code by code. Codes are stable. Warnings are errors under `--strict-rules`. The examples are run by the
test suite; `tiny-v3.json` is a model of 3 blocks, the first of them dense, with 8 experts, and the other files are shown where they are used.
This page is generated from `passes/precision/Diagnostics.def`.
"""


def table(root):
    """(number, name, severity, summary, example, remedy) of each code."""
    with open(os.path.join(root, "passes/precision/Diagnostics.def"), encoding="utf-8") as file:
        text = file.read()
    return [(int(number), name, severity, *ast.literal_eval("(" + texts + ")")) for number, name, severity, texts in ENTRY.findall(text)]


def command_of(example):
    if example.startswith("ds-compile "):
        return example
    # Something to do for examples that ask for no output of their own.
    return "ds-compile tiny-v3.json " + example + ("" if "-out " in example or " -o " in example else " --list-modules")


def run(command, inputs, tools):
    """The exit code, and what is said on stderr."""
    with tempfile.TemporaryDirectory() as folder:
        for name in os.listdir(inputs):
            shutil.copy(os.path.join(inputs, name), folder)
        # As the suite runs the tools under AddressSanitizer: LLVM's libraries are not instrumented (test/lit.cfg.py).
        environment = {"ASAN_OPTIONS": "allow_user_poisoning=0", **os.environ, "PATH": tools + os.pathsep + os.environ["PATH"]}
        if re.fullmatch(r"[^&|;<>]*", command):  # no shell is needed, and none has a say in '.*'
            done = subprocess.run(shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True, check=False)
        else:
            done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr


def messages_of(code, stderr):
    """The message with the code, and its notes."""
    lines, kept, inside = stderr.splitlines(), [], False
    for line in lines:
        if ANY_MESSAGE.match(line):
            inside = f"[{code}]" in line and not kept
        if inside:
            kept.append(line.rstrip())
    return kept


def section(entry, inputs, tools, problems):
    number, name, severity, summary, example, remedy = entry
    if example.startswith("("):  # no input causes it: a defect would
        return f"\n## DS{number}: {summary}\n\n{severity}, `{name}`, {example[1:-1]}. What to do: {remedy}.\n"
    code, command = f"DS{number}", command_of(example)
    exit_code, stderr = run(command, inputs, tools)
    said = messages_of(code, stderr)
    if not said:
        problems.append(f"{code} {name}: '{command}' does not cause it, but says:\n{stderr}")
    if (exit_code == 0) != (severity == "Warning"):
        problems.append(f"{code} {name}: '{command}' ended with {exit_code}, being of severity {severity}:\n{stderr}")
    text = f"\n## {code}: {summary}\n\n{severity}, `{name}`. What to do: {remedy}.\n\n"
    files = [word for word in shlex.split(command) if os.path.exists(os.path.join(inputs, word)) and word != "tiny-v3.json"]
    for file in files:
        with open(os.path.join(inputs, file), encoding="utf-8") as content:
            held = content.read()
        if len(held) < 400:  # a policy, not a model
            text += f"`{file}`:\n\n```json\n{held}```\n\n"
    return text + f"```console\n$ {command}\n" + "".join(line + "\n" for line in said) + "```\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("-o", "--output")
    arguments = parser.parse_args()
    inputs = os.path.join(arguments.root, "test/passes/precision/Inputs/diagnostics")
    tools, problems = os.path.join(os.path.abspath(arguments.build), "bin"), []
    entries = table(arguments.root)
    page = HEADER + "".join(section(entry, inputs, tools, problems) for entry in entries)
    if arguments.output:
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write(page)
    elif problems:
        sys.exit("error: " + "\nerror: ".join(problems))
    else:
        without = sum(entry[4].startswith("(") for entry in entries)
        print(f"{len(entries) - without} codes, each caused by its example" + (f"; {without} that no input causes" if without else ""))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Runs the commands of documentation pages: run_commands.py --root CHECKOUT --build FOLDER [--update] PAGE...

A page's ```sh blocks run in order in one temporary folder, which has the checkout's examples/, with the build's tools on PATH; each must end
with 0. A ```text or ```mlir block that comes next is what the block before prints (stdout and stderr), line by line; a line `...`
stands for any lines. Relative links must lead to something. --update writes the output as it is now into the pages, where no `...` stands.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def matches(expected, got):
    """Whether the lines of `got` are those expected, `...` standing for any."""
    if not expected:
        return not got
    if expected[0] == "...":
        return any(matches(expected[1:], got[skip:]) for skip in range(len(got) + 1))
    return bool(got) and expected[0] == got[0] and matches(expected[1:], got[1:])


def check_page(path, root, update):
    """The number of commands' blocks that ran. Ends the script at the first that is not as the page says."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for link in LINK.findall(FENCE.sub("", text)):
        if "://" not in link and not os.path.exists(os.path.join(os.path.dirname(path), link)):
            sys.exit(f"error: {path}: the link to {link} leads nowhere")

    blocks, pieces, copied, ran = list(FENCE.finditer(text)), [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.join(root, "examples"), os.path.join(folder, "examples"))
        for index, block in enumerate(blocks):
            if block[1] != "sh":
                continue
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", block[2]], cwd=folder, text=True, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                sys.exit(f"error: {path}: this ended with {done.returncode}:\n{block[2]}{done.stdout}")
            ran += 1
            after = blocks[index + 1] if index + 1 < len(blocks) else None
            if not after or after[1] not in ("text", "mlir") or text[block.end():after.start()].strip():
                continue
            # Without the blanks at the ends of lines, which nobody sees.
            expected, got = after[2].splitlines(), [line.rstrip() for line in done.stdout.splitlines()]
            if matches(expected, got):
                continue
            if not update or "..." in expected:
                sys.exit(f"error: {path}: expects of\n{block[2]}this:\n{after[2]}but got:\n{done.stdout}")
            pieces += [text[copied:after.start(2)], *(line + "\n" for line in got)]
            copied = after.end(2)
    if pieces:
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(pieces) + text[copied:])
    return ran


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("pages", nargs="+")
    arguments = parser.parse_args()
    os.environ["PATH"] = os.path.join(os.path.abspath(arguments.build), "bin") + os.pathsep + os.environ["PATH"]
    for page in arguments.pages:
        print(f"{page}: {check_page(page, os.path.abspath(arguments.root), arguments.update)} blocks of commands")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Time and peak memory of ds-compile for one configuration, with its number of layers replaced: to an artifact, cold process each run.

    bench/compile/bench_compile.py CONFIG.json [--layers 61,122,244] [--runs 5] [-o RESULT.json]

Prints a line a number of layers, and writes JSON with the machine and the versions. Every run must give the same artifact, byte by
byte, and the bytes of the plan must grow with the layers: a compile that dropped something has no figure.
"""
import argparse
import datetime
import filecmp
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("config")
parser.add_argument("--layers", default="61,122,244")
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--compiler", default="build/bin/ds-compile")
parser.add_argument("-o", "--output")
arguments = parser.parse_args()

OPTIONS = ["--precision-recipe", "deepseek_v3"]


def compile_once(config, artifact):
    """Seconds and KiB of one process."""
    begin = time.monotonic()
    process = subprocess.Popen([arguments.compiler, config, *OPTIONS, "-o", artifact], stderr=subprocess.PIPE)
    messages = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begin
    if status != 0:
        sys.exit(f"ds-compile failed:\n{messages.decode()}")
    return seconds, usage.ru_maxrss


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return re.search(r"model name\s*: (.*)", file.read())[1]


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


results = []
with open(arguments.config, encoding="utf-8") as file:
    model = json.load(file)
with tempfile.TemporaryDirectory() as folder:
    for layers in map(int, arguments.layers.split(",")):
        config = os.path.join(folder, f"{layers}.json")
        with open(config, "w", encoding="utf-8") as file:
            json.dump({**model, "num_hidden_layers": layers}, file)
        artifacts = [os.path.join(folder, name) for name in ("first.dsx", "again.dsx")]
        runs = [compile_once(config, artifacts[0])]
        for _ in range(arguments.runs - 1):
            runs.append(compile_once(config, artifacts[1]))
            if not filecmp.cmp(*artifacts, shallow=False):
                sys.exit(f"{layers} layers: two compiles gave two artifacts")
        size = os.path.getsize(artifacts[0])
        if results and size <= results[-1]["artifact_bytes"]:
            sys.exit(f"{layers} layers: the artifact is no larger than that of fewer layers")
        seconds = [run[0] for run in runs]
        result = {
            "layers": layers,
            "seconds": {"min": min(seconds), "median": statistics.median(seconds), "max": max(seconds)},
            "peak_mib": max(run[1] for run in runs) / 1024,
            "artifact_bytes": size,
        }
        results.append(result)
        print(f"{layers:5d} layers: {result['seconds']['median']:.3f} s ({min(seconds):.3f} to {max(seconds):.3f}), "
              f"{result['peak_mib']:.0f} MiB, {1000 * min(seconds) / layers:.2f} ms a layer")

if arguments.output:
    record = {
        "date": datetime.date.today().isoformat(),
        "device": processor(),
        "cores": os.cpu_count(),
        "versions": {"ds-compile": output(arguments.compiler, "--version"), "llvm": output("llvm-config-22", "--version")},
        "config": os.path.basename(arguments.config),
        "options": OPTIONS,
        "runs": arguments.runs,
        "results": results,
    }
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write(json.dumps(record, indent=2) + "\n")

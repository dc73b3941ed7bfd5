#!/usr/bin/env python3
"""How long a page of `ds-compile --report` takes from opening to ready, and to drawn, in a headless Chromium; how large it is.

    bench/report/bench_report.py CONFIG.json [--runs 10] [-o RESULT.json]

Each run opens the page in a browser that was just started (cold), and then again from an empty page (warm). Times are the page's own marks
since the start of the navigation. The report is written twice and must have the same bytes.
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

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "test"))
from browser import Browser  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("config")
parser.add_argument("--runs", type=int, default=10)
parser.add_argument("--compiler", default="build/bin/ds-compile")
parser.add_argument("-o", "--output")
arguments = parser.parse_args()

OPTIONS = ["--precision-recipe", "deepseek_v3", "--module-compute-dtype-override", "blocks.30.ffn.experts.7.gate_proj=bf16"]
MARKS = "return Object.fromEntries(['ready', 'drawn'].map((name) => [name, performance.getEntriesByName(name)[0].startTime]))"


def write(page):
    """Seconds of one process."""
    begin = time.monotonic()
    subprocess.run([arguments.compiler, arguments.config, *OPTIONS, "--report", page], check=True)
    return time.monotonic() - begin


def visit(browser, page):
    browser.command("/url", {"url": "about:blank"})
    browser.open(page)
    browser.wait("performance.getEntriesByName('drawn').length")
    return browser.run(MARKS)


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return re.search(r"model name\s*: (.*)", file.read())[1]


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


with tempfile.TemporaryDirectory() as folder:
    page, again = os.path.join(folder, "report.html"), os.path.join(folder, "again.html")
    written = [write(page), *(write(again) for _ in range(arguments.runs - 1))]
    if arguments.runs > 1 and not filecmp.cmp(page, again, shallow=False):
        sys.exit("two runs of ds-compile gave two pages")
    visits = {"cold": [], "warm": []}
    for _ in range(arguments.runs):
        with Browser() as browser:
            visits["cold"].append(visit(browser, page))
            visits["warm"].append(visit(browser, page))
            modules = browser.run("return plan.size")
            version = browser.version
    size = os.path.getsize(page)

result = {
    "date": datetime.date.today().isoformat(),
    "device": processor(),
    "cores": os.cpu_count(),
    "load": os.getloadavg()[0],
    "versions": {"chromium": version,
                 "ds-compile": subprocess.run([arguments.compiler, "--version"], capture_output=True, text=True, check=True).stdout.strip()},
    "config": os.path.basename(arguments.config),
    "options": OPTIONS,
    "runs": arguments.runs,
    "modules": modules,
    "page_bytes": size,
    "compile_seconds": spread(written),
    **{f"{kind}_{mark}_ms": spread([each[mark] for each in measured]) for kind, measured in visits.items() for mark in ("ready", "drawn")},
}
for kind in visits:
    ready, drawn = result[f"{kind}_ready_ms"], result[f"{kind}_drawn_ms"]
    print(f"{kind}: ready after {ready['median']:.0f} ms ({ready['min']:.0f} to {ready['max']:.0f}), drawn after {drawn['median']:.0f} ms; "
          f"{modules} modules, {size} bytes")
if arguments.output:
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write(json.dumps(result, indent=2) + "\n")

#!/usr/bin/env python3
"""How long a page of `ds-compile --report` takes from opening to ready, and to drawn, in a headless Chromium; how large it is.

    bench/report/bench_report.py CONFIG.json [--runs 10] [-o RESULT.json]

Two policies: the recipe alone, and with 100 rules and 100 overrides, each for another module. Each run opens the page in a browser that was
just started (cold), and then again from an empty page (warm). Times are the page's own marks since the start of the navigation; a search is
timed from the letter typed to the page laid out. Every run of ds-compile must give the same bytes.
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

RECIPE = ["--precision-recipe", "deepseek_v3"]
SEARCH = """const query = document.getElementById('query'), begin = performance.now();
    query.value = arguments[0];
    query.dispatchEvent(new Event('input'));
    document.body.getBoundingClientRect(); // lays the page out
    return performance.now() - begin"""
MARKS = "return Object.fromEntries(['ready', 'drawn'].map((name) => [name, performance.getEntriesByName(name)[0].startTime]))"


def many(config):
    """100 rules, each for a norm of a block, and 100 overrides, each for a projection of another expert."""
    layers, experts, dense = config["num_hidden_layers"], config["n_routed_experts"], config["first_k_dense_replace"]
    norms, projections = ("attn_norm", "ffn_norm"), ("gate_proj", "up_proj", "down_proj")
    options = []
    for i in range(min(100, 2 * layers)):
        options += ["--module-compute-dtype-rule", rf"blocks\.{i // 2}\.{norms[i % 2]}=fp16"]
    for i in range(100):
        path = f"blocks.{dense + i % (layers - dense)}.ffn.experts.{37 * i % experts}.{projections[i % 3]}"
        options += ["--module-compute-dtype-override", f"{path}=bf16"]
    return options


def write(options, page):
    """Seconds of one process."""
    begin = time.monotonic()
    subprocess.run([arguments.compiler, arguments.config, *options, "--report", page], check=True)
    return time.monotonic() - begin


def visit(browser, page):
    browser.command("/url", {"url": "about:blank"})
    browser.open(page)
    browser.wait("performance.getEntriesByName('drawn').length")
    return {**browser.run(MARKS), "first_search": browser.run(SEARCH, "experts.255 down"), "search": browser.run(SEARCH, "experts.2 gate")}


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return re.search(r"model name\s*: (.*)", file.read())[1]


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def measure(options, folder):
    page, again = os.path.join(folder, "report.html"), os.path.join(folder, "again.html")
    written = [write(options, page), *(write(options, again) for _ in range(arguments.runs - 1))]
    if arguments.runs > 1 and not filecmp.cmp(page, again, shallow=False):
        sys.exit("two runs of ds-compile gave two pages")
    visits = {"cold": [], "warm": []}
    for _ in range(arguments.runs):
        with Browser() as browser:
            visits["cold"].append(visit(browser, page))
            visits["warm"].append(visit(browser, page))
            modules, versions["chromium"] = browser.run("return plan.size"), browser.version
    times = {f"{kind}_{mark}_ms": spread([each[mark] for each in measured]) for kind, measured in visits.items() for mark in measured[0]}
    return {"modules": modules, "page_bytes": os.path.getsize(page), "compile_seconds": spread(written), **times}


versions = {"ds-compile": subprocess.run([arguments.compiler, "--version"], capture_output=True, text=True, check=True).stdout.strip()}
with open(arguments.config, encoding="utf-8") as file:
    policies = {"recipe": RECIPE, "recipe, 100 rules, 100 overrides": RECIPE + many(json.load(file))}
results = []
for policy, options in policies.items():
    with tempfile.TemporaryDirectory() as folder:
        result = measure(options, folder)
    results.append({"policy": policy, **result})
    print(f"{policy}: {result['page_bytes']} bytes, {result['modules']} modules; " + "; ".join(
        f"{kind} ready after {ready['median']:.0f} ms ({ready['min']:.0f} to {ready['max']:.0f}), drawn after {drawn['median']:.0f} ms"
        for kind in ("cold", "warm") for ready, drawn in [(result[f"{kind}_ready_ms"], result[f"{kind}_drawn_ms"])])
        + f"; a search {result['warm_search_ms']['median']:.0f} ms")

if arguments.output:
    record = {"date": datetime.date.today().isoformat(), "device": processor(), "cores": os.cpu_count(), "load": os.getloadavg()[0],
              "versions": versions, "config": os.path.basename(arguments.config), "runs": arguments.runs, "results": results}
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write(json.dumps(record, indent=2) + "\n")

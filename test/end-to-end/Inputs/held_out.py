#!/usr/bin/env python3
"""Compiles and runs a model of test/models and holds the results against its reference.json: held_out.py MODEL FOLDER

MODEL is a folder with config.json and reference.json, FOLDER an empty one to work in. Needs the tools on PATH. The first result that
misses its bar ends the script, with the figure.
"""
import json
import os
import subprocess
import sys

from workplace import FORMATS, Workplace, tool

model, folder = sys.argv[1:]
reference = os.path.join(folder, "reference.safetensors")
place = Workplace(folder, lambda name: os.path.join(folder, name), reference)

with open(os.path.join(model, "reference.json"), encoding="utf-8") as file:
    answers = json.load(file)
convert = os.path.join(os.path.dirname(os.path.abspath(model)), "reference.py")
subprocess.run([sys.executable, convert, os.path.join(model, "reference.json"), reference], check=True)
for dtype in ("bf16", "fp8"):
    tool("ds-checkpoint", "make", os.path.join(model, "config.json"), "-o", place.at(dtype), "--seed", "7", "--dtype", dtype)

place.compile("bf16", "fp32.dsx", "--fp32")
place.check_fp32("fp32.dsx", "bf16")
prompt = ",".join(str(token) for token in answers["input_ids"][0])
place.check_greedy("fp32.dsx", "bf16", ["--tokens", prompt], answers["greedy_ids"])
place.compile("bf16", "bf16.dsx", "--bf16")
place.check_bf16("bf16.dsx", "bf16")
for dtype in ("bf16", "fp8"):
    place.compile(dtype, f"recipe-{dtype}.dsx", "--precision-recipe", "deepseek_v3", "--activation-dtype", "fp32")
    place.check_low_bit(f"recipe-{dtype}.dsx", dtype, "short_logits_fp8")
for name, flags in FORMATS.items():
    place.compile("bf16", f"{name}.dsx", *flags)
    place.check_low_bit(f"{name}.dsx", "bf16", "short_logits_" + name, ids="few_ids")

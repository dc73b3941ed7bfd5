#!/usr/bin/env python3
"""Compiles and runs a model of test/models and holds the results against its reference.json: held_out.py MODEL FOLDER

MODEL is a folder with config.json and reference.json, FOLDER an empty one to work in. Needs the tools on PATH. The first result that
misses its bar ends the script, with the figure.
"""
import json
import os
import subprocess
import sys

model, folder = sys.argv[1:]
CONVERT = os.path.join(os.path.dirname(os.path.abspath(model)), "reference.py")


def at(name):
    return os.path.join(folder, name)


def tool(*words, codes=(0,)):
    """What it prints to stdout, as JSON where there is something."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        sys.exit(f"{' '.join(words)}\nended with {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout) if done.stdout else None


def compare(artifact, checkpoint, tensor, *words, ids="input_ids"):
    """Distances; that they are above ds-run's own tolerance (exit code 1) is judged here."""
    return tool("ds-run", at(artifact), "--weights", at(checkpoint), "--input", at("reference.safetensors"), "--input-tensor", ids,
                "--compare", at("reference.safetensors"), "--compare-tensor", tensor, *words, codes=(0, 1))


def expect(holds, what, got):
    print(f"{what}: {got}")
    if not holds:
        sys.exit(f"error: expects {what}, but got {got}")


with open(os.path.join(model, "reference.json"), encoding="utf-8") as file:
    reference = json.load(file)
subprocess.run([sys.executable, CONVERT, os.path.join(model, "reference.json"), at("reference.safetensors")], check=True)
for dtype in ("bf16", "fp8"):
    tool("ds-checkpoint", "make", os.path.join(model, "config.json"), "-o", at(dtype), "--seed", "7", "--dtype", dtype)
tool("ds-compile", at("bf16"), "-o", at("fp32.dsx"), "--fp32")
tool("ds-compile", at("bf16"), "-o", at("bf16.dsx"), "--bf16")
for dtype in ("bf16", "fp8"):
    tool("ds-compile", at(dtype), "-o", at(f"recipe-{dtype}.dsx"), "--precision-recipe", "deepseek_v3", "--activation-dtype", "fp32")

result = compare("fp32.dsx", "bf16", "logits_fp32")
expect(result["distance"] <= 1e-5, "FP32 within 1e-5 of the reference", result["distance"])
result = compare("fp32.dsx", "bf16", "logits_fp32", "--read-with", "decode")
expect(result["distance"] <= 1e-5, "FP32, each token alone through the cache, within 1e-5", result["distance"])

result = compare("bf16.dsx", "bf16", "logits_bf16")
expect(result["median"] <= 2e-2, "BF16: the median token within 2e-2 of the reference", result["median"])
result = compare("bf16.dsx", "bf16", "logits_fp32")
expect(result["median"] >= 2e-3, "BF16: the median token at least 2e-3 away from FP32", result["median"])

# Rounding to FP8 is discontinuous: now and then the last bit of F32 changes a code, and with it the row.
for dtype in ("bf16", "fp8"):
    rows = compare(f"recipe-{dtype}.dsx", dtype, "short_logits_fp8", ids="short_ids")["rows"]
    close = sum(distance <= 1e-5 for distance in rows)
    expect(close >= 0.75 * len(rows), f"FP8 from the {dtype} checkpoint: three of four rows within 1e-5", f"{close} of {len(rows)}")

prompt = ",".join(str(token) for token in reference["input_ids"][0])
result = tool("ds-run", at("fp32.dsx"), "--weights", at("bf16"), "--tokens", prompt, "--max-new-tokens", "16", "--ignore-eos")
expect(result["sequences"] == [reference["greedy_ids"]], f"greedy tokens {reference['greedy_ids']}", result["sequences"])

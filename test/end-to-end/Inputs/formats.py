#!/usr/bin/env python3
"""What holds of formats whatever the weights: formats.py MODEL FOLDER

MODEL is a folder of test/models, FOLDER an empty one to work in. Needs the tools on PATH. The first expectation that does not hold ends
the script, with the figure.
"""
import json
import os
import struct
import sys

from safetensors import read
from workplace import FORMATS, Workplace, expect, tool

model, folder = sys.argv[1:]
place = Workplace(folder, lambda name: os.path.join(folder, name), os.path.join(folder, "ids.safetensors"))
tool("ds-checkpoint", "make", os.path.join(model, "config.json"), "-o", place.at("weights"), "--seed", "7", "--dtype", "bf16")
here = os.path.dirname(os.path.abspath(__file__))
for rows in (1, 24):
    tool(sys.executable, os.path.join(here, "tokens.py"), place.at(f"ids{rows}.safetensors"), str(rows), "4")


def compiled(name, *flags):
    """The plan."""
    place.compile("weights", name + ".dsx", "--plan-out", place.at(name + ".json"), *flags)
    with open(place.at(name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def ran(name, *options, rows=24, out=None):
    """The bytes of the logits."""
    path = place.at((out or name) + ".safetensors")
    place.run(name + ".dsx", "weights", "--input", place.at(f"ids{rows}.safetensors"), "--logits-out", path, *options)
    return read(path)["logits"].data


def values(data):
    return struct.unpack(f"<{len(data) // 4}f", data)


def distance(a, b):
    return (sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / sum(y * y for y in b)) ** 0.5


def parameter(plan, path):
    return next(entry["parameter"] for entry in plan["operations"] if entry["path"] == path)


compiled("fp32", "--fp32")
exact = values(ran("fp32"))

# FP16: ten bits of a significand, to BF16's seven.
compiled("fp16", "--fp16")
far = distance(values(ran("fp16")), exact)
expect(1e-5 < far < 2e-3, "FP16 between 1e-5 and 2e-3 away from FP32", far)

# Stochastic rounding: a function of the seed, and of nothing else; unbiased, so that the mean of runs is nearer to FP32 than a run is.
seeds = range(8)
runs = []
for seed in seeds:
    compiled(f"seed{seed}", "--fp8", "--fp8-rounding", "stochastic", "--rounding-seed", str(seed), "--activation-dtype", "fp32")
    runs.append(ran(f"seed{seed}", "--threads", "1"))
for threads in ("3", "1"):
    same = ran("seed1", "--threads", threads, out="again") == runs[1]
    expect(same, f"the same bytes again with {threads} threads", same)
expect(len(set(runs)) == len(seeds), "other bytes with each seed", len(set(runs)))
runs = [values(run) for run in runs]
alone = sum(distance(run, exact) for run in runs) / len(runs)
mean = distance([sum(column) / len(runs) for column in zip(*runs)], exact)
expect(alone < 0.5, "one run within 0.5 of FP32", alone)
expect(mean < 0.6 * alone, f"the mean of eight runs nearer than 0.6 of {alone}", mean)

# A scale of the whole tensor depends on the batch, and the plan says so; others do not.
for granularity, depends in (("tensor", True), ("channel", False)):
    plan = compiled(granularity, "--fp8", "--fp8-activation-granularity", granularity, "--fp8-weight-granularity", granularity)
    said = plan["compute"]["depends_on_batch"]
    expect(said == depends, f"the plan to say depends_on_batch {depends} by {granularity}", said)
    one = ran(granularity, rows=1, out="one")
    many = ran(granularity)
    seen = many[: len(one)] != one
    expect(seen == depends, f"a row's logits to depend on the others: {depends} by {granularity}", seen)
    far = distance(values(many), exact)
    expect(far < 0.5, f"{granularity} within 0.5 of FP32", far)

# FP4, NF4: no two formats say the same, each is coarser than FP8, and decode, absorbed, stays near.
compiled("block", "--fp8", "--activation-dtype", "fp32")
block = distance(values(ran("block")), exact)
for name in ("mxfp4", "nvfp4", "store_nf4_channel"):
    compiled(name, *FORMATS[name])
    by_prefill, by_decode = values(ran(name)), values(ran(name, "--read-with", "decode", out="decode"))
    far = distance(by_prefill, exact)
    expect(block < far < 1, f"{name} between FP8's {block} and 1 away from FP32", far)
    apart = distance(by_decode, by_prefill)
    bar = 1e-5 if name.startswith("store") else far  # decode quantises no latents
    expect(apart <= bar, f"{name}: decode within {bar} of prefill", apart)

# One expert in another precision: a group of its own between those of the others.
plan = compiled("expert", *FORMATS["mxfp4"], "--module-compute-dtype-override", "blocks.0.ffn.experts.1.gate_proj=fp32")
groups = [(entry["path"].split(".")[4], entry["compute"]) for entry in plan["operations"]
          if entry["path"].startswith("blocks.0.ffn.experts.") and entry["path"].endswith(".gate_proj")]
expect([compute for _, compute in groups] == ["f4E2M1FN", "f32", "f4E2M1FN"] and groups[1][0] == "1", "three groups of experts", groups)
apart = distance(values(ran("expert")), values(ran("mxfp4")))
expect(0 < apart < 0.5, "one expert in FP32 to change the logits by less than 0.5", apart)

# NF4 storage under FP8 compute quantises what NF4 left of the value.
plan = compiled("nf4-fp8", "--fp8", "--fp4-param", "--activation-dtype", "fp32")
steps = parameter(plan, "blocks.0.attn.out_proj")
payloads = (steps["stored"], *(step["format"]["payload"] for step in steps["steps"]))
expect(payloads == ("bf16", "nf4", "f8E4M3FN"), "NF4 on the way to FP8", payloads)
both = distance(values(ran("nf4-fp8")), exact)
expect(both > block, f"NF4 under FP8 further from FP32 than FP8's {block}", both)

# A head of its own precision, also where it is tied to the embedding: each use is resident in its dtype.
compiled("wide", "--fp16")
plan = compiled("head", "--fp16", "--module-compute-dtype-override", "lm_head=bf16")
held = [parameter(plan, path)["resident"] for path in ("token_embeddings", "lm_head")]
expect(held == ["f16", "bf16"], "embedding and head resident in their dtypes", held)
far = distance(values(ran("head")), values(ran("wide")))
expect(1e-4 < far < 2e-2, "a head in BF16 between 1e-4 and 2e-2 away from one in FP16", far)

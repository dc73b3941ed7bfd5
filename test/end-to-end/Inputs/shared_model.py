#!/usr/bin/env python3
"""Compiles and runs a model of the shared reference models and holds it against its answers: shared_model.py MODELS NAME FOLDER

FOLDER is an empty one to work in. Needs the tools on PATH. The first result that misses its bar ends the script, with the figure.
"""
import os
import struct
import sys

from safetensors import read
from workplace import Workplace

models, name, folder = sys.argv[1:]
# kjv-fp8 holds the weights of kjv as FP8: its answers are kjv's.
reference = os.path.join(models, "kjv" if name == "kjv-fp8" else name, "reference.safetensors")
place = Workplace(folder, lambda model: os.path.join(models, model), reference)
tensors = read(reference)
trained = name.startswith("kjv")


def ids(tensor):
    return list(struct.unpack(f"<{len(tensors[tensor].data) // 4}i", tensors[tensor].data))


recipe = ("--precision-recipe", "deepseek_v3")
place.compile(name, "recipe.dsx", *recipe, "--activation-dtype", "fp32")
place.check_low_bit("recipe.dsx", name, "short_logits_fp8_1x128_128x128")
if trained:
    place.check_score("recipe.dsx", name, "FP8 with FP32 activations", 1.08551, 2e-3)
    place.compile(name, "recipe-bf16.dsx", *recipe)
    place.check_score("recipe-bf16.dsx", name, "FP8", 1.08551, 2e-3)
if name != "kjv-fp8":
    place.compile(name, "fp32.dsx", "--fp32")
    place.check_fp32("fp32.dsx", name)
    if trained:
        place.check_score("fp32.dsx", name, "FP32", 1.08105, 2e-5)
        place.check_greedy("fp32.dsx", name, ["--prompt", "And God said unto Moses, "], ids("greedy_ids"))
    elif "greedy_ids" in tensors:
        # The greedy tokens go on from the first row alone.
        row = ids("input_ids")[: tensors["input_ids"].shape[1]]
        place.check_greedy("fp32.dsx", name, ["--tokens", ",".join(map(str, row))], ids("greedy_ids"))
    if "logits_bf16" in tensors:
        place.compile(name, "bf16.dsx", "--bf16")
        place.check_bf16("bf16.dsx", name)
        if trained:
            place.check_score("bf16.dsx", name, "BF16", 1.08258, 2e-3)

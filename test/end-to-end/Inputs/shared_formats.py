#!/usr/bin/env python3
"""Holds every format against the answers of the shared model kjv: shared_formats.py MODELS FOLDER [FORMAT ...]

FOLDER is an empty one to work in. Needs the tools on PATH. The first result that misses its bar ends the script, with the figure.
"""
import os
import struct
import sys

from safetensors import read
from workplace import FORMATS, Workplace

models, folder, *names = sys.argv[1:]
reference = os.path.join(models, "kjv", "reference.safetensors")
place = Workplace(folder, lambda model: os.path.join(models, model), reference)
tensors = read(reference)
for name in names:
    place.compile("kjv", name + ".dsx", *FORMATS[name])
    place.check_low_bit(name + ".dsx", "kjv", "short_logits_" + name)
    rows = struct.unpack("<32f", tensors["nll_" + name].data)
    place.check_score(name + ".dsx", "kjv", name, sum(rows) / len(rows), 2e-5 if name.startswith("store") else 2e-3)

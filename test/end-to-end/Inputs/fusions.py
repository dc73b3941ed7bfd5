"""Compares logits of a model with all fusions, without each one, and with none, bit by bit: fusions.py FOLDER MODEL [options of ds-compile].

FOLDER has ids.safetensors, the input, and takes what is made here. The names of the fusions are those of the plan.
"""
import json
import pathlib
import subprocess
import sys

folder, model, options = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]


def logits(artifact, *more):
    out = folder / "logits.safetensors"
    subprocess.run(["ds-run", artifact, "--weights", model, "--input", folder / "ids.safetensors", "--logits-out", out, *more],
                   check=True, stdout=subprocess.DEVNULL)
    return out.read_bytes()


def compiled(*more):
    artifact = folder / "model.dsx"
    subprocess.run(["ds-compile", model, *options, *more, "--plan-out", folder / "plan.json", "-o", artifact], check=True,
                   stderr=subprocess.DEVNULL)
    return artifact


fused = compiled()
names = json.loads((folder / "plan.json").read_text())["targets"]["cpu"]["fusions"]
want = [logits(fused), logits(fused, "--read-with", "decode")]
plain = compiled("--no-fuse")
assert json.loads((folder / "plan.json").read_text())["targets"]["cpu"]["fusions"] == []
assert [logits(plain), logits(plain, "--read-with", "decode")] == want, "fused and unfused calls differ"
for name in names:
    one = compiled("--fuse", name)
    assert logits(one) == want[0], f"{name} alone differs"
    rest = compiled("--fuse", ",".join(other for other in names if other != name))
    assert logits(rest) == want[0], f"all but {name} differ"

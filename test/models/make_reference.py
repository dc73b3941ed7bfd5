#!/usr/bin/env python3
"""Writes reference.json beside each config.json of test/models: what an independent implementation answers.

The implementation is Hugging Face transformers' eager path on the CPU. Low precision is emulated by wrapping its linear modules: FORMATS
below, written from the definitions (docs/quantisation.md) and not from our code; scales in F32, products and sums in FP64, each result rounded
to F32. The head and the router stay as they are. The formats other than "fp8" answer for the first rows of short_ids only.

    python3 -m venv VENV && VENV/bin/pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0
    VENV/bin/python test/models/make_reference.py --bin build/bin [FOLDER ...]
    VENV/bin/python test/models/make_reference.py --check CHECKPOINT   # against the checkpoint's own reference.safetensors

Tensors in reference.json are base64 of little-endian F32, with their shape; test/models/reference.py makes safetensors of it.
"""
import argparse
import base64
import json
import os
import subprocess
import tempfile
import types

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
E4M3_MAX = 448.0
FEW_ROWS = 12


def load(folder, dtype):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager", experts_implementation="eager")
    # The router's correction bias is F32 whatever the model computes in.
    stored = load_file(os.path.join(folder, "model.safetensors"))
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            module = model.get_submodule(name.rpartition(".")[0])
            module.e_score_correction_bias = stored[name].float()
    return model.eval()


def tiles_of(x, tile_rows, tile_cols):
    """x [rows, cols] as [tile row, row, tile column, column], zeros behind the edges; an extent of 0 is the whole one."""
    rows, cols = x.shape
    tile_rows, tile_cols = tile_rows or rows, tile_cols or cols
    padded = torch.zeros(-(-rows // tile_rows) * tile_rows, -(-cols // tile_cols) * tile_cols)
    padded[:rows, :cols] = x
    return padded.view(padded.shape[0] // tile_rows, tile_rows, padded.shape[1] // tile_cols, tile_cols)


def matrix_of(tiles, like):
    return tiles.reshape(tiles.shape[0] * tiles.shape[1], -1)[: like.shape[0], : like.shape[1]]


def one_where_zero(scale, amax):
    return torch.where(amax == 0, torch.ones_like(scale), scale)


def e4m3(x):
    return x.clamp(-E4M3_MAX, E4M3_MAX).to(torch.float8_e4m3fn)


def e2m1(x):
    """The nearest of 0, 0.5, 1, 1.5, 2, 3, 4, 6; a tie goes to the code that is even."""
    levels = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0], dtype=torch.float64)
    code = sum((x.abs() > m).long() for m in (0.25, 1.25, 2.5, 5.0)) + sum((x.abs() >= m).long() for m in (0.75, 1.75, 3.5))
    return levels[code] * x.sign()


def fp8(x, tile_rows, tile_cols, powers_of_two=False):
    tiles = tiles_of(x, tile_rows, tile_cols)
    amax = tiles.abs().amax(dim=(1, 3), keepdim=True)
    scale = amax / E4M3_MAX
    if powers_of_two:
        mantissa, exponent = torch.frexp(scale)
        scale = torch.ldexp(torch.ones_like(scale), torch.where(mantissa == 0.5, exponent - 1, exponent))
    scale = one_where_zero(scale, amax)
    return matrix_of(e4m3(tiles / scale).double() * scale.double(), x)


def mxfp4(x):
    tiles = tiles_of(x, 1, 32)
    amax = tiles.abs().amax(dim=3, keepdim=True)
    scale = one_where_zero(torch.ldexp(torch.ones_like(amax), torch.frexp(amax)[1] - 1 - 2), amax)
    return matrix_of(e2m1(tiles / scale) * scale.double(), x)


def nvfp4(x, outer):
    """outer: the dimension of x over which the second scale's amax is taken; None: all of x."""
    amax = x.abs().amax() if outer is None else x.abs().amax(dim=outer).view(-1, 1, 1, 1)
    g = one_where_zero(amax / 2688, amax)
    tiles = tiles_of(x, 1, 16)
    scale = e4m3(tiles.abs().amax(dim=3, keepdim=True) / 6 / g).float() * g
    payload = torch.where(scale == 0, torch.zeros(1, dtype=torch.float64), e2m1(tiles / one_where_zero(scale, scale)))
    return matrix_of(payload * scale.double(), x)


# QLoRA (arXiv 2305.14314), appendix E.
NF4 = torch.tensor([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
                    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
                    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0])


def nf4_channel(x):
    amax = x.abs().amax(dim=1, keepdim=True)
    scale = one_where_zero(amax, amax)
    return (NF4[((x / scale)[..., None] - NF4).abs().argmin(dim=-1)] * scale).double()


# Name: the values of activations and of weights [rows, cols] in the format, in FP64.
FORMATS = {
    "fp8": (lambda x: fp8(x, 1, 128), lambda w: fp8(w, 128, 128)),
    "fp8_ue8m0": (lambda x: fp8(x, 1, 128, True), lambda w: fp8(w, 128, 128, True)),
    "fp8_channel": (lambda x: fp8(x, 1, 0), lambda w: fp8(w, 1, 0)),
    "mxfp4": (mxfp4, mxfp4),
    "nvfp4": (lambda x: nvfp4(x, 1), lambda w: nvfp4(w, None)),
    "store_nf4_channel": (torch.Tensor.double, nf4_channel),
    "store_fp8_channel": (torch.Tensor.double, lambda w: fp8(w, 1, 0).float().double()),
}


def linear(x, weight, name):
    activations, weights = FORMATS[name]
    flat = x.reshape(-1, x.shape[-1]).float()
    return (activations(flat) @ weights(weight.float()).T).float().view(*x.shape[:-1], weight.shape[0])


def experts(self, hidden, top_k_index, top_k_weights, name):
    """Gate and up are two projections, each with tiles of its own, which the module's fused weight would not give."""
    result = torch.zeros_like(hidden)
    for expert in range(self.num_experts):
        token, position = torch.where(top_k_index == expert)
        if len(token) == 0:
            continue
        gate, up = self.gate_up_proj[expert].chunk(2, dim=0)
        inner = self.act_fn(linear(hidden[token], gate, name)) * linear(hidden[token], up, name)
        result.index_add_(0, token, linear(inner, self.down_proj[expert], name) * top_k_weights[token, position, None])
    return result


def in_format(model, name):
    """The model with its linear modules in a format of FORMATS."""
    for path, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and path != "lm_head":
            module.forward = types.MethodType(lambda self, x: linear(x, self.weight, name), module)
        elif type(module).__name__.endswith("Experts"):
            module.forward = types.MethodType(lambda self, *inputs: experts(self, *inputs, name), module)
    return model


@torch.no_grad()
def logits(model, ids):
    return model(input_ids=torch.as_tensor(ids).long(), use_cache=False).logits.float()


@torch.no_grad()
def greedy(model, ids, count):
    ids = list(ids)
    for _ in range(count):
        last = logits(model, [ids])[0, -1]
        best = last.topk(2).values
        assert best[0] - best[1] > 1e-3, "a tie: take another seed"
        ids.append(int(last.argmax()))
    return ids[-count:]


def answers(folder, vocabulary):
    random = torch.Generator().manual_seed(1)
    input_ids = torch.randint(0, vocabulary, (2, 20), generator=random)
    short_ids = torch.randint(0, vocabulary, (32, 2), generator=random)
    exact = load(folder, torch.float32)
    result = {"input_ids": input_ids.tolist(), "logits_fp32": logits(exact, input_ids), "short_ids": short_ids.tolist(),
              "greedy_ids": greedy(exact, input_ids[0].tolist(), 16)}
    result["logits_bf16"] = logits(load(folder, torch.bfloat16), input_ids)
    for name in FORMATS:
        result[f"short_logits_{name}"] = logits(in_format(exact, name), short_ids if name == "fp8" else short_ids[:FEW_ROWS])
    result["few_ids"] = short_ids[:FEW_ROWS].tolist()
    return result


def encoded(value):
    if not isinstance(value, torch.Tensor):
        return value
    return {"shape": list(value.shape), "base64": base64.b64encode(value.contiguous().numpy().astype("<f4").tobytes()).decode()}


def distance(a, b):
    return float((a.double() - b.double()).norm() / b.double().norm())


def check(folder):
    """Whether this script says what the authors of a checkpoint's reference.safetensors say."""
    reference = load_file(os.path.join(folder, "reference.safetensors"))
    exact = load(folder, torch.float32)
    print("fp32 distance", distance(logits(exact, reference["input_ids"]), reference["logits_fp32"]))
    print("greedy equal", greedy(exact, reference.get("prompt_ids", reference["input_ids"][0]).flatten().tolist(), 16)
          == reference["greedy_ids"][:16].tolist())
    print("bf16 distance", distance(logits(load(folder, torch.bfloat16), reference["input_ids"]), reference["logits_bf16"]))
    for name in FORMATS:
        tensor = "short_logits_fp8_1x128_128x128" if name == "fp8" else f"short_logits_{name}"
        if tensor in reference:
            ours, theirs = logits(in_format(exact, name), reference["short_ids"]), reference[tensor]
            rows = [distance(a, b) <= 1e-5 for a, b in zip(ours, theirs)]
            print(f"{name}: rows within 1e-5:", sum(rows), "of", len(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", help="the folder of ds-checkpoint")
    parser.add_argument("--check", metavar="CHECKPOINT")
    parser.add_argument("folders", nargs="*")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.check:
        check(arguments.check)
        return
    for folder in arguments.folders or sorted(e.path for e in os.scandir(HERE) if os.path.exists(os.path.join(e.path, "config.json"))):
        with tempfile.TemporaryDirectory() as checkpoint:
            config = os.path.join(folder, "config.json")
            subprocess.run([os.path.join(arguments.bin, "ds-checkpoint"), "make", config, "-o", checkpoint, "--seed", "7", "--dtype", "bf16"], check=True)
            with open(config, encoding="utf-8") as file:
                result = answers(checkpoint, json.load(file)["vocab_size"])
        print(folder, "bf16 from fp32:", distance(result["logits_bf16"], result["logits_fp32"]), "deviation of logits:", float(result["logits_fp32"].std()))
        with open(os.path.join(folder, "reference.json"), "w", encoding="utf-8") as file:
            json.dump({name: encoded(value) for name, value in result.items()}, file, indent=0)
            file.write("\n")


if __name__ == "__main__":
    main()

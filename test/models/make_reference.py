#!/usr/bin/env python3
"""Writes reference.json beside each config.json of test/models: what an independent implementation answers.

The implementation is Hugging Face transformers' eager path on the CPU. FP8 is emulated by wrapping its linear modules: E4M3 payloads,
activations in tiles of 1x128 along K, weights in blocks of 128x128, scales amax / 448 in F32; products and sums in FP64, each result
rounded to F32. The head and the router stay as they are.

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


def load(folder, dtype):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager", experts_implementation="eager")
    # The router's correction bias is F32 whatever the model computes in.
    stored = load_file(os.path.join(folder, "model.safetensors"))
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            module = model.get_submodule(name.rpartition(".")[0])
            module.e_score_correction_bias = stored[name].float()
    return model.eval()


def quantised(x, tile_rows, tile_cols):
    """The values of x [rows, cols] after E4M3 in tiles, in FP64; a tile that the edge cuts is a tile of its own."""
    rows, cols = x.shape
    padded = torch.zeros(-(-rows // tile_rows) * tile_rows, -(-cols // tile_cols) * tile_cols)
    padded[:rows, :cols] = x
    tiles = padded.view(padded.shape[0] // tile_rows, tile_rows, padded.shape[1] // tile_cols, tile_cols)
    amax = tiles.abs().amax(dim=(1, 3), keepdim=True)
    scale = torch.where(amax == 0, torch.ones_like(amax), amax / E4M3_MAX)
    payload = (tiles / scale).clamp(-E4M3_MAX, E4M3_MAX).to(torch.float8_e4m3fn)
    return (payload.double() * scale.double()).view(padded.shape)[:rows, :cols]


def fp8_linear(x, weight):
    flat = x.reshape(-1, x.shape[-1]).float()
    product = quantised(flat, 1, 128) @ quantised(weight.float(), 128, 128).T
    return product.float().view(*x.shape[:-1], weight.shape[0])


def fp8_experts(self, hidden, top_k_index, top_k_weights):
    """Gate and up are two projections, each with tiles of its own, which the module's fused weight would not give."""
    result = torch.zeros_like(hidden)
    for expert in range(self.num_experts):
        token, position = torch.where(top_k_index == expert)
        if len(token) == 0:
            continue
        gate, up = self.gate_up_proj[expert].chunk(2, dim=0)
        inner = self.act_fn(fp8_linear(hidden[token], gate)) * fp8_linear(hidden[token], up)
        result.index_add_(0, token, fp8_linear(inner, self.down_proj[expert]) * top_k_weights[token, position, None])
    return result


def with_fp8(model):
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            module.forward = types.MethodType(lambda self, x: fp8_linear(x, self.weight), module)
        elif type(module).__name__.endswith("Experts"):
            module.forward = types.MethodType(fp8_experts, module)
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
    result["short_logits_fp8"] = logits(with_fp8(exact), short_ids)
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
    ours, theirs = logits(with_fp8(exact), reference["short_ids"]), reference["short_logits_fp8_1x128_128x128"]
    rows = [distance(a, b) <= 1e-5 for a, b in zip(ours, theirs)]
    print("fp8 rows within 1e-5:", sum(rows), "of", len(rows))


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

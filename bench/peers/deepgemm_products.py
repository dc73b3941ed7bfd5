#!/usr/bin/env python3
"""FP8 products of DeepGEMM (the wheel sgl-deep-gemm) on one CUDA device: dense 1x128 by 128x128, and grouped over V3's experts.

    deepgemm_products.py [-o FILE]

Activation scales are given in DeepGEMM's own layout, made outside the timed part. Times are those of CUDA graph replays, medians; weights of
products with few rows are rotated through more than the L2. Grouped products: `contiguous` (prefill: each expert's rows padded to the M tile)
and `masked` (decode: fixed slots an expert, counts on the device).
"""
import argparse
import json

import deep_gemm
import torch
from deep_gemm.utils.math import per_block_cast_to_fp8, per_token_cast_to_fp8

from torch_products import graph_milliseconds


def activation(*shape):
    x = torch.randn(*shape, device="cuda", dtype=torch.bfloat16)
    payload, scales = per_token_cast_to_fp8(x.view(-1, shape[-1]), use_ue8m0=False)
    return x, payload.view(*shape), scales.view(*shape[:-1], -1)


def weights(n, k):
    w = torch.randn(n, k, device="cuda", dtype=torch.bfloat16) * k ** -0.5
    return w, *per_block_cast_to_fp8(w, use_ue8m0=False)


def check(result, expected, what):
    error = (result.float() - expected).norm() / expected.norm()
    if not error < 0.06:  # FP8 of both operands: about 0.037
        raise SystemExit(f"{what}: the relative error is {error:.3f}")


def dense(m, n, k):
    x, payload, scales = activation(m, k)
    scales = deep_gemm.get_mn_major_tma_aligned_tensor(scales)
    count = max(1, min(8, int(400e6 // (n * k))))
    sides = [weights(n, k) for _ in range(count)]
    y = torch.empty(m, n, device="cuda", dtype=torch.bfloat16)
    deep_gemm.fp8_gemm_nt((payload, scales), (sides[0][1], sides[0][2]), y)
    check(y, x.float() @ sides[0][0].float().T, f"dense {m} {n} {k}")
    return graph_milliseconds([lambda s=s: deep_gemm.fp8_gemm_nt((payload, scales), (s[1], s[2]), y) for s in sides])


def expert_weights(experts, n, k):
    w, scales = zip(*(weights(n, k)[1:] for _ in range(experts)))
    return torch.stack(w), torch.stack(scales)


def contiguous(rows, experts, n, k, w):
    counts = torch.bincount(torch.randint(0, experts, (rows,)), minlength=experts)
    padded = (counts + 127) // 128 * 128
    indices = torch.repeat_interleave(torch.arange(experts), padded).to(torch.int32).cuda()
    _, payload, scales = activation(indices.numel(), k)
    scales = deep_gemm.get_mn_major_tma_aligned_tensor(scales)
    y = torch.empty(indices.numel(), n, device="cuda", dtype=torch.bfloat16)
    return graph_milliseconds([lambda: deep_gemm.m_grouped_fp8_gemm_nt_contiguous((payload, scales), w, y, indices)] * 4)


def masked(rows, experts, n, k, w):
    counts = torch.bincount(torch.randint(0, experts, (rows,)), minlength=experts).to(torch.int32).cuda()
    slots = max(64, (int(counts.max()) + 63) // 64 * 64)
    _, payload, scales = activation(experts, slots, k)
    scales = deep_gemm.get_mn_major_tma_aligned_tensor(scales)
    y = torch.empty(experts, slots, n, device="cuda", dtype=torch.bfloat16)
    expected = max(1, rows // experts)
    return graph_milliseconds([lambda: deep_gemm.m_grouped_fp8_gemm_nt_masked((payload, scales), w, y, counts, expected)] * 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    report = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "deep_gemm": getattr(deep_gemm, "__version__", "?"),
              "dense": [], "grouped": []}
    for n, k in [(7168, 16384), (24576, 1536), (4096, 7168), (7168, 18432), (7168, 2048)]:
        for m in (1, 64, 128, 4096):
            report["dense"].append({"m": m, "n": n, "k": k, "ms": dense(m, n, k)})
            print("dense", report["dense"][-1], flush=True)
    for n, k in ((2048, 7168), (7168, 2048)):
        w = expert_weights(256, n, k)
        for tokens, run in ((128, masked), (4096, contiguous)):
            report["grouped"].append({"tokens": tokens, "layout": run.__name__, "n": n, "k": k, "ms": run(tokens * 8, 256, n, k, w)})
            print("grouped", report["grouped"][-1], flush=True)
    if options.output:
        with open(options.output, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""BF16 products of torch on one CUDA device: dense linear, and grouped_mm over experts, on the shapes of a DeepSeek layer.

    torch_products.py [-o FILE]

Times are those of CUDA graph replays (medians over several replays of 8 calls on different weights, so that small products find them cold).
The grouped product is that of V3's experts: gate and up (n 2048, k 7168) and down (n 7168, k 2048), for tokens x 8 rows dealt out uniformly.
"""
import argparse
import json
import statistics

import torch


def graph_milliseconds(calls, replays=7):
    for call in calls[:2]:
        call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for call in calls:
            call()
    times = []
    for _ in range(replays):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / len(calls))
    return statistics.median(times)


def dense(m, n, k):
    count = max(1, min(8, int(400e6 // (n * k * 2))))
    x = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
    weights = [torch.randn(n, k, device="cuda", dtype=torch.bfloat16) * k ** -0.5 for _ in range(count)]
    return graph_milliseconds([lambda w=w: torch.nn.functional.linear(x, w) for w in weights])


def grouped(rows, experts, n, k):
    x = torch.randn(rows, k, device="cuda", dtype=torch.bfloat16)
    weight = torch.randn(experts, n, k, device="cuda", dtype=torch.bfloat16) * k ** -0.5
    chosen = torch.randint(0, experts, (rows,), device="cuda")
    ends = torch.bincount(chosen, minlength=experts).cumsum(0).to(torch.int32)
    grouped_mm = getattr(torch.nn.functional, "grouped_mm", None) or torch._grouped_mm
    return graph_milliseconds([lambda: grouped_mm(x, weight.transpose(1, 2), offs=ends)] * 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    report = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "dense": [], "grouped": []}
    shapes = [(7168, 16384), (24576, 1536), (4096, 7168), (7168, 18432), (36864, 7168), (7168, 2048), (2112, 7168)]
    for m in (1, 16, 64, 128, 4096):
        for n, k in shapes:
            report["dense"].append({"m": m, "n": n, "k": k, "ms": dense(m, n, k)})
    for tokens in (1, 16, 64, 128, 4096):
        for n, k in ((2048, 7168), (7168, 2048)):
            report["grouped"].append({"tokens": tokens, "rows": tokens * 8, "experts": 256, "n": n, "k": k, "ms": grouped(tokens * 8, 256, n, k)})
    for kind in ("dense", "grouped"):
        for entry in report[kind]:
            print(kind, {key: round(value, 5) for key, value in entry.items()})
    if options.output:
        with open(options.output, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)


if __name__ == "__main__":
    main()

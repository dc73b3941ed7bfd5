#!/usr/bin/env python3
"""Times torch's scaled_dot_product_attention on the extents of bench/cuda/MlaPrefill.cu: heads of 192 query and 128 value columns, BF16, causal,
keys already expanded and joined with the rotated ones. One line of JSON for each case and backend; what a backend refuses is said."""
import json

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.bias import causal_lower_right


def median_us(run, runs=25):
    times = []
    for i in range(runs + 3):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        end.synchronize()
        if i >= 3:
            times.append(begin.elapsed_time(end) * 1000)
    return sorted(times)[runs // 2]


def main():
    for model, heads in (("V2-Lite", 16), ("V3", 128)):
        for name, rows, tokens, start in (("1 x 4096", 1, 4096, 0), ("4 x 1024", 4, 1024, 0), ("512 behind 3584", 1, 512, 3584)):
            def make(length, columns):
                return torch.randn(rows, length, heads, columns, dtype=torch.bfloat16, device="cuda").transpose(1, 2)
            q, k, v = make(tokens, 192), make(start + tokens, 192), make(start + tokens, 128)
            pairs = rows * sum(range(start + 1, start + tokens + 1))
            for backend in (SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION):
                line = {"model": model, "case": name, "heads": heads, "peer": "torch " + torch.__version__ + " " + backend.name}
                causal = {"is_causal": True} if start == 0 else {"attn_mask": causal_lower_right(tokens, start + tokens)}
                try:
                    with torch.no_grad(), sdpa_kernel(backend):
                        line["attention_us"] = round(median_us(
                            lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, **causal)), 1)
                    line["attention_tflops"] = round(2 * pairs * heads * 320 / line["attention_us"] * 1e-6)
                except RuntimeError as error:
                    line["refused"] = str(error).splitlines()[0][:120]
                line["device"] = torch.cuda.get_device_name()
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

"""The time of absorbed latent attention in torch, beside bench/cuda/MlaDecode.cu: a line of JSON each shape and way.

The same shapes, BF16, and layers enough to exceed the L2; each way is captured as a CUDA graph of one call a layer. `matmul`: products and a
softmax in F32; `sdpa`: scaled_dot_product_attention with the heads as queries of one key head. Both with kv_b's parts as BF16 weights.
"""

import argparse
import json
import statistics

import torch

NOPE, ROPE, VALUE, LATENT = 128, 64, 128, 512


def matmul(q, keys, values, cache, length):
    """q [batch, heads, nope + rope]; keys [heads, nope, latent]; values [heads, latent, value]; cache [batch, positions, latent + rope]."""
    absorbed = torch.bmm(q[..., :NOPE].transpose(0, 1), keys).transpose(0, 1)
    query = torch.cat([absorbed, q[..., NOPE:]], -1)
    rows = cache[:, :length]
    scores = torch.matmul(query, rows.transpose(1, 2)).float() * 0.0722
    attended = torch.matmul(scores.softmax(-1).to(q.dtype), rows[..., :LATENT])
    return torch.bmm(attended.transpose(0, 1), values).transpose(0, 1)


def sdpa(q, keys, values, cache, length):
    absorbed = torch.bmm(q[..., :NOPE].transpose(0, 1), keys).transpose(0, 1)
    query = torch.cat([absorbed, q[..., NOPE:]], -1)
    rows = cache[:, None, :length]
    attended = torch.nn.functional.scaled_dot_product_attention(query[:, None], rows, rows[..., :LATENT], scale=0.0722)[:, 0]
    return torch.bmm(attended.transpose(0, 1), values).transpose(0, 1)


def time_of(way, heads, batch, length):
    bytes_of_layer = batch * length * (LATENT + ROPE) * 2 + heads * (NOPE + VALUE) * LATENT * 2
    layers = max(2, min(24, (6 << 30) // bytes_of_layer))
    make = lambda *dims: torch.randn(*dims, device="cuda", dtype=torch.bfloat16)
    q, cache = make(layers, batch, heads, NOPE + ROPE), make(layers, batch, length + 64, LATENT + ROPE)
    keys, values = make(layers, heads, NOPE, LATENT) * 0.03, make(layers, heads, LATENT, VALUE) * 0.03
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(2):
            way(q[0], keys[0], values[0], cache[0], length)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(layers):
            way(q[i], keys[i], values[i], cache[i], length)
    times = []
    for i in range(13):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        end.synchronize()
        if i >= 3:
            times.append(begin.elapsed_time(end) * 1e3 / layers)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", help="HEADS:BATCH:CONTEXT")
    shapes = parser.parse_args().shapes or [f"{h}:{b}:{c}" for h in (16, 128) for b in (1, 16, 64) for c in (1024, 4096)]
    for shape in shapes:
        heads, batch, context = map(int, shape.split(":"))
        for way in (matmul, sdpa):
            row = {"peer": f"torch {torch.__version__} {way.__name__}", "heads": heads, "batch": batch, "context": context}
            try:
                row["us"] = round(time_of(way, heads, batch, context), 2)
            except RuntimeError as error:  # a way that torch refuses for a shape has no time
                row["error"] = str(error).splitlines()[0][:120]
            row["device"] = torch.cuda.get_device_name()
            print(json.dumps(row), flush=True)
            torch.cuda.empty_cache()


main()

"""torch's BF16 grouped product with few rows an expert: the peer of SmallGemm's grouped shapes. Microseconds a launch, of a graph of launches."""
import torch

grouped = getattr(torch.nn.functional, "grouped_mm", None) or torch._grouped_mm


def draw(tokens, top, experts):
    rows = torch.zeros(experts, dtype=torch.int64)
    for _ in range(tokens):
        rows[torch.randperm(experts)[:top]] += 1
    return torch.cumsum(rows, 0).to(torch.int32).cuda(), int((rows > 0).sum())


def measure(tokens, top, experts, n, k, draws=12):
    x = torch.randn(tokens * top, k, device="cuda", dtype=torch.bfloat16)
    weight = torch.empty(experts, n, k, device="cuda", dtype=torch.bfloat16).normal_()
    drawn = [draw(tokens, top, experts) for _ in range(draws)]
    for offsets, _ in drawn:
        grouped(x, weight.transpose(-2, -1), offs=offsets)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for offsets, _ in drawn:
            grouped(x, weight.transpose(-2, -1), offs=offsets)
    times = []
    for _ in range(7):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1000 / draws)
    active = sum(count for _, count in drawn) / draws
    time = sorted(times)[3]
    print(f"torch grouped_mm BF16 tokens {tokens} experts {experts} n {n} k {k} ({active:.1f} read): {time:.2f} us {active * n * k * 2 / time * 1e-3:.0f} GB/s", flush=True)


print(torch.__version__, torch.cuda.get_device_name())
for tokens in (1, 8, 64):
    measure(tokens, 6, 64, 2816, 2048)
    measure(tokens, 6, 64, 2048, 1408)
for tokens in (1, 64, 128):
    measure(tokens, 8, 256, 4096, 7168)
    measure(tokens, 8, 256, 7168, 2048)

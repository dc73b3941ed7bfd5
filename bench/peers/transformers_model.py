#!/usr/bin/env python3
"""Decode and prefill of a DeepSeek config with random weights in Hugging Face transformers, BF16, on one CUDA device.

    transformers_model.py CONFIG [--layers N] [--batches 1,64] [--context 1024] [--prefill 4096] [-o FILE]

The peer of `ds-run bench`: the same config, weights drawn from N(0, 0.02), a cache filled by a prefill of `context` tokens, then single-token
steps. Each combination of the attention and expert implementations that this transformers has is tried, and the best is reported. Times are
medians of host clocks around synchronised calls: a step of transformers is launched kernel by kernel, so that its launches are part of it.
"""
import argparse
import json
import statistics
import sys
import time

import torch
import transformers


def build(config_path, layers, attention, experts):
    config = transformers.AutoConfig.from_pretrained(config_path)
    if layers:
        config.num_hidden_layers = layers
        config.first_k_dense_replace = 1
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.num_nextn_predict_layers = 0
    config._attn_implementation = attention
    config._experts_implementation = experts
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, attn_implementation=attention)
    return model


def fill(model):
    model = model.to_empty(device="cuda")
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.data.fill_(1)
        else:
            parameter.data.normal_(0, 0.02)
    for name, buffer in model.named_buffers():
        if buffer.is_floating_point():
            buffer.data.zero_()
    # The inverse frequencies are not parameters: they were made on `meta`.
    for module in model.modules():
        if hasattr(module, "inv_freq"):
            width = module.inv_freq.shape[0]
            module.inv_freq.data.copy_(1.0 / 10000 ** (torch.arange(width, device="cuda") / width))
            if hasattr(module, "original_inv_freq"):
                module.original_inv_freq = module.inv_freq
    return model.eval()


def timed(call, repeats):
    times = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        call()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


@torch.inference_mode()
def decode_milliseconds(model, batch, context, steps, vocabulary):
    ids = torch.randint(0, vocabulary, (batch, context), device="cuda")
    # Prefill in slices of rows, so that 64 rows fit.
    cache = transformers.DynamicCache(config=model.config)
    chunk = max(1, 4096 // batch)
    for begin in range(0, context, chunk):
        model(input_ids=ids[:, begin:begin + chunk], past_key_values=cache, use_cache=True, logits_to_keep=1)
    token = ids[:, :1]

    def step():
        model(input_ids=token, past_key_values=cache, use_cache=True, logits_to_keep=1)

    for _ in range(3):
        step()
    return timed(step, steps)


@torch.inference_mode()
def prefill_milliseconds(model, tokens, vocabulary):
    ids = torch.randint(0, vocabulary, (1, tokens), device="cuda")

    def run():
        model(input_ids=ids, use_cache=True, logits_to_keep=1)

    run()
    run()
    return timed(run, 5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--batches", default="1,64")
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--prefill", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--experts", default="grouped_mm,batched_mm")
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    results = []
    model = None
    for attention in options.attention.split(","):
        for experts in options.experts.split(","):
            try:
                if model is None:
                    model = fill(build(options.config, options.layers, attention, experts))
                else:
                    model.set_experts_implementation(experts)
                    model.set_attn_implementation(attention)
            except Exception as error:  # a combination that this version does not have
                print(f"{attention}, {experts}: {error}", file=sys.stderr)
                continue
            vocabulary = model.config.vocab_size
            entry = {"attention": attention, "experts": experts}
            cases = [(f"decode_{b}", lambda b=b: decode_milliseconds(model, b, options.context, options.steps, vocabulary))
                     for b in map(int, options.batches.split(","))]
            cases.append(("prefill", lambda: prefill_milliseconds(model, options.prefill, vocabulary)))
            for name, run in cases:
                try:
                    entry[name] = run()
                except Exception as error:
                    entry[name] = None
                    print(f"{attention}, {experts}, {name}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
                torch.cuda.empty_cache()
            print(json.dumps(entry), flush=True)
            results.append(entry)
    names = sorted({name for entry in results for name in entry} - {"attention", "experts"})
    best = {name: min((e[name] for e in results if e.get(name) is not None), default=None) for name in names}
    report = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "transformers": transformers.__version__,
              "config": options.config.split("/")[-1], "layers": options.layers, "context": options.context,
              "prefill_tokens": options.prefill, "milliseconds": best, "all": results}
    print(json.dumps({"device": report["device"], "best": best}))
    if options.output:
        with open(options.output, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)


if __name__ == "__main__":
    main()

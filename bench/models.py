#!/usr/bin/env python3
"""Decode and prefill of whole models on a GPU, ours beside Hugging Face transformers, in one run.

    bench/models.py pack FOLDER [--build build] [--configs ../shared/configs]   compiles the artifacts, where the compiler is
    FOLDER/models.py run FOLDER [-o FILE] [--without-peer]                      measures them, where the device is

The models are DeepSeek-V2-Lite (27 layers; BF16 and FP8) and DeepSeek-V3 of 4 layers (1 dense, 3 with experts; FP8), with random weights in the
plan's formats. Ours is `ds-run bench`; the peer is bench/peers/transformers_model.py in BF16, whose best attention and expert settings count. A run begins
with the conformance suite: figures are kept of kernels that pass it alone. What does not fit a device is left out, and the report says so.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
CONTEXT, PREFILL, LENGTH = 1024, 4096, 4352
MODELS = {"v2-lite": {"config": "deepseek-v2-lite.json", "layers": 0, "precisions": ("bf16", "fp8")},
          "v3-4-layers": {"config": "deepseek-v3.json", "layers": 4, "precisions": ("fp8",)}}
PRECISION = {"bf16": ["--bf16"], "fp8": ["--precision-recipe", "deepseek_v3"]}
CASES = {"decode_1": ["--batch", "1", "--context", str(CONTEXT), "--new-tokens", "65"],
         "decode_64": ["--batch", "64", "--context", str(CONTEXT), "--new-tokens", "33", "--repeat", "1"],
         "prefill": ["--batch", "1", "--context", str(PREFILL), "--new-tokens", "2", "--repeat", "5"]}


def pack(options):
    folder, build = os.path.abspath(options.folder), os.path.abspath(options.build)
    for part in ("bin", "lib", "peers"):
        os.makedirs(os.path.join(folder, part))
    for program in ("bin/ds-run", "bin/CudaConformanceTests", "lib/dsrt_cuda.so"):
        subprocess.run(["strip", "--strip-unneeded", "-o", os.path.join(folder, program), os.path.join(build, program)], check=True)
    shutil.copy(os.path.join(HERE, "models.py"), folder)
    shutil.copy(os.path.join(HERE, "peers", "transformers_model.py"), os.path.join(folder, "peers"))
    for name, model in MODELS.items():
        with open(os.path.join(options.configs, model["config"]), encoding="utf-8") as file:
            config = json.load(file)
        if model["layers"]:
            config["num_hidden_layers"], config["first_k_dense_replace"] = model["layers"], 1
        path = os.path.join(folder, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        for precision in model["precisions"]:
            subprocess.run([os.path.join(build, "bin", "ds-compile"), path, "-o", os.path.join(folder, f"{name}-{precision}.dsx"), "--target=cuda-sm90",
                            "--max-tokens", str(PREFILL), "--max-sequences", "64", "--max-length", str(LENGTH), *PRECISION[precision]],
                           check=True, stderr=subprocess.DEVNULL)


def bench(folder, artifact, words):
    done = subprocess.run([os.path.join(folder, "bin", "ds-run"), "bench", os.path.join(folder, artifact), *words], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        return None, done.stderr.strip()
    return json.loads(done.stdout), None


def compare(folder, name, entry):
    """Runs the peer on a model, and says how many times faster ours is."""
    path = os.path.join(folder, name + "-peer.json")
    done = subprocess.run([sys.executable, os.path.join(folder, "peers", "transformers_model.py"), os.path.join(folder, name + ".json"), "--context",
                           str(CONTEXT), "--prefill", str(PREFILL), "-o", path], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        entry["transformers"] = {"error": done.stderr.strip().splitlines()[-1]}
    else:
        with open(path, encoding="utf-8") as file:
            entry["transformers"] = json.load(file)
        for precision, figures in entry["ours"].items():
            for case, part in figures.items():
                peer = entry["transformers"]["milliseconds"].get(case)
                if "ms" in part and peer:
                    part["times_faster"] = peer / part["ms"]
                    print(name, precision, case, f"transformers {peer:.2f} ms, {part['times_faster']:.2f}x", flush=True)


def run(options):
    folder = os.path.abspath(options.folder)
    done = subprocess.run([os.path.join(folder, "bin", "CudaConformanceTests"), os.path.join(folder, "lib", "dsrt_cuda.so"), "--gtest_brief=1"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit("error: the conformance suite fails, so there is nothing to measure:\n" + done.stdout[-4000:] + done.stderr[-1000:])
    report = {"conformance": done.stdout.strip().splitlines()[-1].strip(), "context": CONTEXT, "prefill_tokens": PREFILL, "models": {}}
    for name, model in MODELS.items():
        entry = report["models"][name] = {"ours": {}}
        for precision in model["precisions"]:
            figures = entry["ours"][precision] = {}
            for case, words in CASES.items():
                result, error = bench(folder, f"{name}-{precision}.dsx", words)
                if result is None:
                    figures[case] = {"error": error}
                    continue
                report["device"] = result["device"]
                part = {"memory": result["memory"]}
                if case == "prefill":
                    part["ms"] = result["prefill"]["call_ms"]["p50"]
                else:
                    part["ms"], part["percentiles"] = result["decode"]["step_ms"]["p50"], result["decode"]["step_ms"]
                    part["per_step"] = result["decode"]["per_step"]
                figures[case] = part
                print(name, precision, case, f"{part['ms']:.3f} ms", flush=True)
        if not options.without_peer:
            compare(folder, name, entry)
        if options.output:  # after each model: a run that is cut off leaves what it has
            with open(options.output, "w", encoding="utf-8") as file:
                json.dump(report, file, indent=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("folder")
    packing.add_argument("--build", default=os.path.join(ROOT, "build"))
    packing.add_argument("--configs", default=os.path.join(ROOT, "..", "shared", "configs"))
    packing.set_defaults(action=pack)
    running = commands.add_parser("run")
    running.add_argument("folder")
    running.add_argument("-o", "--output")
    running.add_argument("--without-peer", action="store_true")
    running.set_defaults(action=run)
    options = parser.parse_args()
    options.action(options)


if __name__ == "__main__":
    main()

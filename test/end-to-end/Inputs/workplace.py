#!/usr/bin/env python3
"""What the end-to-end scripts share: a folder to work in, the tools, and expectations that end the script where they do not hold."""
import json
import os
import subprocess
import sys

# The formats of design/PRECISION.md beside the DeepSeek block kind, under the names of the reference models' answers: what chooses them.
# As in those answers everything else is FP32, and head and router stay out.
_COMPUTE = ("--activation-dtype", "fp32", "--compute-lowbit-exclude", "^lm_head$", "--compute-lowbit-exclude", "router$")
_STORE = ("--fp32", "--persistent-lowbit-exclude", "^lm_head$", "--persistent-lowbit-exclude", "router$")
FORMATS = {
    "fp8_ue8m0": ("--fp8", "--fp8-scale-format", "ue8m0", *_COMPUTE),
    "fp8_channel": ("--fp8", "--fp8-activation-granularity", "channel", "--fp8-weight-granularity", "channel", *_COMPUTE),
    "mxfp4": ("--fp4", "--fp4-format", "mxfp4", *_COMPUTE),
    "nvfp4": ("--fp4", *_COMPUTE),
    "store_nf4_channel": ("--fp4-param", *_STORE),
    "store_fp8_channel": ("--fp8-param", *_STORE),
}


class Workplace:
    def __init__(self, folder, weights, reference):
        """weights(name) is the path of a checkpoint, reference the safetensors file with the answers."""
        self.folder, self.weights, self.reference = folder, weights, reference

    def at(self, name):
        return os.path.join(self.folder, name)

    def compile(self, checkpoint, artifact, *options):
        tool("ds-compile", self.weights(checkpoint), "-o", self.at(artifact), *options)

    def run(self, artifact, checkpoint, *options, codes=(0,)):
        return tool("ds-run", self.at(artifact), "--weights", self.weights(checkpoint), *options, codes=codes)

    def compare(self, artifact, checkpoint, tensor, *options, ids="input_ids"):
        """Distances; that they are above ds-run's own tolerance (exit code 1) is judged by who asks."""
        return self.run(artifact, checkpoint, "--input", self.reference, "--input-tensor", ids, "--compare", self.reference,
                        "--compare-tensor", tensor, *options, codes=(0, 1))

    # The checks of every model, with the bars of the project's first issue.

    def check_fp32(self, artifact, checkpoint):
        for phase in ("prefill", "decode"):
            distance = self.compare(artifact, checkpoint, "logits_fp32", "--read-with", phase)["distance"]
            expect(distance <= 1e-5, f"FP32 by {phase} within 1e-5 of the reference", distance)

    def check_bf16(self, artifact, checkpoint):
        median = self.compare(artifact, checkpoint, "logits_bf16")["median"]
        expect(median <= 2e-2, "BF16: the median token within 2e-2 of the reference", median)
        median = self.compare(artifact, checkpoint, "logits_fp32")["median"]
        expect(median >= 2e-3, "BF16: the median token at least 2e-3 away from FP32", median)

    def check_low_bit(self, artifact, checkpoint, tensor, ids="short_ids"):
        """Rounding is discontinuous: now and then the last bit of F32 changes a code, and with it the row."""
        rows = self.compare(artifact, checkpoint, tensor, ids=ids)["rows"]
        close = sum(distance <= 1e-5 for distance in rows)
        expect(close >= 0.75 * len(rows), f"{checkpoint}: three of four rows within 1e-5 of {tensor}", f"{close} of {len(rows)}")

    def check_score(self, artifact, checkpoint, precision, wanted, tolerance):
        mean = self.run(artifact, checkpoint, "--score", self.reference, "--score-tensor", "eval_ids")["mean"]
        expect(abs(mean - wanted) <= tolerance, f"{precision}: a cross entropy within {tolerance} of {wanted}", mean)

    def check_greedy(self, artifact, checkpoint, prompt, tokens):
        result = self.run(artifact, checkpoint, *prompt, "--max-new-tokens", str(len(tokens)), "--ignore-eos")
        expect(result["sequences"][0] == tokens, f"greedy tokens {tokens}", result["sequences"][0])


def tool(*words, codes=(0,)):
    """What it prints to stdout, as JSON where there is something."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        sys.exit(f"{' '.join(words)}\nended with {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout) if done.stdout else None


def expect(holds, what, got):
    print(f"{what}: {got}")
    if not holds:
        sys.exit(f"error: expects {what}, but got {got}")

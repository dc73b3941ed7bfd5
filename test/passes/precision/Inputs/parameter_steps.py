#!/usr/bin/env python3
"""Legalises a parameter for every way from what is stored over layer 1 to what is computed with, and compares with the table below:
parameter_steps.py. Needs ds-opt on PATH.

A cell says what the value is rounded to on its way, then what is resident: `nf4>block`; without a `>` there is no step between. The table
follows "A parameter goes through up to three formats" of design/PRECISION.md, by hand.
"""
import re
import subprocess
import sys

FORMATS = {
    "block": "<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>",
    "ue8m0": "<payload = f8E4M3FN, tile = 128x128, scale = ue8m0, rule = power_of_two, rounding = nearest>",
    "channel": "<payload = f8E4M3FN, tile = 1xall, scale = f32, rule = amax, rounding = nearest>",
    "tensor": "<payload = f8E4M3FN, tile = allxall, scale = f32, rule = amax, rounding = nearest>",
    "nf4": "<payload = nf4, tile = 1xall, scale = f32, rule = amax, rounding = nearest>",
    "mxfp4": "<payload = f4E2M1FN, tile = 1x32, scale = ue8m0, rule = mx, rounding = nearest>",
    "nvfp4": "<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = tensor>",
}
COMPUTE = "f32 bf16 f16 block ue8m0 channel tensor mxfp4 nvfp4".split()
# stored, layer 1: one cell for each of COMPUTE.
TABLE = """
bf16  f32     | f32         bf16         f16         block         ue8m0         channel         tensor         mxfp4         nvfp4
bf16  bf16    | f32         bf16         f16         block         ue8m0         channel         tensor         mxfp4         nvfp4
bf16  f16     | f16>f32     f16>bf16     f16         f16>block     f16>ue8m0     f16>channel     f16>tensor     f16>mxfp4     f16>nvfp4
bf16  channel | channel>f32 channel>bf16 channel>f16 channel>block channel>ue8m0 channel         channel>tensor channel>mxfp4 channel>nvfp4
bf16  tensor  | tensor>f32  tensor>bf16  tensor>f16  tensor>block  tensor>ue8m0  tensor>channel  tensor         tensor>mxfp4  tensor>nvfp4
bf16  nf4     | nf4>f32     nf4>bf16     nf4>f16     nf4>block     nf4>ue8m0     nf4>channel     nf4>tensor     nf4>mxfp4     nf4>nvfp4
f32   f32     | f32         bf16         f16         block         ue8m0         channel         tensor         mxfp4         nvfp4
f32   bf16    | bf16>f32    bf16         bf16>f16    bf16>block    bf16>ue8m0    bf16>channel    bf16>tensor    bf16>mxfp4    bf16>nvfp4
f32   nf4     | nf4>f32     nf4>bf16     nf4>f16     nf4>block     nf4>ue8m0     nf4>channel     nf4>tensor     nf4>mxfp4     nf4>nvfp4
f16   bf16    | bf16>f32    bf16         bf16>f16    bf16>block    bf16>ue8m0    bf16>channel    bf16>tensor    bf16>mxfp4    bf16>nvfp4
block f32     | f32         bf16         f16         block         ue8m0         channel         tensor         mxfp4         nvfp4
block bf16    | bf16>f32    bf16         bf16>f16    block         ue8m0         channel         tensor         mxfp4         nvfp4
block f16     | f16>f32     f16>bf16     f16         block         ue8m0         channel         tensor         mxfp4         nvfp4
block channel | channel>f32 channel>bf16 channel>f16 channel>block channel>ue8m0 channel         channel>tensor channel>mxfp4 channel>nvfp4
block tensor  | tensor>f32  tensor>bf16  tensor>f16  tensor>block  tensor>ue8m0  tensor>channel  tensor         tensor>mxfp4  tensor>nvfp4
block nf4     | nf4>f32     nf4>bf16     nf4>f16     nf4>block     nf4>ue8m0     nf4>channel     nf4>tensor     nf4>mxfp4     nf4>nvfp4
ue8m0 f32     | f32         bf16         f16         ue8m0         ue8m0         channel         tensor         mxfp4         nvfp4
ue8m0 bf16    | bf16>f32    bf16         bf16>f16    ue8m0         ue8m0         channel         tensor         mxfp4         nvfp4
ue8m0 channel | channel>f32 channel>bf16 channel>f16 channel>block channel>ue8m0 channel         channel>tensor channel>mxfp4 channel>nvfp4
ue8m0 nf4     | nf4>f32     nf4>bf16     nf4>f16     nf4>block     nf4>ue8m0     nf4>channel     nf4>tensor     nf4>mxfp4     nf4>nvfp4
channel channel | f32       bf16         f16         block         ue8m0         channel         tensor         mxfp4         nvfp4
"""

cases = []
for row in TABLE.strip().splitlines():
    left, cells = row.split("|")
    cases += [(*left.split(), compute, cell) for compute, cell in zip(COMPUTE, cells.split(), strict=True)]

lines = [f"#{name} = #ds.quant{text}" for name, text in FORMATS.items()]
lines += ['#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>',
          '#act4 = #ds.quant<payload = f4E2M1FN, tile = 1x32, scale = ue8m0, rule = mx, rounding = nearest>',
          'ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, '
          'rope_head_dim = 32, max_positions = 64>) {']
operations = []
for i, (stored, storage, compute, _) in enumerate(cases):
    element = "f8E4M3FN" if stored in FORMATS else stored
    scales = f'scales "s" stored(#{stored})' if stored in FORMATS else ""
    lines.append(f'  ds.param @p{i} : tensor<64x256x{element}> from "p{i}" {scales}')
    by = f'by = "test", storage = {"#" if storage in FORMATS else ""}{storage}'
    act = "act4" if compute.endswith("fp4") else "act"
    precision = (f'compute = {"f4E2M1FN" if act == "act4" else "f8E4M3FN"}, lhs = #{act}, rhs = #{compute}, {by}' if compute in FORMATS
                 else f"compute = {compute}, {by}")
    operations.append(f'    %{i} = ds.linear %x, @p{i} module("m{i}") precision(<{precision}>) : (tensor<?x256xbf16>) -> tensor<?x64xbf16>')
lines.append("  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>)"
             " -> tensor<?x512xf32> {")
lines.append("    %x, %r = builtin.unrealized_conversion_cast to tensor<?x256xbf16>, tensor<?x512xf32>")
lines += operations + ["    ds.return %r : tensor<?x512xf32>", "  }", "}"]

done = subprocess.run(["ds-opt", "--ds-legalize-precision", "--ds-verify-precision=legal=true"], input="\n".join(lines), capture_output=True,
                      text=True, check=False)
if done.returncode:
    sys.exit(done.stderr)
aliases = {alias: name for alias, text in re.findall(r"^#(\w+) = #ds.quant(<.*>)$", done.stdout, re.M)
           for name, known in FORMATS.items() if known == text}


def named(format):
    return aliases[format[1:]] if format.startswith("#") else format


wrong = 0
for i, (stored, storage, compute, expected) in enumerate(cases):
    line = re.search(rf"ds\.param @p{i} .*", done.stdout)[0]
    via, resident = re.search(r" via\(([^)]*)\)", line), re.search(r" resident\(([^)]*)\)", line)
    got = (named(via[1]) + ">" if via else "") + named(resident[1])
    if got != expected:
        wrong += 1
        print(f"stored {stored}, layer 1 {storage}, compute {compute}: expects {expected}, but got {got}")
print(f"{len(cases) - wrong} of {len(cases)} ways are as in the table")
sys.exit(wrong > 0)

#!/usr/bin/env python3
"""Writes texts, one a row, as a safetensors file for ds-run: `input_ids` padded with zeros, and `lengths`.

Usage: rows.py OUT I32|I64 LENGTH,LENGTH,... TEXT...    the lengths are those to write: right or wrong; '-' for those of the texts
"""
import json
import struct
import sys

out, dtype, lengths, *texts = sys.argv[1:]
rows = [text.encode() for text in texts]
width = max(map(len, rows))
ids = b"".join(struct.pack(f"<{width}{'i' if dtype == 'I32' else 'q'}", *row.ljust(width, b"\0")) for row in rows)
values = list(map(len, rows)) if lengths == "-" else [int(length) for length in lengths.split(",")]
header = {
    "input_ids": {"dtype": dtype, "shape": [len(rows), width], "data_offsets": [0, len(ids)]},
    "lengths": {"dtype": "I32", "shape": [len(values)], "data_offsets": [len(ids), len(ids) + 4 * len(values)]},
}
text = json.dumps(header).encode()
with open(out, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + ids + struct.pack(f"<{len(values)}i", *values))

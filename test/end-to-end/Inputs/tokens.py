#!/usr/bin/env python3
"""Writes rows of tokens below 256 as tensor input_ids: tokens.py OUT.safetensors ROWS LENGTH"""
import json
import struct
import sys

rows, length = int(sys.argv[2]), int(sys.argv[3])
ids = [(17 * i * i + 5 * i + 97) % 256 for i in range(rows * length)]
header = json.dumps({"input_ids": {"dtype": "I32", "shape": [rows, length], "data_offsets": [0, 4 * len(ids)]}}).encode()
header += b" " * (-len(header) % 8)
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(ids)}i", *ids))

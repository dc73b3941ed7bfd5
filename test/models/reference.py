#!/usr/bin/env python3
"""Writes the tensors of a reference.json (see make_reference.py) as safetensors: reference.py IN.json OUT.safetensors

Token ids become I32 tensors, logits F32. Needs nothing beyond Python.
"""
import base64
import json
import struct
import sys


def tensor(value):
    """Type, shape and bytes of one entry."""
    if isinstance(value, dict):
        return "F32", value["shape"], base64.b64decode(value["base64"])
    shape = [len(value)] + ([len(value[0])] if isinstance(value[0], list) else [])
    flat = [token for row in value for token in row] if len(shape) == 2 else value
    return "I32", shape, struct.pack(f"<{len(flat)}i", *flat)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        entries = {name: tensor(value) for name, value in json.load(file).items()}
    header, at = {}, 0
    for name, (dtype, shape, data) in entries.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(sys.argv[2], "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in entries.values():
            file.write(data)


if __name__ == "__main__":
    main()

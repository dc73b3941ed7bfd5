"""Reads a safetensors file: name to Tensor(type, shape, bytes). Needs nothing beyond Python."""
import collections
import json
import struct

Tensor = collections.namedtuple("Tensor", "type shape data")


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack("<Q", content[:8])
    tensors = {}
    for name, entry in json.loads(content[8 : 8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = Tensor(entry["dtype"], entry["shape"], content[begin:end])
    return tensors

#!/usr/bin/env python3
"""Makes bad inputs of good ones: a copy with one thing wrong.

Usage: corrupt.py weights FOLDER OUT KIND    a checkpoint's folder with one file; KINDs are the functions below
       corrupt.py artifact FILE OUT KIND
       corrupt.py config FILE OUT FIELD VALUE    VALUE as JSON; 'absent' takes the field away
"""
import json
import os
import shutil
import struct
import sys

LINEAR = "model.layers.0.self_attn.o_proj.weight"


class Weights:
    """The parts of a safetensors file, to be put together wrongly."""

    def __init__(self, content):
        self.length = struct.unpack("<Q", content[:8])[0]
        self.header = json.loads(content[8 : 8 + self.length])
        self.data = content[8 + self.length :]

    def bytes(self, header=None, length=None):
        text = header if header is not None else json.dumps(self.header).encode()
        return struct.pack("<Q", len(text) if length is None else length) + text + self.data

    def without(self, name):
        """The tensors behind it move up."""
        begin, end = self.header.pop(name)["data_offsets"]
        self.data = self.data[:begin] + self.data[end:]
        for tensor in self.header.values():
            if tensor["data_offsets"][0] >= end:
                tensor["data_offsets"] = [offset - (end - begin) for offset in tensor["data_offsets"]]

    # What can be wrong.
    def truncated(self):
        return self.bytes()[:-1]

    def longer(self):
        return self.bytes() + b"\0"

    def seven_bytes(self):
        return self.bytes()[:7]

    def empty(self):
        return b""

    def header_beyond_the_file(self):
        return self.bytes(length=len(self.bytes()))

    def header_of_all_bits(self):
        return self.bytes(length=2**64 - 1)

    def header_cut(self):
        return self.bytes(length=self.length // 2)

    def overlap(self):
        tensor = self.header[LINEAR]
        tensor["data_offsets"] = [offset - 2 for offset in tensor["data_offsets"]]
        return self.bytes()

    def gap(self):
        del self.header[LINEAR]
        return self.bytes()

    def backwards(self):
        self.header[LINEAR]["data_offsets"].reverse()
        return self.bytes()

    def negative_offset(self):
        self.header[LINEAR]["data_offsets"][0] = -1
        return self.bytes()

    def huge_shape(self):
        self.header[LINEAR]["shape"] = [2**33, 2**33]
        return self.bytes()

    def negative_shape(self):
        self.header[LINEAR]["shape"] = [-n for n in self.header[LINEAR]["shape"]]
        return self.bytes()

    def wrong_shape(self):
        rows, cols = self.header[LINEAR]["shape"]
        self.header[LINEAR]["shape"] = [rows * 2, cols // 2]
        return self.bytes()

    def unknown_dtype(self):
        self.header[LINEAR]["dtype"] = "F7_E3M3"
        return self.bytes()

    def missing_tensor(self):
        self.without(LINEAR)
        return self.bytes()

    def missing_scale(self):
        self.without(LINEAR + "_scale_inv")
        return self.bytes()

    def duplicate(self):
        entry = f"{json.dumps(LINEAR)}: {json.dumps(self.header[LINEAR])}, "
        return self.bytes(header=b"{" + entry.encode() + json.dumps(self.header).encode()[1:])

    def deep(self):
        return self.bytes(header=b'{"a": ' + b"[" * 100000)

    def not_utf8(self):
        return self.bytes(header=json.dumps(self.header).encode().replace(b"o_proj", b"o_pr\xffj"))

    def list(self):
        return self.bytes(header=b"[]")


class Artifact:
    def __init__(self, content):
        self.content = content

    def other_abi(self):
        at = self.content.index(b'"abi":"') + len(b'"abi":"')
        return self.content[:at] + b"0123456789abcdef" + self.content[at + 16 :]

    def manifest_cut(self):
        """The manifest's JSON ends in its middle."""
        at = self.content.index(b'"parameters":')
        return self.content[:at] + b"\0" + self.content[at + 1 :]

    def half(self):
        return self.content[: len(self.content) // 2]

    def last_byte(self):
        return self.content[:-1]

    def elf_header(self):
        return self.content[:64]

    def empty(self):
        return b""

    def text(self):
        return b"not an artifact\n" * 100


def main():
    what, source, out, *how = sys.argv[1:]
    if what == "config":
        field, value = how
        with open(source, encoding="utf-8") as file:
            config = json.load(file)
        if value == "absent":
            del config[field]
        else:
            config[field] = json.loads(value)
        with open(out, "w", encoding="utf-8") as file:
            json.dump(config, file)
        return
    if what == "weights":
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(source, out)
        source, out = (os.path.join(folder, "model.safetensors") for folder in (source, out))
    with open(source, "rb") as file:
        parts = {"weights": Weights, "artifact": Artifact}[what](file.read())
    content = getattr(parts, how[0])()
    with open(out, "wb") as file:
        file.write(content)


main()

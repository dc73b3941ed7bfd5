#!/usr/bin/env python3
"""Prints the modules whose operation differs between two plans, experts one by one: plan_changes.py A.json B.json"""
import json
import re
import sys

COMPARED = ("compute", "accumulate", "reason", "activation", "weight")


def modules(path):
    with open(path, encoding="utf-8") as file:
        operations = json.load(file)["operations"]
    found = {}
    for operation in operations:
        span = re.search(r"\[(\d+)-(\d+)\]", operation["path"])
        for index in range(int(span[1]), int(span[2]) + 1) if span else [None]:
            name = operation["path"] if index is None else operation["path"].replace(span[0], str(index))
            found[name] = {key: operation.get(key) for key in COMPARED}
    return found


before, after = modules(sys.argv[1]), modules(sys.argv[2])
for name in sorted(before.keys() | after.keys()):
    if before.get(name) != after.get(name):
        print(f"changed {name}: {before[name]['compute']} -> {after[name]['compute']}")

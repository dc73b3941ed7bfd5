#!/usr/bin/env python3
"""Checks what `ds-compile sensitivity --output json` says.

Usage: check.py RESULT              the groups' order and bytes; prints how many there are
       check.py RESULT --budgets    prints a distance and bytes that some of the groups keep
       check.py RESULT NAME=COMPARED    the distance of a group (or 'proposal') is that of `ds-run --compare`, and a proposal is in its budget
"""
import json
import sys


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


result, *rest = sys.argv[1:]
result = load(result)
groups, everything, nothing = result["groups"], result["everything"], result["nothing"]
distances = [group["distance"] for group in groups]
assert distances == sorted(distances, reverse=True) and all(distance > 0 for distance in distances), distances
assert nothing["distance"] == 0 and nothing["divergence"] == 0, nothing
assert everything["modules"] == sum(group["modules"] for group in groups), everything
assert all(group["bytes_after"] < group["bytes_before"] for group in groups), groups
# Groups that share no parameter save together what they save alone.
saved = sum(group["bytes_before"] - group["bytes_after"] for group in groups)
assert everything["bytes_before"] - everything["bytes_after"] == saved, (everything, saved)
assert everything["distance"] > max(distances) / 2, (everything, distances)

if not rest:
    print(len(groups), "groups")
elif rest == ["--budgets"]:
    print((distances[1] + everything["distance"]) / 2, nothing["bytes"] - saved // 3)
else:
    name, path = rest[0].split("=")
    measured = next(group for group in groups + [{"group": "proposal", **result.get("proposal", {})}] if group["group"] == name)
    compared = load(path)
    assert measured["distance"] == compared["distance"], (measured, compared["distance"])
    if name == "proposal":
        budget = measured["budget"]
        assert measured["distance"] <= budget.get("distance", measured["distance"]), measured
        assert measured["bytes"] <= budget.get("bytes", measured["bytes"]), measured
        assert 0 < len(measured["groups"]) < len(groups), measured
        assert sorted(measured["groups"] + measured["left_out"]) == sorted(group["group"] for group in groups), measured

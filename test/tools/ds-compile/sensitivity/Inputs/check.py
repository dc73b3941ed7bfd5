#!/usr/bin/env python3
"""Checks what `ds-compile sensitivity --output json` says.

Usage: check.py RESULT --groups                  the groups' order and bytes; prints how many there are
       check.py RESULT --budgets                 prints a distance and bytes that some of the groups keep
       check.py RESULT --compared NAME COMPARED  the distance of a group is that of `ds-run --compare`
       check.py RESULT --proposal COMPARED       so is that of the proposal, which is in its budget
       check.py RESULT --costs NAME              a group takes more bytes in low precision, and is not proposed
"""
import json
import sys


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


path, what, *arguments = sys.argv[1:]
result = load(path)
groups, everything, nothing = result["groups"], result["everything"], result["nothing"]
named = {group["group"]: group for group in groups}
distances = [group["distance"] for group in groups]
assert distances == sorted(distances, reverse=True), distances
assert everything["modules"] == sum(group["modules"] for group in groups), everything
# Groups save together what they save alone.
saved = sum(group["bytes_before"] - group["bytes_after"] for group in groups)
assert everything["bytes_before"] - everything["bytes_after"] == saved, (everything, saved)

if what == "--groups":
    assert all(distance > 0 for distance in distances), distances
    assert all(group["bytes_after"] < group["bytes_before"] for group in groups), groups
    assert everything["distance"] > max(distances) / 2, (everything, distances)
    assert nothing["distance"] == 0 and nothing["divergence"] == 0, nothing
    print(len(groups), "groups")
elif what == "--budgets":
    print((distances[1] + everything["distance"]) / 2, nothing["bytes"] - saved // 3)
elif what == "--compared":
    name, compared = arguments
    assert named[name]["distance"] == load(compared)["distance"], (named[name], load(compared)["distance"])
elif what == "--proposal":
    proposal, compared = result["proposal"], load(arguments[0])
    budget = proposal["budget"]
    assert proposal["distance"] == compared["distance"], (proposal, compared["distance"])
    assert proposal["distance"] <= budget.get("distance", proposal["distance"]), proposal
    assert proposal["bytes"] <= budget.get("bytes", proposal["bytes"]), proposal
    assert 0 < len(proposal["groups"]) < len(groups), proposal
    assert sorted(proposal["groups"] + proposal["left_out"]) == sorted(named), proposal
elif what == "--costs":
    group = named[arguments[0]]
    assert group["bytes_after"] > group["bytes_before"], group
    assert result["proposal"]["left_out"] == [group["group"]], result["proposal"]
else:
    sys.exit(f"unknown check {what}")

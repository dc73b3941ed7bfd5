"""Compares what a plan says of parameters with the legalised IR it was read beside: plan_graph.py PLAN IR"""
import json
import re
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    plan = json.load(file)
with open(sys.argv[2], encoding="utf-8") as file:
    ir = file.read()
aliases = dict(re.findall(r"^(#\w+) = #ds\.quant<(.*)>$", ir, re.MULTILINE))


def from_ir(text):
    """A dtype as it is; a format as payload, tile, scale and rule."""
    body = aliases.get(text)
    if body is None:
        return text
    fields = dict(part.split(" = ") for part in body.split(", "))
    return tuple(fields[key] for key in ("payload", "tile", "scale", "rule"))


def from_plan(form):
    if isinstance(form, str):
        return form
    tile = "x".join("all" if extent == 0 else str(extent) for extent in form["tile"])
    return form["payload"], tile, form["scale"], form["rule"]


checked = 0
for operation in plan["operations"]:
    parameter = operation["parameter"]
    line = re.search(r"ds\.param @" + re.escape(parameter["name"]) + r" .*|ds\.param @\"" + re.escape(parameter["name"]) + r"\" .*", ir)
    assert line, parameter["name"]
    resident = re.search(r"resident\(([^)]*)\)", line[0])
    via = re.search(r"via\(([^)]*)\)", line[0])
    steps = parameter["steps"]
    assert from_ir(resident[1]) == from_plan(parameter["resident"]), line[0]
    assert bool(via) == (len(steps) == 2), line[0]
    assert not via or from_ir(via[1]) == from_plan(steps[0]["format"]), line[0]
    assert f"tensor<{'x'.join(map(str, parameter['shape']))}x" in line[0], line[0]
    checked += 1
print(checked, "parameters agree")

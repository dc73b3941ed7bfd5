"""Prints the operations of a plan; of two plans, the modules in whose precision they differ, experts one by one."""
import json
import re
import sys


def modules(operation):
    experts = re.search(r"\[(\d+)-(\d+)\]", operation["path"])
    if not experts:
        return [operation["path"]]
    return [operation["path"].replace(experts[0], str(expert)) for expert in range(int(experts[1]), int(experts[2]) + 1)]


def decisions(plan):
    keys = ("kind", "compute", "reason", "activation", "weight")
    return {module: {**{key: operation[key] for key in keys}, "resident": operation["parameter"]["resident"]}
            for operation in plan["operations"] for module in modules(operation)}


plans = [json.load(open(path, encoding="utf-8")) for path in sys.argv[1:]]
if len(plans) == 1:
    for operation in plans[0]["operations"]:
        decode = ["decode", operation["decode"]["compute"]] if "decode" in operation else []
        print(operation["path"], operation["compute"], operation["reason"], operation["parameter"]["bytes"],
              operation.get("flops_per_token", 0), *decode)
else:
    before, after = map(decisions, plans)
    for module in before.keys() | after.keys():
        old, new = before.get(module), after.get(module)
        if old != new:
            print(f"changed {module}: {old and old['compute']} {old and old['reason']} -> {new and new['compute']} {new and new['reason']}")
    print(len(before.keys() & after.keys()), "modules in both")

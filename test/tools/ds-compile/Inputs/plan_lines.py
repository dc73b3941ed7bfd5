"""Parts of a plan in lines: plan_lines.py PLAN steps | uses | BLOCK (what has no parameters in it)."""
import json
import sys


def text(form):
    return form if isinstance(form, str) else f"{form['payload']} {form['tile'][0]}x{form['tile'][1]}"


with open(sys.argv[1], encoding="utf-8") as file:
    plan = json.load(file)
if sys.argv[2] == "steps":
    for operation in plan["operations"]:
        parameter = operation["parameter"]
        steps = [f"{step['stage']} {text(step['format'])} {step['how']}" for step in parameter["steps"]]
        if "decode" in operation:
            assert operation["decode"]["activation"] is None
            steps.append(f"decode {operation['decode']['compute']}, no activation format, {operation['decode']['weight']}")
        print(f"{operation['path']}: {text(parameter['stored'])}; {'; '.join(steps)}")
elif sys.argv[2] == "uses":
    for operation in plan["operations"]:
        parameter = operation["parameter"]
        print(f"{operation['path']}: {len(parameter['uses'])} uses, shares {parameter['shares'] or 'nothing'}")
else:
    for entry in plan["without_parameters"]:
        if entry["path"].startswith(sys.argv[2] + "."):
            bias = entry.get("parameter")
            print(entry["path"], entry["kind"], entry["compute"], entry["accumulate"], entry["reason"],
                  *([bias["name"], "resident", bias["resident"]] if bias else []))

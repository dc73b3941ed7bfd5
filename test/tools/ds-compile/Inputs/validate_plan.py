"""Holds plans to the schema that is shipped, and to what a schema cannot say: validate_plan.py SCHEMA PLAN..."""
import json
import os
import sys

try:
    import jsonschema
except ImportError:  # Debian's package is for Debian's Python
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

WIDTHS = {"f32": 32, "bf16": 16, "f16": 16, "f8E4M3FN": 8, "f8E5M2": 8, "f4E2M1FN": 4, "nf4": 4}


def payload_bytes(parameter):
    resident = parameter["resident"]
    bits = WIDTHS[resident if isinstance(resident, str) else resident["payload"]]
    *outer, columns = parameter["shape"]
    rows = 1
    for extent in outer:
        rows *= extent
    return rows * ((columns * bits + 7) // 8)


with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        plan = json.load(file)
    for error in sorted(validator.iter_errors(plan), key=str):
        sys.exit(f"error: {path}: {error.json_path}: {error.message}")
    names = {operation["parameter"]["name"] for operation in plan["operations"]}
    for operation in plan["operations"]:
        parameter, where = operation["parameter"], f"{path}: {operation['path']}"
        assert parameter["steps"][-1]["stage"] == "compute", where
        assert parameter["steps"][-1]["format"] == parameter["resident"], where
        assert parameter["bytes"] >= payload_bytes(parameter), where
        assert parameter["bytes"] == payload_bytes(parameter) or isinstance(parameter["resident"], dict), where
        assert operation["path"] in parameter["uses"], where
        assert parameter["shares"] is None or parameter["shares"] in names, where
        assert (operation["activation"] is None) == (operation["weight"] is None) == (operation["promote"] == 0 and operation["compute"] in WIDTHS
                and WIDTHS[operation["compute"]] > 8) or operation["compute"] == "f4E2M1FN", where
    paths = [entry["path"] for entry in plan["operations"] + plan["without_parameters"]]
    assert len(paths) == len(set(paths)), f"{path}: a path stands twice"
    print(f"valid: {len(plan['operations'])} operations, {len(plan['without_parameters'])} without parameters")

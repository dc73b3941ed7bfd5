"""Prints --list-modules=json from stdin in lines, every key that CLI.md promises once."""
import json
import sys

report = json.load(sys.stdin)
assert set(report) == {"mode", "activation_dtype", "params_dtype", "recipe", "modules"}, sorted(report)
print(f"mode {report['mode']}, activations {report['activation_dtype']}, params {report['params_dtype']}")
print("recipe", json.dumps(report["recipe"], sort_keys=True))
print(len(report["modules"]), "modules")
for module in report["modules"]:
    print(*(module[key] for key in ("path", "type", "low_bit_capable", "compute", "persistent", "reason")))

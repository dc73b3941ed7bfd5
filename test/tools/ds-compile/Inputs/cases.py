"""The reference trainer's decisions against ds-compile's, flag set by flag set: cases.py CASES.json MODEL"""
import json
import subprocess
import sys

CASES, MODEL = sys.argv[1:]
with open(CASES, encoding="utf-8") as file:
    cases = json.load(file)["cases"]

failed = 0
for case in cases:
    # The reference's recipe is our nano_train_deepseek_v3.
    words = [word.replace("deepseek_v3", "nano_train_deepseek_v3") for word in case["flags"]]
    for path, dtype in case["overrides"].items():
        words += ["--module-compute-dtype-override", f"{path}={dtype}"]
    done = subprocess.run(["ds-compile", MODEL, *words, "--list-modules=json"], capture_output=True, text=True, check=False)
    expect = case["expect"]
    if "error" in expect:
        right = done.returncode == 1 and "error: [DS" in done.stderr and not done.stdout
    else:
        right = done.returncode == 0
        if right:
            got = json.loads(done.stdout)
            right = all(got[key] == expect[key] for key in ("mode", "activation_dtype", "params_dtype"))
            right &= got["recipe"] == expect.get("recipe")
            right &= {module["path"]: module["compute"] for module in got["modules"]} == expect["compute"]
            right &= {module["path"]: module["persistent"] for module in got["modules"] if module["persistent"]} == expect["persistent"]
    if not right:
        failed += 1
        print(f"{case['id']}: {' '.join(words)} is not what the reference decides: exit code {done.returncode}\n{done.stderr}")
print(f"{len(cases) - failed} of {len(cases)} cases")

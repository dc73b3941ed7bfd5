"""Every precision option of the table, on the command line of ds-compile and of ds-opt, in the precision file, and in the policy of the IR.

options.py MODEL TABLE-PROGRAM FOLDER CHECK, where CHECK is one of
  ways       the same options in any of the four ways give the same modules and the same plan
  values     an empty value and a bad one are refused with the option's name
  conflicts  options that contradict each other are refused, and the message names one of them
"""
import json
import os
import re
import subprocess
import sys

MODEL, TABLE, FOLDER, CHECK = sys.argv[1:]
OPTIONS = {option["name"]: option for option in json.loads(subprocess.run([TABLE], capture_output=True, text=True, check=True).stdout)}
FLAGS = ("flag", "negatable", "mode")
LISTS = ("patterns", "rules", "overrides")

# Sets of options that hold together, with values that are not the defaults; between them they name every option of the table.
# A value is True or False for a flag, a list for what is repeatable.
SETS = [
    {"fp32": True, "params-dtype": "bf16", "activation-dtype": "bf16", "main-params-dtype": "bf16", "main-grads-dtype": "bf16",
     "exp-avg-dtype": "fp16", "exp-avg-sq-dtype": "bf16"},
    {"fp16": True, "loss-scale-init": "1024", "loss-scale-growth-factor": "1.5", "loss-scale-backoff-factor": "0.25",
     "loss-scale-growth-interval": "500", "loss-scale-min": "2", "loss-scale-max": "2048.5"},
    {"fp8": True, "fp8-backend": "emulated", "fp8-format": "hybrid", "fp8-scale-format": "ue8m0", "fp8-amax-floor": "0.001",
     "fp8-comm-quant": True, "fp8-comm-granularity": "channel", "fp8-amax-history-len": "8", "fp8-amax-compute-algo": "max",
     "compute-lowbit-include": ["*proj", "lm_head"], "compute-lowbit-exclude": ["blocks.0.*"], "module-pattern-type": "glob",
     "module-compute-dtype-rule": ["*norm=fp16", "final_norm=fp32"], "module-compute-dtype-override": ["blocks.0.attn_norm=fp32"]},
    {"fp8": True, "fp8-rounding": "stochastic", "rounding-seed": "7", "fp8-activation-granularity": "tensor",
     "fp8-weight-granularity": "channel", "fp8-backend": "native"},
    {"precision-recipe": "nano_train_deepseek_v3", "fp8-comm-quant": False, "fp8-rounding": "nearest"},
    {"fp4": True, "fp4-format": "mxfp4", "fp4-backend": "emulated", "fp4-param": True, "fp4-param-format": "nf4",
     "persistent-scale-granularity": "per_tensor", "lowbit-master-ownership": "module"},
    {"bf16": True, "compute-lowbit-mode": "fp8", "fp8-param": True, "persistent-lowbit-mode": "fp8",
     "persistent-lowbit-include": ["proj$"], "persistent-lowbit-exclude": ["experts", "lm_head"]},
    {"strict-rules": True, "module-compute-dtype-rule": ["norm=bf16"]},
]

# Words, and what the message must name.
CONFLICTS = [
    ("--fp8 --bf16", "--fp8"),
    ("--fp32 --fp16", "--fp16"),
    ("--precision-recipe deepseek_v3 --bf16", "--bf16"),
    ("--precision-recipe deepseek_v3 --fp4", "--fp4"),
    ("--precision-recipe nano_train_deepseek_v3 --fp16", "--fp16"),
    ("--precision-recipe deepseek_v3 --compute-lowbit-mode fp4", "--compute-lowbit-mode"),
    ("--precision-recipe deepseek_v3 --precision-recipe default", "--precision-recipe"),
    ("--fp8-param --fp4-param", "--fp4-param"),
    ("--fp8-param --persistent-lowbit-mode fp4", "--persistent-lowbit-mode"),
    ("--fp8-param --persistent-lowbit-mode off", "--persistent-lowbit-mode"),
    ("--fp4-param --persistent-lowbit-mode fp8", "--persistent-lowbit-mode"),
    ("--activation-dtype fp32 --activation-dtype bf16", "--activation-dtype"),
    ("--fp8 --fp8-comm-quant --no-fp8-comm-quant", "--fp8-comm-quant"),
    ("--loss-scale-min 4 --loss-scale-max 2", "--loss-scale-max"),
    ("--loss-scale-init 1 --loss-scale-min 2", "--loss-scale-init"),
    ("--loss-scale-max 1024", "--loss-scale-init"),
    ("--module-compute-dtype-override final_norm=fp32 --module-compute-dtype-override final_norm=fp16", "final_norm"),
    ("--fp8 --module-compute-dtype-rule out_proj=bf16", "out_proj=bf16"),
    ("--fp8 --compute-lowbit-exclude .*", "--compute-lowbit-exclude"),
    ("--fp8-param --persistent-lowbit-exclude .*", "--persistent-lowbit-exclude"),
    ("--fp8 --compute-lowbit-include norm", "norm"),
    ("--fp8-param --persistent-lowbit-include norm", "norm"),
    ("--persistent-lowbit-include proj", "--persistent-lowbit-include"),
    ("--compute-lowbit-include proj", "--compute-lowbit-include"),
    ("--fp8 --rounding-seed 3", "--rounding-seed"),
    ("--fp8 --fp4-format mxfp4", "--fp4-format"),
    ("--fp4 --fp8-rounding stochastic", "--fp8-rounding"),
    ("--fp8 --persistent-scale-granularity per_tensor", "--persistent-scale-granularity"),
]


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


def as_flags(options, dashes="--"):
    """The options as words of a command line."""
    words = []
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            if one is True:
                words.append(dashes + name)
            elif one is False:
                words.append(dashes + "no-" + name)
            else:
                words.append(f"{dashes}{name}={one}")
    return words


def as_file(options):
    """The options as a precision file."""
    policy = {}
    for name, value in options.items():
        kind, key = OPTIONS[name]["kind"], OPTIONS[name]["key"]
        if kind == "overrides":
            policy["module_compute_dtype_overrides"] = dict(one.rsplit("=", 1) for one in value)
        elif kind in ("number", "integer"):
            policy[key] = json.loads(value)
        else:
            policy[key] = value
    path = os.path.join(FOLDER, "policy.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(policy, file)
    return path


def outcome(*words):
    """What a run of ds-compile shows: its exit code, its codes, the modules, and the plan where there is one."""
    plan = os.path.join(FOLDER, "plan.json")
    if os.path.exists(plan):
        os.remove(plan)
    listing, planned = run("ds-compile", *words, "--list-modules=json"), run("ds-compile", *words, "--plan-out", plan)
    if listing.returncode not in (0, 1) or planned.returncode not in (0, 1):
        sys.exit(f"error: {words} ended with {listing.returncode} and {planned.returncode}:\n{listing.stderr}{planned.stderr}")
    result = [listing.returncode, planned.returncode, sorted(set(re.findall(r"DS\d+", listing.stderr + planned.stderr)))]
    result.append(json.loads(listing.stdout) if listing.returncode == 0 else None)
    if planned.returncode == 0:
        with open(plan, encoding="utf-8") as file:
            result.append(json.load(file))
    return result


def same(what, expected, got):
    if expected != got:
        sys.exit(f"error: {what} gives\n{json.dumps(got)[:2000]}\nwhere the command line of ds-compile gives\n{json.dumps(expected)[:2000]}")


def check_ways():
    named = {name for options in SETS for name in options}
    if named != set(OPTIONS):
        sys.exit(f"error: options without a place in SETS, or not of the table: {sorted(named ^ set(OPTIONS))}")
    for name, option in OPTIONS.items():  # the values are not the defaults: a lost one shows
        values = {str(options[name]) for options in SETS if name in options}
        if option["default"] in values and len(option["choices"]) > 1:
            sys.exit(f"error: --{name} is tested with its default")
    plain = os.path.join(FOLDER, "plain.mlir")
    run("ds-compile", MODEL, "--compile-to=ds", "-o", plain).check_returncode()
    for options in SETS:
        flags = as_flags(options)
        expected = outcome(MODEL, *flags)
        same(f"the file of {options}", expected, outcome(MODEL, "--precision-config", as_file(options)))
        carried = os.path.join(FOLDER, "carried.mlir")
        if expected[0] == 0:
            run("ds-compile", MODEL, *flags, "--compile-to=ds", "-o", carried).check_returncode()
            same(f"the policy of {flags}", expected, outcome(carried))
        # ds-opt decides and applies: what it leaves names the policy, or it refuses as ds-compile does.
        for name in ("ds-precision-pipeline", "ds-resolve-precision"):
            done = run("ds-opt", plain, f"--{name}=" + " ".join(as_flags(options, dashes="")), "-o", carried)
            if done.returncode != expected[1] or sorted(set(re.findall(r"DS\d+", done.stderr))) != expected[2]:
                sys.exit(f"error: ds-opt --{name} ends with {done.returncode} for {flags}, expected {expected[1:3]}:\n{done.stderr}")
        if expected[1] == 0:
            same(f"ds-opt with {flags}", expected[:4], outcome(carried)[:4])
    print(f"{len(OPTIONS)} options in {len(SETS)} sets, four ways each")


def check_values():
    refused = 0
    valued = [option for option in OPTIONS.values() if option["kind"] not in FLAGS]
    for what, value in (("an empty value", ""), ("a bad value", "(?*")):
        words = [word for option in valued for word in ("--" + option["name"], value)]
        done = run("ds-compile", MODEL, *words, "--list-modules")
        if done.returncode != 1:
            sys.exit(f"error: {what} of every option ended with {done.returncode}:\n{done.stderr}")
        for option in valued:  # all are reported together
            if not re.search(rf"error: \[DS\d+\] --{option['name']}\b.* (expects|is no) ", done.stderr):
                sys.exit(f"error: {what} of --{option['name']} is not refused by name:\n{done.stderr}")
            refused += 1
    for option in OPTIONS.values():
        for what, words in (("a bad value", [f"--{option['name']}=(?*"]), ("no value", ["--" + option["name"]])):
            if what == "no value" and option["kind"] in FLAGS:
                continue
            done = run("ds-compile", MODEL, "--list-modules", *words)
            if done.returncode not in (1, 64) or "--" + option["name"] not in done.stderr or done.stdout:
                sys.exit(f"error: {words} ended with {done.returncode}:\n{done.stdout[:200]}{done.stderr}")
            refused += 1
    for name in ("--precision-config", "--explain", "--plan-out", "-o", "--target", "--compile-to"):
        done = run("ds-compile", MODEL, *([name + "="] if name != "-o" else [name, ""]))
        if done.returncode != 64 or name.lstrip("-") not in done.stderr:
            sys.exit(f"error: {name} with an empty value ended with {done.returncode}:\n{done.stderr}")
        refused += 1
    print(f"{refused} values refused, each by the option's name")


def check_conflicts():
    for words, named in CONFLICTS:
        done = run("ds-compile", MODEL, "--list-modules", *words.split())
        if done.returncode not in (1, 64) or named not in done.stderr or done.stdout:
            sys.exit(f"error: {words} ended with {done.returncode}, expected 1 or 64 and {named}:\n{done.stdout[:200]}{done.stderr}")
    print(f"{len(CONFLICTS)} pairs")


{"ways": check_ways, "values": check_values, "conflicts": check_conflicts}[CHECK]()

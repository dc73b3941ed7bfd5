"""Prints what the tests look at: LEGALITY (of --legality=json), and two plans whose sections `targets` alone may differ."""
import json
import sys

legality, one, other = (json.load(open(path)) for path in sys.argv[1:])
print(list(legality["targets"]))
for degree in legality["tensor_parallel"]:
    if degree["ranks"] == 2:
        print("tp 2: whole", degree["whole"])
        for cut in degree["cuts"]:
            for path in cut["paths"]:
                print(f"  {path}: {cut['what']}")
print("expert-parallel", legality["expert_parallel"])
targets = [plan.pop("targets") for plan in (one, other)]
for target in targets[0].values():  # what is fused is no judgement
    assert "residual-norm" in target.pop("fusions")
assert targets[0] == legality["targets"]
print(f"targets {list(targets[0])} and {list(targets[1])}, the rest is {'equal' if one == other else 'different'}")

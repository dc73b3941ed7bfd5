#!/usr/bin/env python3
"""Converts policies whose patterns Python's own re, fnmatch and `in` evaluate, and compares what ds-compile then lists, module by module.

Usage: foreign_policies.py CONFIG PREFIX    files are written to PREFIX.*
"""
import fnmatch
import json
import re
import subprocess
import sys

config, prefix = sys.argv[1:3]
HF = [("blocks", "model.layers"), (".attn.", ".self_attn."), (".ffn.", ".mlp."), ("kv_a_proj", "kv_a_proj_with_mqa"), ("out_proj", "o_proj"),
      ("router", "gate"), ("a_norm", "a_layernorm"), ("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm"),
      ("token_embeddings", "model.embed_tokens"), ("final_norm", "model.norm")]


def hugging_face(path):
    for own, theirs in HF:
        path = path.replace(own, theirs)
    return path


def modules(*options):
    run = subprocess.run(["ds-compile", config, "--list-modules=json", *options], check=True, capture_output=True, text=True)
    return json.loads(run.stdout)["modules"]


def compressed(targets, ignore):
    def named(patterns, name):
        return any(re.match(p[3:], name) if p.startswith("re:") else p == name for p in patterns)

    group = {"targets": targets, "weights": {"num_bits": 8, "type": "float", "strategy": "channel"},
             "input_activations": {"num_bits": 8, "type": "float", "strategy": "token", "dynamic": True}}
    policy = {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": ignore}
    return policy, lambda name: ("Linear" in targets and not name.endswith("mlp.gate") or named(targets, name)) and not named(ignore, name)


def modelopt(exclude):
    policy = {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8_PER_CHANNEL_PER_TOKEN", "exclude_modules": exclude}}
    return policy, lambda name: not name.endswith("mlp.gate") and not any(fnmatch.fnmatchcase(name, p) for p in exclude)


def transformers(skip):
    def skipped(name):
        return any(re.match(f"{p}\\.", name) or re.match(p, name) or name.endswith(p) for p in skip)

    policy = {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [128, 128], "modules_to_not_convert": skip}
    return policy, lambda name: not name.endswith("mlp.gate") and name != "lm_head" and not skipped(name)


cases = [
    compressed(["Linear"], ["lm_head", "re:.*mlp.gate$"]),
    compressed([r"re:model\.layers\.\d+\.mlp\.experts\.[2-5]\..*"], []),
    compressed(["re:.*self_attn.[qk]v?_[ab]_proj", "model.layers.0.mlp.up_proj"], [r"re:.*layers\.(?!0)\d+\..*q_b"]),
    compressed(["re:^(?!.*(experts|lm_head)).*(up|down)_proj$"], ["model.layers.0.mlp.down_proj"]),
    compressed(["re:(?P<block>model\\.layers\\.1)\\.self_attn", "re:.*\\Z(?<=experts\\.3\\.up_proj)"], []),
    compressed(["Linear"], ["re:self_attn", "re:layers.0", "re:lm_hea"]),  # only the last is at the start of a name
    compressed(["Linear", "re:.*mlp.gate$"], ["re:.*shared_experts.*", "re:^lm_head$"]),
    modelopt(["lm_head", "*self_attn.kv_*", "model.layers.1.mlp.experts.[!0-3].*"]),
    modelopt(["model.layers.0*", "*.experts.?.up_proj"]),
    modelopt(["*.[b-a]*", "*]*", "[]l]m_head", "*experts.[0-25].gate*"]),
    transformers(["self_attn.o_proj", "model.layers.0", "model.layers.1.mlp.experts.[0-3]"]),
    transformers(["model.layers.0.mlp.gate"]),  # the start of gate_proj, too
]
for number, (policy, selected) in enumerate(cases):
    source, converted = f"{prefix}.{number}.json", f"{prefix}.{number}.out.json"
    with open(source, "w") as file:
        json.dump(policy, file)
    for model in (["--model", config], []) if number % 4 == 0 else (["--model", config],):
        subprocess.run(["ds-compile", "convert-policy", source, "-o", converted, *model], check=True, capture_output=True)
        for module in modules("--precision-config", converted):
            name = hugging_face(module["path"])
            expected = "fp8" if module["low_bit_capable"] and selected(name) else "bf16"
            if module["compute"] != expected:
                sys.exit(f"{policy}: expects {expected} for {name}, but got {module['compute']} ({module['reason']})")
print(f"{len(cases)} policies")

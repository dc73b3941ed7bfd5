"""Prints of an artifact's or object's manifest what a test pins, read from the section as the runtime would."""
import json
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    section = f"{folder}/manifest.json"
    subprocess.run(["llvm-objcopy", f"--dump-section=.dsmlir.manifest={section}", sys.argv[1], f"{folder}/copy"], check=True)
    with open(section, encoding="utf-8") as file:
        manifest = json.load(file)

calls = [site["operation"] for site in manifest["sites"]]
print(json.dumps({
    # Prefill's calls, then decode's: sites are numbered through.
    "calls_in_order": calls[0] == "rope_table" and calls.count("rope_table") == 2 and calls.index("mla_prefill") < calls.index("mla_decode")
                      and calls[-1] == "linear" and manifest["sites"][-1]["path"] == "lm_head",
    "prefill": manifest["prefill"],
    "decode": manifest["decode"],
    "cache": manifest["cache"],
    "first_parameter": manifest["parameters"][0]["path"],
    "operations": len(manifest["plan"]["operations"]) == 31 and manifest["plan"]["operations"][0]["path"] == "token_embeddings",
    "recipe": manifest["plan"]["recipe"]["name"],
    "target": manifest["target"],
}, indent=1, sort_keys=True))

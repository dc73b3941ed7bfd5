"""Sets fields of a JSON file: edit_config.py FILE KEY=VALUE..., a value being JSON, or else a text."""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    config = json.load(file)
for pair in sys.argv[2:]:
    key, _, value = pair.partition("=")
    try:
        config[key] = json.loads(value)
    except ValueError:
        config[key] = value
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(config, file, indent=2)

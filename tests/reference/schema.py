"""Every experiment fits the JSON Schema that `losswalk schema` prints, by the jsonschema package.

    python3 tests/reference/schema.py target/release/losswalk
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema

schema = json.loads(subprocess.run([sys.argv[1], "schema"], check=True, capture_output=True).stdout)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
files = [*Path("experiments").rglob("*.toml"), Path("src/cli/first-walk.toml")]
for file in files:
    validator.validate(tomllib.loads(file.read_text()))
assert not validator.is_valid({"data": {"name": "digits"}, "model": {"arch": "mlp", "depth": 3}})
print(f"{len(files)} experiments fit the schema")

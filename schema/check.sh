#!/usr/bin/env bash
# The schema against the specs with an independent validator, and its coverage of the API's members
# against botocore's model.
set -euo pipefail
. "$(dirname "$0")/../localstack/lib.sh"
cd "$root"
venv "$root/.venv-schema" jsonschema==4.26.0 pyyaml==6.0.3 botocore==1.44.8 || { echo "skipped: the validator could not be installed" >&2; exit 0; }
"$root/.venv-schema/bin/python" -B schema/check.py
"$root/.venv-schema/bin/python" -B schema/coverage.py --check
echo "the schema fits the specs and covers the API"

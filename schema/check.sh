#!/usr/bin/env bash
# The schema's coverage of the API's members, against botocore's model. tests/it/spec_generated.rs checks its shape.
set -euo pipefail
. "$(dirname "$0")/../localstack/lib.sh"
cd "$root"
venv "$root/.venv-schema" botocore==1.44.8 || { echo "skipped: botocore could not be installed" >&2; exit 0; }
"$root/.venv-schema/bin/python" -B schema/coverage.py --check
echo "the schema covers the API"

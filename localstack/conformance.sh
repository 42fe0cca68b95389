#!/usr/bin/env bash
# Every operation of the sandbox through boto3, each answer checked against botocore's model of the API.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
isolate
venv "$root/.venv-boto" "boto3==1.44.8" cbor2 || { echo "skipped: boto3 could not be installed" >&2; exit 0; }
exec "$root/.venv-boto/bin/python" -B localstack/conformance.py --binary "$bin/cachectl-sandbox"

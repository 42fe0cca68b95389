#!/usr/bin/env bash
# Members of AWS's newest API model that have no place in the spec yet, or are gone. Unpinned on purpose: what it
# finds is news, not a fault of this tree. Ends with 1 when there is news.
set -euo pipefail
. "$(dirname "$0")/../localstack/lib.sh"
cd "$root"
dir=$root/.venv-drift
if ! { [ -x "$dir/bin/python" ] || python3 -m venv "$dir"; } >/dev/null 2>&1 ||
  ! "$dir/bin/pip" install --quiet --disable-pip-version-check --upgrade botocore >&2; then
  echo "skipped: the newest botocore could not be installed" >&2
  exit 0
fi
exec "$dir/bin/python" -B schema/coverage.py --drift

#!/usr/bin/env bash
# The actions by zizmor, which knows how actions are attacked. Skipped with a note where it cannot be installed.
set -euo pipefail
. "$(dirname "$0")/../localstack/lib.sh"
cd "$root"
venv "$root/.venv-actions" zizmor==1.32.0 || { echo "skipped: zizmor could not be installed" >&2; exit 0; }
"$root/.venv-actions/bin/zizmor" --offline --quiet actions

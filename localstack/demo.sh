#!/usr/bin/env bash
# The whole loop on this machine: no AWS account, no Docker, no token. `make demo` runs it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
isolate

work=$(mktemp -d)
finish() {
  local code=$?
  end_sandbox
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
run() {
  say "cachectl $*"
  "$bin/cachectl" "$@"
}

program=$(server)
sandbox "$work" --time-scale 0.005 --data-plane on --server "$program"
export CACHECTL_POLL_INTERVAL=200ms
# The sandbox's servers speak TLS with certificates of its own authority.
python3 -c "import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())" \
  "$AWS_ENDPOINT_URL/_sandbox/ca.pem" >"$work/ca.pem"
export SSL_CERT_FILE=$work/ca.pem
echo "sandbox: $AWS_ENDPOINT_URL, servers: $("$program" --version | head -n 1)"

run validate specs/article.yaml
run plan specs/article.yaml
run apply specs/article.yaml --yes
run plan specs/article.yaml

# A larger node type, and an alarm that fires earlier.
sed -e 's/cacheNodeType: cache.r7g.xlarge/cacheNodeType: cache.r7g.2xlarge/' -e 's/threshold: 80$/threshold: 75/' \
  specs/article.yaml >"$work/article.yaml"
say "diff specs/article.yaml article.yaml"
diff specs/article.yaml "$work/article.yaml" || true
run plan "$work/article.yaml"
run apply "$work/article.yaml" --yes --no-smoke
run smoke "$work/article.yaml"
run destroy "$work/article.yaml" --yes --allow 'delete:*'

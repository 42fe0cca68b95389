#!/usr/bin/env bash
# The article's spec against ministack, an emulator from PyPI that nobody here wrote: a second opinion on
# the wire, on names and on error codes. It has no states, no members that follow a change, and keeps no
# metric math, so only what it models is asserted.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
isolate

bin=${CARGO_TARGET_DIR:-target}/debug
venv "$root/.venv-ministack" ministack==1.5.33 cbor2 || { echo "skipped: ministack could not be installed" >&2; exit 0; }
work=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
GATEWAY_PORT=$port BIND_HOST=127.0.0.1 REDIS_HOST=127.0.0.1 REDIS_PORT=6379 MINISTACK_ACCOUNT_ID=012345678901 LOG_LEVEL=WARNING \
  "$root/.venv-ministack/bin/ministack" >"$work/log" 2>&1 &
emulator=$!
trap 'kill $emulator 2>/dev/null; wait $emulator 2>/dev/null; rm -rf "$work"' EXIT
await "http://127.0.0.1:$port/_ministack/health" 60
export AWS_ENDPOINT_URL=http://127.0.0.1:$port CACHECTL_POLL_INTERVAL=100ms

python3 localstack/ministack.py "$bin/cachectl" "$work"

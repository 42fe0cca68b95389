#!/usr/bin/env bash
# The article's spec against an emulator from elsewhere: a second opinion on the wire, on names and on
# error codes. What each emulator models is in emulator.py.
#
#   emulator.sh ministack     from PyPI, without an account
#   emulator.sh localstack    compose.yaml; needs Docker and LOCALSTACK_AUTH_TOKEN
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
token=${LOCALSTACK_AUTH_TOKEN:-}
isolate

which=${1:?ministack or localstack}
work=$(mktemp -d)
end=(true)
trap '"${end[@]}" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

not_run() { # REASON
  echo "$which did NOT run, nothing was tested against it: $1" >&2
  exit 0
}

ministack() {
  venv "$root/.venv-ministack" ministack==1.5.33 cbor2 || not_run "it could not be installed from PyPI"
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  GATEWAY_PORT=$port BIND_HOST=127.0.0.1 REDIS_HOST=127.0.0.1 REDIS_PORT=6379 MINISTACK_ACCOUNT_ID=012345678901 LOG_LEVEL=WARNING \
    "$root/.venv-ministack/bin/ministack" >"$work/log" 2>&1 &
  end=(kill $!)
  await "http://127.0.0.1:$port/_ministack/health" 60
  export AWS_ENDPOINT_URL=http://127.0.0.1:$port
}

localstack() {
  command -v docker >/dev/null || not_run "there is no docker command here"
  docker info >/dev/null 2>&1 || not_run "docker is installed, but its daemon does not answer"
  docker compose version >/dev/null 2>&1 || not_run "docker has no compose command here"
  [ -n "$token" ] || not_run "LOCALSTACK_AUTH_TOKEN is not set; ElastiCache needs the Base plan or above"
  local compose=(env "LOCALSTACK_AUTH_TOKEN=$token" docker compose -f localstack/compose.yaml)
  end=("${compose[@]}" down --volumes)
  "${compose[@]}" up --detach >&2
  await http://127.0.0.1:4566/_localstack/health 180
  export AWS_ENDPOINT_URL=http://127.0.0.1:4566
}

case $which in
  ministack | localstack) "$which" ;;
  *) echo "no such emulator: $which" >&2; exit 64 ;;
esac
export CACHECTL_POLL_INTERVAL=100ms
python3 -B localstack/emulator.py "$which" "$bin/cachectl" "$work"

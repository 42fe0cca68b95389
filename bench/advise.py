#!/usr/bin/env python3
"""What `cachectl advise` costs for N replication groups of two nodes, with two weeks of hourly values of every metric.

    cargo build --release --bins -p cachectl -p cachectl-sandbox
    bench/advise.py                       # --profile debug for the calls alone

Prints a Markdown table: metrics, calls, those of GetMetricData among them and how few they could be (a call takes 500
metrics and gives back 100,800 values a page), wall and CPU seconds. A number of calls beyond that fails.
"""

import argparse
import collections
import math
import os
import pathlib
import tempfile

from bench import HERE, Sandbox, measure

METRICS = [
    "BytesUsedForCache", "DatabaseMemoryUsagePercentage", "Evictions", "Reclaimed", "CacheHits", "CacheMisses", "EngineCPUUtilization",
    "CPUUtilization", "CurrConnections", "ReplicationLag", "NetworkBytesIn", "NetworkBytesOut", "NetworkBandwidthInAllowanceExceeded",
    "NetworkBandwidthOutAllowanceExceeded", "GetTypeCmds", "SetTypeCmds", "EvalBasedCmds", "PubSubBasedCmds", "StreamBasedCmds",
    "FreeableMemory", "SwapUsage",
]
NODES = 2
QUERIES, VALUES, HOURS = 500, 100_800, 14 * 24


def spec(groups):
    lines = ["apiVersion: cachectl/v1", "stack: advised", "region: us-east-1", "replicationGroups:"]
    for number in range(groups):
        lines.append(
            f"  cache-{number}: {{description: One of many, engine: valkey, engineVersion: \"8.0\", cacheNodeType: cache.r7g.large, "
            f"numCacheClusters: {NODES}, automaticFailoverEnabled: true, transitEncryptionEnabled: true}}"
        )
    return "\n".join(lines) + "\n"


def seed(sandbox, groups):
    for number in range(groups):
        metrics = [{"name": name, "group": f"cache-{number}", "period": 3600, "values": [40, 50, 60]} for name in METRICS]
        sandbox.ask("POST", "metrics", {"metrics": metrics})


def fewest(metrics):
    """Calls that the metrics take at least, page by page."""
    chunks = [min(QUERIES, metrics - begun) for begun in range(0, metrics, QUERIES)]
    return sum(math.ceil(chunk * HOURS / VALUES) for chunk in chunks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default=os.environ.get("CARGO_TARGET_DIR", str(HERE.parent / "target")))
    parser.add_argument("--profile", default="release")
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--latency", type=int, default=0, help="milliseconds per call")
    arguments = parser.parse_args()
    binaries = pathlib.Path(arguments.target) / arguments.profile
    cachectl = str(binaries / "cachectl")
    print("| groups | nodes | metrics | calls | GetMetricData | at least | wall s | CPU s |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for groups in arguments.groups:
        sandbox = Sandbox(str(binaries / "cachectl-sandbox"), 0)
        try:
            with tempfile.TemporaryDirectory() as folder:
                pathlib.Path(folder, "advised.yaml").write_text(spec(groups))
                measure(sandbox, [cachectl, "apply", "advised.yaml", "--yes", "--no-smoke", "-q"], folder)
                seed(sandbox, groups)
                if arguments.latency:
                    sandbox.ask("POST", "faults", {"faults": [{"effect": {"slow": {"ms": arguments.latency}}}]})
                calls, wall, cpu, _ = measure(sandbox, [cachectl, "advise", "advised.yaml", "--format", "json"], folder)
                by_name = collections.Counter(call["operation"] for call in sandbox.ask("GET", "calls")["calls"])
                nodes = groups * NODES
                metrics = nodes * len(METRICS)
                reads, least = by_name["GetMetricData"], fewest(metrics)
                row = [groups, nodes, metrics, calls, reads, least, f"{wall:.2f}", f"{cpu:.2f}"]
                print("| " + " | ".join(map(str, row)) + " |", flush=True)
                if reads > least:
                    raise SystemExit(f"{reads} calls of GetMetricData where {least} do: {dict(by_name)}")
        finally:
            sandbox.stop()


if __name__ == "__main__":
    main()

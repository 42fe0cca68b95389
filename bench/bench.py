#!/usr/bin/env python3
"""cachectl and scripts of AWS CLI calls on the same stacks, against the same sandbox. Of the scripts, one starts the
AWS CLI for every call, as a shell script does (peer.sh); the other loads it once (peer.py).

    cargo build --release --bins -p cachectl -p cachectl-sandbox
    python3 -m venv /tmp/bench && /tmp/bench/bin/pip install awscli
    bench/bench.py --aws /tmp/bench/bin/aws

For N replication groups (each with three alarms, and with a parameter group of its own up to 250 groups,
since AWS allows 300): create all, plan without a change, and repair one group whose description drifted. The sandbox has
no real servers and reaches every state at once, so what is measured is the tools, not the waiting.
Prints a Markdown table.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PARAMETER_GROUPS = 250
METRICS = ["EngineCPUUtilization", "Evictions", "CurrConnections"]


def spec(groups, description):
    lines = ["apiVersion: cachectl/v1", "stack: bench", "region: us-east-1", "subnetGroups:"]
    lines.append("  bench-subnets: {subnetIds: [subnet-private-1a, subnet-private-1b]}")
    lines.append("parameterGroups:")
    for number in range(min(groups, PARAMETER_GROUPS)):
        lines.append(f"  bench-params-{number}: {{family: valkey7, parameters: {{maxmemory-policy: allkeys-lru}}}}")
    lines.append("replicationGroups:")
    for number in range(groups):
        lines.append(
            f"  bench-{number}: {{description: {description if number == 0 else 'One of many'}, engine: valkey, "
            f'engineVersion: "7.2", cacheNodeType: cache.t4g.small, numCacheClusters: 1, transitEncryptionEnabled: true, '
            f"cacheSubnetGroupName: bench-subnets, cacheParameterGroupName: bench-params-{number % PARAMETER_GROUPS}}}"
        )
    lines.append("alarms:")
    for number in range(groups):
        for metric in METRICS:
            lines.append(
                f"  {metric}-{number}: {{for: replicationGroup/bench-{number}, metricName: {metric}, statistic: Average, period: 60, "
                "evaluationPeriods: 5, threshold: 90, comparisonOperator: GreaterThanThreshold}"
            )
    return "\n".join(lines) + "\n"


class Sandbox:
    def __init__(self, binary, latency):
        command = [binary, "--port", "0", "--time-scale", "0", "--data-plane", "off"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.endpoint = self.process.stdout.readline().strip()
        if latency:
            self.ask("POST", "faults", {"faults": [{"effect": {"slow": {"ms": latency}}}]})

    def ask(self, method, route, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{route}", data=data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(sandbox, command, folder):
    """Calls, wall and CPU seconds, peak MiB of the largest process."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": folder, "AWS_ENDPOINT_URL": sandbox.endpoint, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "CACHECTL_POLL_INTERVAL": "50ms",
        "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true",
    }
    sandbox.ask("DELETE", "calls")
    with open(os.path.join(folder, "log"), "wb") as log:
        begun = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
    if status != 0:
        raise SystemExit(f"{command} ended with {status}:\n" + pathlib.Path(folder, "log").read_text()[-4000:])
    calls = len(sandbox.ask("GET", "calls")["calls"])
    return calls, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def run(sandbox, groups, latency, tool, tasks, unmeasured):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "before.yaml").write_text(spec(groups, "One of many"))
        pathlib.Path(folder, "after.yaml").write_text(spec(groups, "Repaired"))
        if unmeasured:
            measure(sandbox, unmeasured, folder)
        for task, command in tasks.items():
            calls, wall, cpu, peak = measure(sandbox, command, folder)
            row = [groups, latency, task, tool, calls, f"{wall:.2f}", f"{cpu:.2f}", f"{peak:.0f}"]
            print("| " + " | ".join(map(str, row)) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default=os.environ.get("CARGO_TARGET_DIR", str(HERE.parent / "target")))
    parser.add_argument("--aws", help="the AWS CLI to compare with; without it, cachectl alone")
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 50], help="milliseconds per call")
    parser.add_argument("--aws-up-to", type=int, default=10, metavar="N", help="larger stacks without peer.sh, which takes many minutes")
    parser.add_argument("--aws-create-up-to", type=int, default=100, metavar="N", help="larger stacks are created by cachectl before peer.sh plans and repairs them")
    arguments = parser.parse_args()
    binaries = pathlib.Path(arguments.target) / "release"
    cachectl = [str(binaries / "cachectl")]
    print("| groups | ms per call | | | calls | wall s | CPU s | peak MiB |")
    print("|---:|---:|---|---|---:|---:|---:|---:|")
    for groups in arguments.groups:
        for latency in arguments.latency:
            tools = {"cachectl": {
                "create": cachectl + ["apply", "before.yaml", "--yes", "--no-smoke", "-q", "--parallelism", "10"],
                "plan": cachectl + ["plan", "before.yaml"],
                "drift": cachectl + ["apply", "after.yaml", "--yes", "--no-smoke", "-q", "--parallelism", "10"],
            }}
            if arguments.aws and groups <= arguments.aws_up_to:
                peer = [str(HERE / "peer.sh"), arguments.aws, str(groups), str(min(groups, PARAMETER_GROUPS))]
                tools["AWS CLI"] = {task: peer + [task] for task in ["create", "plan", "drift"]}
            if arguments.aws:
                python = str(pathlib.Path(arguments.aws).parent / "python3")
                peer = [python, str(HERE / "peer.py"), str(groups), str(min(groups, PARAMETER_GROUPS))]
                tools["AWS CLI, loaded once"] = {task: peer + [task] for task in ["create", "plan", "drift"]}
            for tool, tasks in tools.items():
                unmeasured = None
                if tool == "AWS CLI" and groups > arguments.aws_create_up_to:
                    del tasks["create"]
                    unmeasured = tools["cachectl"]["create"]
                sandbox = Sandbox(str(binaries / "cachectl-sandbox"), latency)
                try:
                    run(sandbox, groups, latency, tool, tasks, unmeasured)
                finally:
                    sandbox.stop()


if __name__ == "__main__":
    main()

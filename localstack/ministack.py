"""Applies specs/article.yaml to ministack, plans again, changes something, destroys."""

import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request

cachectl, work = sys.argv[1:]
endpoint = os.environ["AWS_ENDPOINT_URL"]
checks = 0


def check(what: str, holds: bool, detail: object = "") -> None:
    global checks
    if not holds:
        sys.exit(f"FAILED: {what}\n{detail}")
    checks += 1
    print(f"ok  {what}")


def run(*arguments: str, exits: int | tuple[int, ...] = 0) -> str:
    done = subprocess.run([cachectl, *arguments], capture_output=True, text=True, timeout=300)
    allowed = (exits,) if isinstance(exits, int) else exits
    check(f"cachectl {' '.join(arguments)} exits {done.returncode}", done.returncode in allowed, done.stdout + done.stderr)
    return done.stdout


def subnets() -> list[str]:
    """ministack wants subnets that its EC2 has."""
    body = urllib.parse.urlencode({"Action": "DescribeSubnets", "Version": "2016-11-15"}).encode()
    scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(endpoint, body, {"Authorization": scope, "Content-Type": "application/x-www-form-urlencoded"})
    return sorted(set(re.findall(r"<subnetId>(subnet-[^<]+)</subnetId>", urllib.request.urlopen(request).read().decode())))


ids = subnets()[:3]
check("the emulator has three subnets", len(ids) == 3, ids)
# It takes no snapshots of serverless caches.
serverless = {"subnetIds": ids[:2], "lifecycle": {"finalSnapshot": False}}
overlay = os.path.join(work, "ministack.yaml")
with open(overlay, "w") as file:
    json.dump({
        "subnetGroups": {"prod-cache-subnets": {"subnetIds": ids}},
        "serverlessCaches": {"prod-serverless-cache": serverless},
    }, file)
spec = ["specs/article.yaml", "--overlay", overlay]

plan = json.loads(run("plan", *spec, "--format", "json"))
check("the first plan creates everything", plan["summary"]["create"] == 28, plan["summary"])
# Alarms with metric math come back without their metrics, so the run ends with just these left.
run("apply", *spec, "--yes", "--no-smoke", exits=6)
plan = json.loads(run("plan", *spec, "--format", "json"))
left = {change["address"] for change in plan["changes"]}
check("nothing but metric-math alarms is left", all(address.endswith("-hit-rate") for address in left), left)
check("the plan reads in at most ten calls", plan["apiCalls"] <= 10, plan["apiCalls"])

with open(overlay, "w") as file:
    json.dump({
        "subnetGroups": {"prod-cache-subnets": {"subnetIds": ids}},
        "serverlessCaches": {"prod-serverless-cache": serverless},
        "replicationGroups": {"prod-cache": {"description": "Changed", "snapshotRetentionLimit": 8}},
        "parameterGroups": {"prod-cache-params": {"parameters": {"maxmemory-policy": "allkeys-lfu"}}},
        "alarms": {"memory": {"threshold": 75}},
    }, file)
plan = json.loads(run("plan", *spec, "--format", "json"))
changed = {attribute["path"] for change in plan["changes"] for attribute in change["attributes"]} - {"metrics"}
check("the plan holds just what changed", changed == {"description", "snapshotRetentionLimit", "parameters.maxmemory-policy", "threshold"}, changed)
run("apply", *spec, "--yes", "--no-smoke", exits=6)
plan = json.loads(run("plan", *spec, "--format", "json"))
left = {change["address"] for change in plan["changes"]}
check("the changes are made", all(address.endswith("-hit-rate") for address in left), left)

run("destroy", *spec, "--yes", exits=3)
run("destroy", *spec, "--yes", "--allow", "delete:*")
plan = json.loads(run("plan", *spec, "--format", "json"))
check("everything is gone", plan["summary"]["create"] == 28, plan["summary"])
print(f"{checks} passed, 0 failed")

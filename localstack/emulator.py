"""Applies specs/article.yaml to an emulator, plans again, changes something, destroys.

    emulator.py NAME CACHECTL WORK_FOLDER       with AWS_ENDPOINT_URL set
    emulator.py --table                         what each emulator models, as Markdown
"""

import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from dataclasses import dataclass, fields

SPEC = "specs/article.yaml"


@dataclass
class Emulator:
    """What an emulator models. What it does not is not asserted, and the rest of the test goes round it."""

    metric_math: bool
    """Alarms with metric math come back with their metrics."""
    serverless_snapshots: bool
    """A serverless cache can be deleted with a final snapshot."""
    account: str
    """The account id it answers with."""
    source: str
    """How this is known."""


EMULATORS = {
    "ministack": Emulator(False, False, "012345678901", "ministack 1.5.33, run"),
    # Coverage page of its documentation, 2026-09: nobody here has run it yet. Where it turns out to model more or
    # less, this row is what to change.
    "localstack": Emulator(True, False, "000000000000", "its documentation, not run"),
}


def table() -> str:
    names = [field.name for field in fields(Emulator)]
    lines = ["| emulator | " + " | ".join(name.replace("_", " ") for name in names) + " |"]
    lines.append("|---" * (len(names) + 1) + "|")
    for name, emulator in EMULATORS.items():
        cells = [getattr(emulator, field) for field in names]
        words = [{True: "yes", False: "no"}.get(cell, cell) if isinstance(cell, bool) else str(cell) for cell in cells]
        lines.append(f"| {name} | " + " | ".join(words) + " |")
    return "\n".join(lines)


class Test:
    """One run against one emulator."""

    def __init__(self, emulator: Emulator, cachectl: str, work: str) -> None:
        self.emulator, self.cachectl = emulator, cachectl
        self.overlay = os.path.join(work, "overlay.yaml")
        self.endpoint = os.environ["AWS_ENDPOINT_URL"]
        self.checks = 0

    def check(self, what: str, holds: bool, detail: object = "") -> None:
        if not holds:
            sys.exit(f"FAILED: {what}\n{detail}")
        self.checks += 1
        print(f"ok  {what}")

    def run(self, command: str, *more: str, exits: int = 0) -> str:
        arguments = [command, SPEC, "--overlay", self.overlay, *more]
        done = subprocess.run([self.cachectl, *arguments], capture_output=True, text=True, timeout=300)
        what = f"cachectl {command} {' '.join(more)}".rstrip()
        self.check(f"{what} exits {exits}", done.returncode == exits, f"it exits {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def plan(self) -> dict:
        return json.loads(self.run("plan", "--format", "json"))

    def subnets(self) -> list[str]:
        """Emulators want subnets that their EC2 has."""
        body = urllib.parse.urlencode({"Action": "DescribeSubnets", "Version": "2016-11-15"}).encode()
        scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0"
        headers = {"Authorization": scope, "Content-Type": "application/x-www-form-urlencoded"}
        answer = urllib.request.urlopen(urllib.request.Request(self.endpoint, body, headers)).read().decode()
        return sorted(set(re.findall(r"<subnetId>(subnet-[^<]+)</subnetId>", answer)))

    def write_overlay(self, ids: list[str], changes: dict) -> None:
        serverless: dict = {"subnetIds": ids[:2]}
        if not self.emulator.serverless_snapshots:
            serverless["lifecycle"] = {"finalSnapshot": False}
        places = {
            "subnetGroups": {"prod-cache-subnets": {"subnetIds": ids}},
            "serverlessCaches": {"prod-serverless-cache": serverless},
        }
        if self.emulator.account != "012345678901":
            places["accountId"] = self.emulator.account
        with open(self.overlay, "w") as file:
            json.dump({**places, **changes}, file)

    def settles(self, what: str) -> None:
        """Applies, and finds nothing left but what the emulator loses."""
        # Alarms with metric math that come back without their metrics are left, and the run says so.
        self.run("apply", "--yes", "--no-smoke", exits=0 if self.emulator.metric_math else 6)
        left = {change["address"] for change in self.plan()["changes"]}
        lost = {address for address in left if address.endswith("-hit-rate")} if not self.emulator.metric_math else set()
        self.check(what, left == lost, left - lost)

    def everything(self) -> None:
        ids = self.subnets()[:3]
        self.check("the emulator has three subnets", len(ids) == 3, ids)
        self.write_overlay(ids, {})
        first = self.plan()
        others = {word: count for word, count in first["summary"].items() if word != "create" and count}
        self.check("the first plan creates everything", first["summary"]["create"] > 20 and not others, first["summary"])
        self.settles("after the first apply nothing is left to do")
        calls = self.plan()["apiCalls"]
        self.check("the plan reads in at most ten calls", calls <= 10, calls)

        self.write_overlay(ids, {
            "replicationGroups": {"prod-cache": {"description": "Changed", "snapshotRetentionLimit": 8}},
            "parameterGroups": {"prod-cache-params": {"parameters": {"maxmemory-policy": "allkeys-lfu"}}},
            "alarms": {"memory": {"threshold": 75}},
        })
        changed = {attribute["path"] for change in self.plan()["changes"] for attribute in change["attributes"]} - {"metrics"}
        wanted = {"description", "snapshotRetentionLimit", "parameters.maxmemory-policy", "threshold"}
        self.check("the plan holds just what changed", changed == wanted, changed)
        self.settles("after the second apply nothing is left to do")

        self.run("destroy", "--yes", exits=3)
        self.run("destroy", "--yes", "--allow", "delete:*")
        again = self.plan()
        self.check("everything is gone", again["summary"] == first["summary"], again["summary"])


def main() -> None:
    if sys.argv[1:] == ["--table"]:
        print(table())
        return
    name, cachectl, work = sys.argv[1:]
    test = Test(EMULATORS[name], cachectl, work)
    test.everything()
    print(f"{name}: {test.checks} passed, 0 failed")


main()

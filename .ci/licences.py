"""Licences, banned crates and sources of every dependency, by deny.toml, from cargo's own metadata."""

import json
import re
import subprocess
import sys
import tomllib

deny = tomllib.load(open("deny.toml", "rb"))
allowed = set(deny["licenses"]["allow"])
metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"]))


def permitted(expression: str) -> bool:
    """SPDX: OR needs one side, AND both; the old slash is an OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def atom():
        if tokens[0] == "(":
            tokens.pop(0)
            value = either()
            tokens.pop(0)
            return value
        name = tokens.pop(0)
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            name += " WITH " + tokens.pop(0)
        return name in allowed

    def both():
        value = atom()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            value = atom() and value
        return value

    def either():
        value = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            value = both() or value
        return value

    return either()


def version(text: str):
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


faults = []
for package in metadata["packages"]:
    name = f"{package['name']} {package['version']}"
    source = package["source"]
    if source is not None and not source.startswith("registry+"):
        faults.append(f"{name}: comes from {source}, not from the registry")
    if source is not None and not permitted(package["license"] or ""):
        faults.append(f"{name}: licence {package['license']} is not on the list in deny.toml")
    for ban in deny["bans"]["deny"]:
        crate, _, below = ban["crate"].partition("@<")
        if package["name"] == crate and (not below or version(package["version"]) < version(below)):
            faults.append(f"{name}: banned, {ban['reason']}")
print("\n".join(faults) if faults else f"licences, bans and sources of {len(metadata['packages'])} packages are in order")
sys.exit(bool(faults))

#!/usr/bin/env python3
"""Writes schema/api-members.json: every input member of the calls that a spec stands for, every member
of the answers that are read, all operations, and the errors of all these calls, as botocore's model has
them. `tests/it/spec_coverage.rs` holds the spec's fields against the members of the calls.

    python3 -m venv .venv-schema && .venv-schema/bin/pip install botocore
    .venv-schema/bin/python schema/coverage.py            # writes the file
    .venv-schema/bin/python schema/coverage.py --check    # fails when this botocore has other members
    .venv-schema/bin/python schema/coverage.py --drift    # lists them (schema/drift.sh: against the newest botocore)
"""

import json
import pathlib
import re
import sys

CALLS = {
    "elasticache": [
        "CreateReplicationGroup",
        "ModifyReplicationGroup",
        "ModifyReplicationGroupShardConfiguration",
        "IncreaseReplicaCount",
        "DecreaseReplicaCount",
        "CreateServerlessCache",
        "ModifyServerlessCache",
        "CreateUser",
        "ModifyUser",
        "CreateUserGroup",
        "ModifyUserGroup",
        "CreateCacheParameterGroup",
        "ModifyCacheParameterGroup",
        "CreateCacheSubnetGroup",
        "ModifyCacheSubnetGroup",
    ],
    "cloudwatch": ["PutMetricAlarm", "PutCompositeAlarm"],
}
# What src/aws reads. tests/it/spec_coverage.rs fails where it reads something else.
ANSWERS = {
    "elasticache": [
        "DescribeReplicationGroups",
        "DescribeCacheClusters",
        "DescribeServerlessCaches",
        "DescribeUsers",
        "DescribeUserGroups",
        "DescribeCacheParameterGroups",
        "DescribeCacheParameters",
        "DescribeEngineDefaultParameters",
        "DescribeCacheSubnetGroups",
        "DescribeEvents",
        "DescribeUpdateActions",
        "ListAllowedNodeTypeModifications",
        "ListTagsForResource",
    ],
    "cloudwatch": ["DescribeAlarms", "GetDashboard", "GetMetricData", "ListDashboards"],
    "resourcegroupstaggingapi": ["GetResources"],
}
FILE = pathlib.Path(__file__).with_name("api-members.json")
SCHEMA = FILE.with_name("cachectl.schema.json")


def members(shape, above=()):
    """A structure as a map of its members, anything else as the name of its type or its words."""
    if shape.name in above:
        return shape.type_name
    if shape.type_name == "list":
        return [members(shape.member, above)]
    if shape.type_name == "structure":
        return {name: members(member, (*above, shape.name)) for name, member in sorted(shape.members.items())}
    if shape.type_name == "string" and shape.enum:
        return "|".join(sorted(shape.enum))
    return shape.type_name


def flat(found, above=""):
    """Every member by its path, with the words it takes."""
    if isinstance(found, list):
        return flat(found[0], above)
    if not isinstance(found, dict):
        return {}
    rows = {}
    for name, inner in found.items():
        path = f"{above}.{name}" if above else name
        last = inner[0] if isinstance(inner, list) else inner
        rows[path] = set(last.split("|")) if isinstance(last, str) and "|" in last else set()
        rows.update(flat(inner, path))
    return rows


def fields(schema):
    """The names of all fields that the spec has."""
    if isinstance(schema, list):
        return set().union(*map(fields, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})) | set().union(*map(fields, schema.values()))


def field_name(member):
    """`OKActions` is `okActions` in a spec, `ECPUPerSecond` is `ecpuPerSecond`."""
    return re.sub("^[A-Z]+(?=[A-Z][a-z]|$)|^[A-Z]", lambda run: run.group().lower(), member)


def drift(known, found):
    """What two models differ in, one line each."""
    names = fields(json.loads(SCHEMA.read_text()))

    def place(path):
        has_field = field_name(path.rsplit(".", 1)[-1]) in names
        return "the spec has a field of this name" if has_field else "no place in the spec"

    yield from differences(known["calls"], found["calls"], place)
    yield from differences(known["answers"], found["answers"], lambda path: "in an answer that is read")
    for what, one in (("operations", "operation"), ("errors", "error")):
        for of in sorted(known[what].keys() | found[what].keys()):
            before, after = set(known[what].get(of, [])), set(found[what].get(of, []))
            yield from (f"+ {of}: the {one} {name}" for name in sorted(after - before))
            yield from (f"- {of}: the {one} {name}" for name in sorted(before - after))


def differences(known, found, place):
    """Members and words that came and went, one line each."""
    before, after = flat(known), flat(found)
    for path in sorted(after.keys() - before.keys()):
        yield f"+ {path}: {place(path)}"
    for path in sorted(before.keys() - after.keys()):
        yield f"- {path}: gone"
    for path in sorted(after.keys() & before.keys()):
        yield from (f"+ {path}: the word {word}" for word in sorted(after[path] - before[path]))
        yield from (f"- {path}: the word {word}" for word in sorted(before[path] - after[path]))


def errors(operation):
    """The codes that an operation is refused with, by its model."""
    codes = (shape.metadata.get("error", {}).get("code", shape.name) for shape in operation.error_shapes)
    return sorted(set(codes))


def model_of(session):
    """All that is compared, of the services' models."""
    found = {"calls": {}, "answers": {}, "operations": {}, "errors": {}}
    for service, names in ANSWERS.items():
        model = session.get_service_model(service)
        found["operations"][service] = sorted(model.operation_names)
        for name in CALLS.get(service, []):
            found["calls"][name] = members(model.operation_model(name).input_shape)
        for name in names:
            found["answers"][name] = members(model.operation_model(name).output_shape)
        for name in [*CALLS.get(service, []), *names]:
            found["errors"][name] = errors(model.operation_model(name))
    return found


def main():
    import botocore
    import botocore.session

    found = {"source": f"botocore {botocore.__version__}", **model_of(botocore.session.get_session())}
    if "--drift" in sys.argv:
        known = json.loads(FILE.read_text())
        news = list(drift(known, found))
        print(f"{known['source']} is what the spec was held against; the newest is botocore {botocore.__version__}")
        print("\n".join(news) if news else "no member, operation or error was added or taken away")
        return 1 if news else 0
    if "--check" not in sys.argv:
        FILE.write_text(json.dumps(found, indent=2) + "\n")
        return 0
    known = json.loads(FILE.read_text())
    if all(known.get(part) == found[part] for part in ("calls", "answers", "operations", "errors")):
        return 0
    print(f"{FILE.name} is not what botocore {botocore.__version__} has; run {sys.argv[0]}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

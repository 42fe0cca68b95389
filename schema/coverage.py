#!/usr/bin/env python3
"""Writes schema/api-members.json: every input member of the calls that a spec stands for, as
botocore's model has them. `tests/it/spec_coverage.rs` holds the spec's fields against it.

    python3 -m venv .venv-schema && .venv-schema/bin/pip install botocore
    .venv-schema/bin/python schema/coverage.py            # writes the file
    .venv-schema/bin/python schema/coverage.py --check    # fails when AWS has added a member
"""

import json
import pathlib
import sys

import botocore
import botocore.session

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
    "cloudwatch": ["PutMetricAlarm"],
}
FILE = pathlib.Path(__file__).with_name("api-members.json")


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


def main():
    session = botocore.session.get_session()
    calls = {}
    for service, names in CALLS.items():
        model = session.get_service_model(service)
        for name in names:
            calls[name] = members(model.operation_model(name).input_shape)
    found = {"source": f"botocore {botocore.__version__}", "calls": calls}
    if "--check" not in sys.argv:
        FILE.write_text(json.dumps(found, indent=2) + "\n")
        return 0
    if json.loads(FILE.read_text())["calls"] == calls:
        return 0
    print(f"{FILE.name} is not what botocore {botocore.__version__} has; run {sys.argv[0]}", file=sys.stderr)
    return 1


sys.exit(main())

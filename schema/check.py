#!/usr/bin/env python3
"""Holds schema/cachectl.schema.json against an independent validator (Python's jsonschema).

    schema/check.py                    every YAML file of specs/ is valid
    schema/check.py --generated        documents on stdin, one JSON object a line with the reader's verdict:
                                       both must say the same

Exit 77 where jsonschema (or, for files, PyYAML) is not installed: there is nothing to check with.
"""

import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: pip install jsonschema pyyaml, to hold the schema against another validator")
    sys.exit(77)

FOLDER = pathlib.Path(__file__).parent
SCHEMA = json.loads((FOLDER / "cachectl.schema.json").read_text())


def why(error):
    """The deepest of what `anyOf` and `oneOf` hide."""
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    return f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"


def generated(validator):
    wrong = accepted = refused = 0
    for line in sys.stdin:
        case = json.loads(line)
        error = next(iter(validator.iter_errors(case["document"])), None)
        accepted += error is None
        refused += error is not None
        if (error is None) != case["accepted"]:
            wrong += 1
            if wrong <= 20:
                print(f"seed {case['seed']}: the reader says {case['why'] or 'yes'}; the schema says {why(error) if error else 'yes'}")
    print(f"{accepted} accepted, {refused} refused, {wrong} differ")
    return wrong


def files(validator):
    try:
        import yaml
    except ImportError:
        print("skipped: pip install pyyaml")
        sys.exit(77)
    wrong = 0
    for path in sorted((FOLDER.parent / "specs").rglob("*.yaml")):
        # YAML 1.1 reads some words as booleans; the reader and editors follow 1.2.
        error = next(iter(validator.iter_errors(yaml.safe_load(path.read_text()))), None)
        if error:
            wrong += 1
            print(f"{path}: {why(error)}")
    return wrong


jsonschema.Draft202012Validator.check_schema(SCHEMA)
checker = jsonschema.Draft202012Validator(SCHEMA)
sys.exit(1 if (generated(checker) if "--generated" in sys.argv else files(checker)) else 0)

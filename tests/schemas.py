"""JSON documents held against the schemas that docs/schemas promises."""

import json
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parent.parent / "docs" / "schemas"


def schema(name):
    """The schema of a document, by the name of its file."""
    return json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))


@cache
def validator(name):
    registry = Registry().with_resource("common.json", Resource.from_contents(schema("common")))
    return Draft202012Validator(
        schema(name), registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def faults(name, held):
    """What in a document is not as its schema says, a line each."""
    return [f"{e.json_path}: {e.message[:200]}" for e in validator(name).iter_errors(held)]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The schema itself: valid, documented, and usable by editors and error messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import (
    ALL_PARTS,
    SCHEMA,
    schema_of,
)

HOLDERS = ("items", "additionalProperties", "propertyNames")


def subschemas(schema: dict[str, Any], name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield name, schema
    for key, value in schema.get("properties", {}).items():
        yield from subschemas(value, f"{name}.{key}")
    for holder in HOLDERS:
        if isinstance(schema.get(holder), dict):
            yield from subschemas(schema[holder], f"{name}.{holder}")


def test_schema_is_valid_and_plain_json() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert "$id" not in SCHEMA


@pytest.mark.parametrize(("name", "schema"), list(subschemas(SCHEMA)))
def test_schema_has_titles_and_descriptions(name: str, schema: dict[str, Any]) -> None:
    assert schema["title"]
    assert "type" in schema or name.endswith("propertyNames")
    if "properties" in schema:
        assert schema["additionalProperties"] is False
        assert list(schema["patternProperties"]) == ["^x-"]
        for key, value in schema["properties"].items():
            assert value["description"].endswith("."), f"{name}.{key} is not documented"


def test_schema_accepts_valid_data_with_jsonschema() -> None:
    """Editors do not know our stricter rules for numbers."""
    data = {
        "x-any": 1,
        "nodes": {"a": {"ip": "10.0.0.1", "labels": {"a": 1, "b": True, "c": None}}, "b": None},
        "dependencies": {"db": ["web"], "x": {"services": [], "retry_intervals": [0.5]}},
    }
    jsonschema.validate(data, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"nodes": {"a": {"labels": ["a b"]}}}, SCHEMA)


def test_schema_of_limits_parts() -> None:
    assert schema_of(ALL_PARTS) == SCHEMA
    assert list(schema_of(["nodes"])["properties"]) == ["nodes"]
    assert schema_of(["nodes"])["title"] == "a mapping with nodes"
    assert schema_of(["leader", "nodes"])["title"] == "a mapping with leader or nodes"

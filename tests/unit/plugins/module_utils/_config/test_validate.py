# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For every schema, our validator reports the same faults as the library jsonschema."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter_schema import EXPORTER_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.mods_schema import MODS_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance_schema import REBALANCE_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.validate import (
    ANNOTATIONS,
    KEYWORDS,
    validate,
)

SCHEMAS = {
    "exporter": EXPORTER_SCHEMA,
    "mods": MODS_SCHEMA,
    "rebalance": REBALANCE_SCHEMA,
    "swarm": SCHEMA,
}
WHOLE, BRANCHES = ("items", "additionalProperties", "propertyNames"), ("properties", "patternProperties")


def is_integer(_checker: Any, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(_checker: Any, value: object) -> bool:
    return is_integer(None, value) or (isinstance(value, float) and not math.isnan(value))


def reference(schema: dict[str, Any]) -> Any:
    """The validator of jsonschema, with our two stricter rules for numbers."""
    base = jsonschema.Draft202012Validator
    checker = base.TYPE_CHECKER.redefine_many({"integer": is_integer, "number": is_number})
    return jsonschema.validators.extend(base, type_checker=checker)(schema)


def subschemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for holder in WHOLE:
        if isinstance(schema.get(holder), dict):
            yield from subschemas(schema[holder])
    for holder in BRANCHES:
        for one in schema.get(holder, {}).values():
            yield from subschemas(one)


def words_of(schema: dict[str, Any]) -> list[Any]:
    """Keys and values that occur in a schema, so that random data reaches its deeper levels."""
    found: list[Any] = ["x-any", "a", "A b", "", 0, 1, -1, 2**70, 1.0, 0.5, math.nan, math.inf, True, None]
    for one in subschemas(schema):
        found += [*one.get("properties", {}), *one.get("enum", []), one.get("minimum", 0)]
    return found


def faults(value: Any, schema: dict[str, Any]) -> set[tuple[Any, ...]]:
    return {(fault.path, fault.keyword, fault.is_name) for fault in validate(value, schema)}


def library_faults(value: Any, schema: dict[str, Any]) -> set[tuple[Any, ...]]:
    return {
        (tuple(error.absolute_path), error.validator, "propertyNames" in error.absolute_schema_path)
        for error in reference(schema).iter_errors(value)
    }


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_use_only_implemented_keywords(name: str) -> None:
    for one in subschemas(SCHEMAS[name]):
        assert one.keys() <= KEYWORDS | ANNOTATIONS


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_validate_agrees_with_jsonschema(name: str, data: st.DataObject) -> None:
    schema = SCHEMAS[name]
    words = words_of(schema)
    leaves = st.sampled_from(words) | st.text(max_size=4)
    keys = st.sampled_from([word for word in words if isinstance(word, str)])
    trees = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=25,
    )
    top = st.fixed_dictionaries({}, optional=dict.fromkeys(schema["properties"], trees))
    value = data.draw(top | trees)
    assert faults(value, schema) == library_faults(value, schema)


@pytest.mark.parametrize(
    ("value", "keyword"),
    [
        ({"leader": 1}, "type"),
        ({"managers": True}, "type"),
        ({"managers": 1.0}, "type"),
        ({"managers": 1, "nodes": {"a": {"labels": {"b": 2**64}}}}, "maximum"),
        ({"nodes": {"a": {"role": "boss"}}}, "enum"),
        ({"nodes": {"a b": None}}, "pattern"),
        ({"node": {}}, "additionalProperties"),
        ({"dependencies": {"db": {"retry_intervals": []}}}, "minItems"),
    ],
)
def test_validate_reports_each_keyword(value: Any, keyword: str) -> None:
    assert keyword in {fault.keyword for fault in validate(value, SCHEMA)}
    assert library_faults(value, SCHEMA) == faults(value, SCHEMA)

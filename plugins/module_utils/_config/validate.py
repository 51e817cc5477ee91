# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validate plain data against the subset of JSON Schema that our schemas use.

Managed hosts only have the Docker SDK, so the library jsonschema is not available there. The keywords follow
JSON Schema 2020-12 (Core, section 10; Validation, section 6), except that 1.0 is not an integer and NaN is
not a number. Tests compare the results with those of jsonschema.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .._model.compat import dataclass
from .words import KeyPath

# The keywords that a schema may contain, besides annotations.
KEYWORDS = frozenset(
    {
        "additionalProperties",
        "enum",
        "exclusiveMinimum",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "pattern",
        "patternProperties",
        "properties",
        "propertyNames",
        "required",
        "type",
    }
)
ANNOTATIONS = frozenset({"$schema", "title", "description", "default", "writeOnly"})


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that violates a keyword of its schema.

    ``value`` is at ``path``. If ``is_name`` is True, it is a key of the mapping at ``path``.
    """

    path: KeyPath
    keyword: str
    schema: Mapping[str, Any]
    value: Any
    is_name: bool = False


def validate(value: Any, schema: Mapping[str, Any], path: KeyPath = ()) -> Iterator[Fault]:
    """Yield each fault of ``value``, in the order of the schema's keywords. Data and schema must be trees."""
    for keyword, rule in schema.items():
        if keyword in _CHECKS and not _CHECKS[keyword](value, rule):
            yield Fault(path, keyword, schema, value)
    if isinstance(value, Mapping):
        yield from _validate_mapping(value, schema, path)
    elif isinstance(value, (list, tuple)) and "items" in schema:
        for index, item in enumerate(value):
            yield from validate(item, schema["items"], (*path, index))


def _validate_mapping(value: Mapping[Any, Any], schema: Mapping[str, Any], path: KeyPath) -> Iterator[Fault]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    patterns = schema.get("patternProperties", {})
    if others is False and _unknown_keys(value, schema):
        yield Fault(path, "additionalProperties", schema, value)
    for key, one in value.items():
        for fault in validate(key, schema.get("propertyNames", {}), path):
            yield Fault(path, fault.keyword, fault.schema, key, is_name=True)
        if key in properties:
            yield from validate(one, properties[key], (*path, key))
        matching = [rule for pattern, rule in patterns.items() if _matches(pattern, key)]
        for rule in matching:
            yield from validate(one, rule, (*path, key))
        if key not in properties and not matching and others is not False:
            yield from validate(one, others, (*path, key))


def _unknown_keys(value: Mapping[Any, Any], schema: Mapping[str, Any]) -> list[Any]:
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return [key for key in value if key not in known and not any(_matches(one, key) for one in patterns)]


def _matches(pattern: str, text: object) -> bool:
    return isinstance(text, str) and re.search(pattern, text) is not None


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and not math.isnan(value))


_TYPES: dict[str, Callable[[object], bool]] = {
    "array": lambda value: isinstance(value, (list, tuple)),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "null": lambda value: value is None,
    "number": _is_number,
    "object": lambda value: isinstance(value, Mapping),
    "string": lambda value: isinstance(value, str),
}


def _has_type(value: object, types: str | list[str]) -> bool:
    return any(_TYPES[name](value) for name in ([types] if isinstance(types, str) else types))


def _is_one_of(value: object, choices: list[Any]) -> bool:
    # in JSON, unlike Python, true does not equal 1
    return any(isinstance(one, bool) is isinstance(value, bool) and one == value for one in choices)


_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "enum": _is_one_of,
    "exclusiveMinimum": lambda value, least: not _is_number(value) or value > least,
    "maxItems": lambda value, most: not isinstance(value, (list, tuple)) or len(value) <= most,
    "maximum": lambda value, most: not _is_number(value) or value <= most,
    "minItems": lambda value, least: not isinstance(value, (list, tuple)) or len(value) >= least,
    "minimum": lambda value, least: not _is_number(value) or value >= least,
    "pattern": lambda value, pattern: not isinstance(value, str) or _matches(pattern, value),
    "required": lambda value, keys: not isinstance(value, Mapping) or all(key in value for key in keys),
    "type": _has_type,
}

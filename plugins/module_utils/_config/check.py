# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check one document against the schema, and explain each fault."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from .._model.errors import MAX_PROBLEMS, ConfigError, Problem, ProblemCode
from .document import Document
from .schema import Schema, schema_of
from .validate import Fault, validate
from .words import KeyPath, describe, describe_kind, one_of, suggest

# strings that YAML would read as a boolean or a number without the quotes
_BOOLEANS = frozenset({"true", "false", "yes", "no", "on", "off", "True", "False", "Yes", "No"})
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

# the code of a problem for each keyword of JSON Schema
_CODES: dict[str, ProblemCode] = {
    "additionalProperties": "unknown_key",
    "enum": "invalid_value",
    "exclusiveMinimum": "out_of_range",
    # the schemas allow a list instead of a mapping only if it is empty
    "maxItems": "wrong_type",
    "maximum": "out_of_range",
    "minItems": "out_of_range",
    "minimum": "out_of_range",
    "pattern": "invalid_value",
    "required": "missing",
    "type": "wrong_type",
}


def check_document(document: Document, parts: Iterable[str]) -> dict[KeyPath, Problem]:
    """Check the structure of a document that may contain ``parts``. Returns path → problem.

    If a value has several problems, only the first is returned.
    """
    return check_against(document, schema_of(parts))


def check_against(document: Document, schema: Schema) -> dict[KeyPath, Problem]:
    """Check the structure of a document against a schema whose values all have a type and a title.

    Returns path → problem. Raises ConfigError for more than MAX_PROBLEMS problems.
    """
    problems: dict[KeyPath, Problem] = {}
    for fault in validate(document.data, schema):
        code = "invalid_name" if fault.is_name else _CODES[fault.keyword]
        for path, expected, found in _explain(fault):
            problems.setdefault(path, document.problem(path, expected, found, code))
            if len(problems) > MAX_PROBLEMS:
                raise ConfigError(sorted(problems.values(), key=lambda problem: problem.line or 0))
    return problems


def _explain(fault: Fault) -> list[tuple[KeyPath, str, str]]:
    """The path, the expected and the found value of each problem that a fault stands for."""
    path, schema, value = fault.path, fault.schema, fault.value
    if fault.is_name:
        return [((*path, value), schema["title"], describe(value))]
    if fault.keyword == "additionalProperties":
        known = schema["properties"]
        unknown = (
            key
            for key in value
            if key not in known and not any(re.search(p, key) for p in schema["patternProperties"])
        )
        return [
            ((*path, key), one_of(known), f"{describe(key)}{suggest(key, known)}")
            for key in islice(unknown, MAX_PROBLEMS + 1)
        ]
    if fault.keyword == "required":
        missing = [key for key in schema["required"] if key not in value]
        return [((*path, key), schema["properties"][key]["title"], "nothing") for key in missing]
    if schema.get("writeOnly"):
        # a secret, or a value that may contain one
        return [(path, schema["title"], f"{describe_kind(value)}{_quotes(schema, value)}")]
    # if the schema allows any number, quotes do not help
    can_help = fault.keyword == "type" or "number" not in schema["type"]
    hint = _quotes(schema, value) if can_help else ""
    return [(path, schema["title"], f"{describe(value)}{hint}")]


def _quotes(schema: Mapping[str, Any], value: Any) -> str:
    """A hint if adding or removing quotes would give the value the right type."""
    types: Collection[str] = schema["type"]
    if "string" in types and isinstance(value, (bool, int, float)):
        return " (quote it)" if re.search(schema.get("pattern", ""), str(value)) else ""
    if isinstance(value, str) and (
        ("boolean" in types and value in _BOOLEANS)
        or ("number" in types and _NUMBER.fullmatch(value))
        or ("integer" in types and value.isdecimal())
    ):
        return " (remove the quotes)"
    return ""

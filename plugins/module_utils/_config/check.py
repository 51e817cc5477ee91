# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check one document against the schema, in our own words."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any

from .._model.errors import MAX_PROBLEMS, ConfigError, Problem
from .document import Document
from .schema import Schema, schema_of
from .validate import Fault, validate
from .words import KeyPath, describe, describe_kind, one_of, suggest

# what YAML reads as a boolean, or a number, where it stands without quotes
_BOOLEANS = frozenset({"true", "false", "yes", "no", "on", "off", "True", "False", "Yes", "No"})
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def check_document(document: Document, parts: Iterable[str]) -> dict[KeyPath, Problem]:
    """What is wrong with the shape of a document that may hold ``parts``: path → problem.

    Of several things wrong with one value, the first is told.
    """
    return check_against(document, schema_of(parts))


def check_against(document: Document, schema: Schema) -> dict[KeyPath, Problem]:
    """What is wrong with the shape of a document, by any schema whose values all have a type and a title.

    Raises ConfigError where that is more than anybody would read.
    """
    problems: dict[KeyPath, Problem] = {}
    for fault in validate(document.data, schema):
        for path, expected, found in _in_words(fault):
            problems.setdefault(path, document.problem(path, expected, found))
            if len(problems) > MAX_PROBLEMS:
                raise ConfigError(sorted(problems.values(), key=lambda problem: problem.line or 0))
    return problems


def _in_words(fault: Fault) -> list[tuple[KeyPath, str, str]]:
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
        # a secret, or something that may hold one
        return [(path, schema["title"], describe_kind(value))]
    # where any number is welcome, quotes do not make a wrong one right
    can_help = fault.keyword == "type" or "number" not in schema["type"]
    hint = _quotes(schema["type"], value) if can_help else ""
    return [(path, schema["title"], f"{describe(value)}{hint}")]


def _quotes(types: Collection[str], value: Any) -> str:
    """What to do where quotes have made the value one of another type, or the lack of them."""
    if "string" in types and isinstance(value, (bool, int, float)):
        return " (put it in quotes)"
    if isinstance(value, str) and (
        ("boolean" in types and value in _BOOLEANS)
        or ("number" in types and _NUMBER.fullmatch(value))
        or ("integer" in types and value.isdecimal())
    ):
        return " (leave out the quotes)"
    return ""

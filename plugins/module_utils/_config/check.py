# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check one document against the schema, in our own words."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import (
    Schema,
    create_validator,
    schema_of,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._config.words import (
    KeyPath,
    describe,
    one_of,
    suggest,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import Problem


def check_document(document: Document, parts: Iterable[str]) -> dict[KeyPath, Problem]:
    """What is wrong with the shape of a document that may hold ``parts``: path → problem.

    Of several things wrong with one value, the first is told.
    """
    return check_against(document, schema_of(parts))


def check_against(document: Document, schema: Schema) -> dict[KeyPath, Problem]:
    """What is wrong with the shape of a document, by any schema whose values all have a type and a title."""
    problems: dict[KeyPath, Problem] = {}
    for error in create_validator(schema).iter_errors(document.data):
        for path, expected, found in _in_words(error):
            problems.setdefault(path, document.problem(path, expected, found))
    return problems


def _in_words(error: Any) -> list[tuple[KeyPath, str, str]]:
    path: KeyPath = tuple(error.absolute_path)
    schema, value = error.schema, error.instance
    if "propertyNames" in error.absolute_schema_path:
        return [((*path, value), schema["title"], describe(value))]
    if error.validator == "additionalProperties":
        known = schema["properties"]
        return [
            ((*path, key), one_of(known), f"{describe(key)}{suggest(key, known)}")
            for key in value
            if key not in known and not any(re.search(p, key) for p in schema["patternProperties"])
        ]
    if error.validator == "required":
        missing = [key for key in schema["required"] if key not in value]
        return [((*path, key), schema["properties"][key]["title"], "nothing") for key in missing]
    hint = ""
    if "string" in schema["type"] and isinstance(value, (bool, int, float)):
        hint = " (put it in quotes)"
    return [(path, schema["title"], f"{describe(value)}{hint}")]

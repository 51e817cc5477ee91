# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Orcastra logs in at exporters and Prometheus servers: from the user's keys to the headers of a request.

No message holds a value of such a key. Before the configuration is handed on, as the parameter of a module,
the secrets in it are replaced by variables, which go another way.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from .schema import EXTENSIONS, Schema
from .variables import VARIABLE, VariableError, check_names, expand, is_known
from .words import KeyPath

VARIABLE_PREFIX = "ORCASTRA_METRICS_"
# Tells of a problem: the key under the login, what was expected, what was found.
Tell = Callable[[KeyPath, str, str], None]

_FROM_VARIABLE = "`${VAR}` is taken from the environment, or from the file that `VAR_FILE` names."


def _text(title: str, description: str) -> Schema:
    return {"type": ["string", "null"], "title": title, "description": description, "writeOnly": True}


LOGIN_KEYS: dict[str, Schema] = {
    "username": _text("a user's name", "The user of HTTP basic authentication."),
    "password": _text("a password", f"That user's password. {_FROM_VARIABLE}"),
    "bearer_token": _text("a token", f"Sent as `Authorization: Bearer TOKEN`. {_FROM_VARIABLE}"),
    "headers": {
        "type": ["object", "null"],
        "title": "a mapping of headers to values",
        "description": f"Other headers to send. {_FROM_VARIABLE}",
        "writeOnly": True,
        "propertyNames": {
            "pattern": r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$(?!\n)",
            "title": "the name of a header",
        },
        "additionalProperties": {"type": "string", "title": "text", "writeOnly": True},
    },
}

LOGIN: Schema = {
    "type": ["object", "null"],
    "title": "a mapping with username and password, bearer_token or headers",
    "writeOnly": True,
    "properties": LOGIN_KEYS,
    "patternProperties": EXTENSIONS,
    "additionalProperties": False,
}

# What a request needs to be understood; somebody else's value would lead it astray.
_RESERVED = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})


def ours(given: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping without keys that are for anchors of YAML and for other tools."""
    return {key: value for key, value in given.items() if not key.startswith("x-")}


def has_login(given: Mapping[str, Any]) -> bool:
    """Whether a mapping has a key of a login."""
    return any(given.get(key) is not None for key in LOGIN_KEYS)


def login_headers(
    given: Mapping[str, Any],
    environment: Mapping[str, str] | None,
    tell: Tell,
    *,
    may_be_literal: bool = True,
) -> dict[str, str]:
    """The headers that a login means; what is wrong with it is told.

    ``environment`` is None if ``${VAR}`` stays as it is. ``may_be_literal``: whether a secret may stand there
    as it is.
    """

    def value(path: KeyPath, text: Any, *, is_secret: bool = True) -> str:
        try:
            check_names(text)
            found = text if environment is None else expand(text, environment)
        except VariableError as error:
            tell(path, error.expected, error.found)
            return ""
        if is_secret and not may_be_literal and not VARIABLE.search(text):
            tell(path, "${VAR}, with its value in `variables`, which no log shows", "the value itself")
        if not found.isprintable():
            tell(path, "one line of text", "a control character")
        return found

    found: dict[str, str] = {}
    for name, text in (given.get("headers") or {}).items():
        if name.lower() in _RESERVED:
            tell(("headers", name), "a header that Orcastra does not set itself", f"'{name}'")
        found[name] = value(("headers", name), text)
    user, password, token = (given.get(key) for key in ("username", "password", "bearer_token"))
    ways = [key for key in ("username", "bearer_token") if given.get(key) is not None]
    ways += ["headers.Authorization" for name in found if name.lower() == "authorization"]
    if len(ways) > 1:
        tell((ways[0],), "one way to log in", " and ".join(ways))
    if (user is None) != (password is None):
        missing, there = ("password", "username") if password is None else ("username", "password")
        tell((missing,), f"{missing}, as there is {there}", "nothing")
    elif user is not None:
        name = value(("username",), user, is_secret=False)
        if ":" in name:
            tell(("username",), "a name without ':'", "one with ':'")
        found |= basic_headers(name, value(("password",), password))
    if token is not None:
        found["Authorization"] = f"Bearer {value(('bearer_token',), token)}"
    return found


def basic_headers(user: str, password: str) -> dict[str, str]:
    """The header of HTTP basic authentication."""
    both = f"{user}:{password}".encode(errors="replace")
    return {"Authorization": f"Basic {base64.b64encode(both).decode()}"}


class Apart:
    """Takes the secrets out of logins, for what is handed on. ``variables`` are their values."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.variables: dict[str, str] = {}
        self._environment = environment

    def login(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same mapping, with ``${…}`` in the place of each secret whose value is known here."""
        found = ours(given)
        for key in LOGIN_KEYS:
            value = given.get(key)
            if isinstance(value, str) and (key != "username" or VARIABLE.search(value)):
                found[key] = self._variable(value)
            elif key == "headers" and isinstance(value, Mapping):
                found[key] = {name: self._variable(text) for name, text in value.items()}
        return found

    def _variable(self, text: str) -> str:
        if not is_known(text, self._environment):
            return text
        name = f"{VARIABLE_PREFIX}{len(self.variables)}"
        self.variables[name] = expand(text, self._environment)
        return f"${{{name}}}"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins for exporters and Prometheus servers: turn the user's keys into request headers.

No message contains a value of these keys. Before the configuration becomes a module parameter, its secrets
are replaced by variables, and their values are passed separately.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from .._model.errors import ProblemCode
from .schema import EXTENSIONS, Schema
from .variables import VARIABLE, VariableError, check_names, expand, is_known
from .words import KeyPath

VARIABLE_PREFIX = "ORCASTRA_METRICS_"
# Reports a problem: the path below the login, the expected and the found value, the code.
Report = Callable[[KeyPath, str, str, ProblemCode], None]

_FROM_VARIABLE = "`${VAR}` is replaced by the environment variable, or by the content of the file `VAR_FILE`."


def _text(title: str, description: str) -> Schema:
    return {"type": ["string", "null"], "title": title, "description": description, "writeOnly": True}


LOGIN_KEYS: dict[str, Schema] = {
    "username": _text("a user name", "User name for HTTP basic authentication."),
    "password": _text("a password", f"Password for HTTP basic authentication. {_FROM_VARIABLE}"),
    "bearer_token": _text("a token", f"Sent as `Authorization: Bearer TOKEN`. {_FROM_VARIABLE}"),
    "headers": {
        "type": ["object", "null"],
        "title": "a mapping of headers to values",
        "description": f"Additional request headers. {_FROM_VARIABLE}",
        "writeOnly": True,
        "propertyNames": {
            "pattern": r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$(?!\n)",
            "title": "a header name",
        },
        "additionalProperties": {"type": "string", "title": "a string", "writeOnly": True},
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

# HTTP needs these headers to interpret the request; a different value would break it.
_RESERVED = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})


def without_extensions(given: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping without extensions: keys that start with ``x-``."""
    return {key: value for key, value in given.items() if not key.startswith("x-")}


def has_login(given: Mapping[str, Any]) -> bool:
    """Whether a mapping has a key of a login."""
    return any(given.get(key) is not None for key in LOGIN_KEYS)


def login_headers(
    given: Mapping[str, Any],
    environment: Mapping[str, str] | None,
    report: Report,
    *,
    may_be_literal: bool = True,
) -> dict[str, str]:
    """The request headers of a login. Problems go to ``report``.

    If ``environment`` is None, ``${VAR}`` is not replaced. If ``may_be_literal`` is False, each secret must
    contain a variable.
    """

    def value(path: KeyPath, text: Any, *, is_secret: bool = True) -> str:
        try:
            check_names(text)
            found = text if environment is None else expand(text, environment)
        except VariableError as error:
            report(path, error.expected, error.found, error.code)
            return ""
        if is_secret and not may_be_literal and not VARIABLE.search(text):
            expected = "a ${VAR} with its value in `variables`, which logs never show"
            report(path, expected, "the value itself", "exposed_secret")
        if not found.isprintable():
            report(path, "a single line without control characters", "a control character", "invalid_value")
        return found

    found: dict[str, str] = {}
    for name, text in (given.get("headers") or {}).items():
        if name.lower() in _RESERVED:
            report(("headers", name), "a header that Orcastra does not set itself", f"'{name}'", "reserved")
        found[name] = value(("headers", name), text)
    user, password, token = (given.get(key) for key in ("username", "password", "bearer_token"))
    ways = [key for key in ("username", "bearer_token") if given.get(key) is not None]
    ways += ["headers.Authorization" for name in found if name.lower() == "authorization"]
    if len(ways) > 1:
        report((ways[0],), "one login method", " and ".join(ways), "conflict")
    if (user is None) != (password is None):
        missing, given_key = ("password", "username") if password is None else ("username", "password")
        report((missing,), f"a {missing} for the {given_key}", "nothing", "missing")
    elif user is not None:
        name = value(("username",), user, is_secret=False)
        if ":" in name:
            report(("username",), "a user name without ':'", "one with ':'", "invalid_value")
        found |= basic_headers(name, value(("password",), password))
    if token is not None:
        found["Authorization"] = f"Bearer {value(('bearer_token',), token)}"
    return found


def basic_headers(user: str, password: str) -> dict[str, str]:
    """The header of HTTP basic authentication (RFC 7617)."""
    both = f"{user}:{password}".encode(errors="replace")
    return {"Authorization": f"Basic {base64.b64encode(both).decode()}"}


class SecretExtractor:
    """Replaces the secrets in logins with variables. ``variables`` has the values."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.variables: dict[str, str] = {}
        self._environment = environment

    def login(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same mapping, with a variable in place of each secret whose value is known here."""
        found = without_extensions(given)
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

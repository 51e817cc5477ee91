# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Separate possible secrets from the rest of a configuration of mods.

The values of headers and of URL queries may be secret, but Ansible and the log of each host show the
arguments of a module.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .._config.urls import shown

VARIABLE = re.compile(r"\$\{([^}]*)\}")
VARIABLE_PREFIX = "ORCASTRA_MOD_SECRET_"
MASK = "***"
# these words are no secrets
_PLAIN_HEADERS = frozenset({"accept", "accept-language", "user-agent"})
_PLAIN_KEYS = frozenset({"image", "name", "sha256", "unpack", "optional", "select"})
_PLAIN_TOP_KEYS = frozenset({"version", "discover", "prune", "concurrency", "max_bytes"})
_URLS = ("url", "api")
_QUERY = re.compile(r"([?&;#])([^?&;#=]*=)?([^?&;#]+)")


def set_apart(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The configuration with a ``${VAR}`` in place of each secret, and the values of these variables."""
    variables: dict[str, str] = {}

    def variable(value: str) -> str:
        if not value or VARIABLE.search(value):
            return value
        name = f"{VARIABLE_PREFIX}{len(variables)}"
        variables[name] = value
        return f"${{{name}}}"

    data = dict(config)
    mods = data.get("mods")
    if isinstance(mods, list):
        data["mods"] = [_with(mod, variable) for mod in mods]
    return data, variables


def _with(mod: Any, replace: Callable[[str], str]) -> Any:
    if isinstance(mod, str):
        return _in_query(mod, replace)
    if not isinstance(mod, Mapping):
        return mod
    changed = dict(mod)
    for key in _URLS:
        if isinstance(changed.get(key), str):
            changed[key] = _in_query(changed[key], replace)
    if isinstance(changed.get("headers"), Mapping):
        changed["headers"] = {
            name: value
            if str(name).lower() in _PLAIN_HEADERS or not isinstance(value, str)
            else replace(value)
            for name, value in changed["headers"].items()
        }
    return changed


def _in_query(url: str, replace: Callable[[str], str]) -> str:
    """The URL with its query values and its fragment replaced. Possible names of parameters stay."""
    at = min((place for place in (url.find("?"), url.find("#")) if place >= 0), default=len(url))
    return url[:at] + _QUERY.sub(lambda found: f"{found[1]}{found[2] or ''}{replace(found[3])}", url[at:])


def masked(config: Any) -> Any:
    """The configuration, or any value given instead of one, without secrets."""
    if isinstance(config, list):
        return [_masked_mod(mod) for mod in config]
    if not isinstance(config, Mapping):
        return config if config is None else MASK
    found: dict[str, Any] = {}
    for key, value in config.items():
        if key == "mods" and isinstance(value, list):
            found[key] = [_masked_mod(mod) for mod in value]
        else:
            found[str(key)] = value if key in _PLAIN_TOP_KEYS else MASK
    return found


def _masked_mod(mod: Any) -> Any:
    if isinstance(mod, str):
        return masked_url(mod)
    if not isinstance(mod, Mapping):
        return MASK
    found: dict[str, Any] = {}
    for key, value in mod.items():
        if key in _URLS and isinstance(value, str):
            found[key] = masked_url(value)
        elif key == "headers" and isinstance(value, Mapping):
            found[key] = {
                name: one if str(name).lower() in _PLAIN_HEADERS else MASK for name, one in value.items()
            }
        else:
            found[str(key)] = value if key in _PLAIN_KEYS else MASK
    return found


def masked_url(text: str) -> str:
    """A URL as messages show it; an image reference stays as it is."""
    return shown(text) if "://" in text else text


def secrets_of(config: Any, variables: Mapping[str, Any]) -> set[str]:
    """All values that may be secret."""
    found = {str(value) for value in variables.values()}

    def note(value: str) -> str:
        found.add(value)
        return value

    mods = config.get("mods") if isinstance(config, Mapping) else config
    for mod in mods if isinstance(mods, list) else ():
        _with(mod, note)
    return found

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare a spec with its desired part, and merge the two without changing the rest."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# the fields that identify an entry in a list of mappings
_IDENTITIES = {"Mounts": ("Target",), "Ports": ("TargetPort", "Protocol"), "Networks": ("Target",)}


def merged(current: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """``current`` with everything that ``desired`` contains.

    Mappings are merged. Lists are replaced, but an entry that is in both keeps the fields that ``desired``
    does not mention. Environment variables are merged by name. Equivalent values are kept as written: to
    Swarm, an absent field equals an empty one, and an image equals the same image with a digest.
    """
    result = dict(current)
    for key, value in desired.items():
        new = _value(key, current.get(key), value)
        if _essence(new) != _essence(current.get(key)):
            result[key] = new
    return result


def differences(
    current: Mapping[str, Any], desired: Mapping[str, Any], path: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Dotted path of each field that ``merged`` would change → (current value, new value)."""
    found: dict[str, tuple[Any, Any]] = {}
    after = merged(current, desired)
    for key in desired:
        old, new = current.get(key), after.get(key)
        if old == new:
            continue
        if key != "Mode" and isinstance(old, Mapping) and isinstance(desired[key], Mapping):
            found |= differences(old, desired[key], f"{path}{key}.")
        else:
            found[f"{path}{key}"] = (old, new)
    return found


def _value(key: str, current: Any, desired: Any) -> Any:
    if key == "Mode" and isinstance(desired, Mapping):  # the mode of an endpoint is just a string
        return desired if _mode(current) != _mode(desired) else {**(current or {}), **desired}
    if key == "Image" and isinstance(current, str) and "@" not in desired:
        return current if current.partition("@")[0] == desired else desired
    if isinstance(desired, Mapping):
        return merged(current if isinstance(current, Mapping) else {}, desired)
    if key == "Env":
        return _environment(current or [], desired)
    if key in _IDENTITIES:
        known = {_identity(key, entry): entry for entry in current or []}
        return [merged(known.get(_identity(key, entry), {}), entry) for entry in desired]
    return desired


def _mode(mode: Any) -> tuple[str, ...]:
    return tuple(mode or ())


def _identity(key: str, entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(entry.get(name) for name in _IDENTITIES[key])


def _environment(current: list[str], desired: list[str]) -> list[str]:
    values = {entry.partition("=")[0]: entry for entry in desired}
    kept = [values.pop(name, entry) for entry in current for name in (entry.partition("=")[0],)]
    return [*kept, *values.values()]


def _essence(value: Any) -> Any:
    """The value without its empty parts, which Swarm does not store."""
    if isinstance(value, Mapping):
        parts = {key: _essence(item) for key, item in value.items()}
        # a mode may consist of its name only
        return {key: item for key, item in parts.items() if item or key in ("Global", "GlobalJob")} or None
    if isinstance(value, list):
        return [_essence(item) for item in value] or None
    return value or None

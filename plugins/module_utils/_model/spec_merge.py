# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare a spec with the part of it that is wanted, and bring it there without touching the rest."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# what tells the entries of a list of mappings apart
_IDENTITIES = {"Mounts": ("Target",), "Ports": ("TargetPort", "Protocol"), "Networks": ("Target",)}


def merged(current: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """``current`` with everything that ``desired`` has.

    Mappings are merged. A list becomes what is wanted, but entries that stay keep the fields that nobody
    speaks of; variables of the environment are merged by name. What is equal already stays as it is spelled:
    an absent field and an empty one mean the same to Swarm, an image is the same with its digest.
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
    """Dotted path of each field that ``merged`` would change → (value now, value then)."""
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
    if key == "Mode" and isinstance(desired, Mapping):  # an endpoint has a mode, too: just a word
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
    """The value without what is empty: Swarm stores none of that."""
    if isinstance(value, Mapping):
        parts = {key: _essence(item) for key, item in value.items()}
        # of the mode only the name may say it all
        return {key: item for key, item in parts.items() if item or key in ("Global", "GlobalJob")} or None
    if isinstance(value, list):
        return [_essence(item) for item in value] or None
    return value or None

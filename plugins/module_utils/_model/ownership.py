# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records in a service's own labels of the changes that Orcastra has made to the service.

Each record is written in the same update as the change that it describes, so both always go together: a
redeploy drops both, and a rollback restores both.

- ``orcastra.constraints``: a JSON list of the placement constraints that Orcastra has added
- ``orcastra.replicas``: the number of replicas before Orcastra scaled the service to 0, and the service's ID
- ``orcastra.update``: how Swarm updated the service before Orcastra limited an update to one task, and the
  service's ID
"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from .errors import OrcastraError

CONSTRAINTS_LABEL = "orcastra.constraints"
REPLICAS_LABEL = "orcastra.replicas"
UPDATE_LABEL = "orcastra.update"

# Orcastra ends an update with this delay after each task as soon as the first task runs.
ONE_TASK_DELAY = 3600 * 10**9
_ONE_TASK = {"Parallelism": 1, "Delay": ONE_TASK_DELAY}
# what an engine adds to a spec without these fields
_UPDATE_DEFAULTS: Mapping[str, Any] = {
    "FailureAction": "pause",
    "MaxFailureRatio": 0,
    "Monitor": 0,
    "Order": "stop-first",
}

# More than a swarm of a thousand nodes needs; a longer label is not from Orcastra.
MAX_LABEL_CHARACTERS = 128 * 1024
MAX_REPLICAS = 100_000


def recorded(labels: Mapping[str, str]) -> tuple[str, ...] | None:
    """The constraints that the label lists; () if there is no label, None if it is malformed."""
    text = labels.get(CONSTRAINTS_LABEL)
    if text is None:
        return ()
    return _decode_constraints(text) if len(text) <= MAX_LABEL_CHARACTERS else None


def owned(constraints: Iterable[str], labels: Mapping[str, str]) -> tuple[str, ...]:
    """The managed constraints among a service's ``constraints``: those that its ``labels`` record.

    If a constraint occurs more often than it is recorded, the remaining occurrences belong to the user.
    """
    left = Counter(recorded(labels) or ())
    if not left:
        return ()
    found = []
    for text in constraints:
        if left[text] > 0:
            left[text] -= 1
            found.append(text)
    return tuple(found)


def without(constraints: Iterable[str], removed: Iterable[str]) -> tuple[str, ...]:
    """``constraints`` without one entry for each of ``removed``: the last one with the same text."""
    left = Counter(removed)
    kept = []
    for text in reversed(tuple(constraints)):
        if left[text] > 0:
            left[text] -= 1
        else:
            kept.append(text)
    return tuple(reversed(kept))


def change_constraints(spec: dict[str, Any], remove: Iterable[str], add: Iterable[str]) -> None:
    """Remove managed constraints from a service's ``spec``, add others, and update the record.

    Entries of ``remove`` that are not managed in this spec are kept; entries of ``add`` that the spec already
    has are not added.
    """
    labels: Mapping[str, str] = spec.get("Labels") or {}
    placement = spec["TaskTemplate"].get("Placement") or {}
    before = tuple(placement.get("Constraints") or ())
    mine = owned(before, labels)
    kept = without(mine, remove)
    others = without(before, without(mine, kept))
    added = tuple(text for text in add if text not in others)
    if (*others, *added) != before:
        # the placement itself is kept, even if it is empty: see has_placement
        spec["TaskTemplate"]["Placement"] = placement
        placement["Constraints"] = [*others, *added]
        if not placement["Constraints"]:
            del placement["Constraints"]
    changed = with_record(labels, (*kept, *added))
    if changed != labels:
        spec["Labels"] = changed


def has_placement(spec: Mapping[str, Any]) -> bool:
    """Whether the spec has a placement, even an empty one. A service that has one must never lose it.

    If the placement of a running task differs from the new spec, the managers of engine 20.10 access the new
    spec's placement, and crash one after the other if there is none (swarmkit,
    ``manager/orchestrator/task.go``). A rollback to a spec without a placement does the same.
    """
    return (spec.get("TaskTemplate") or {}).get("Placement") is not None


def with_record(labels: Mapping[str, str], constraints: Iterable[str]) -> dict[str, str]:
    """``labels`` with the record of the managed ``constraints``, or without it if there are none.

    A malformed label is replaced only if there are constraints to record. Raises OrcastraError if the record
    is too large to be read again.
    """
    constraints = tuple(constraints)
    changed = dict(labels)
    before = recorded(labels)
    if constraints and before != constraints:
        text = changed[CONSTRAINTS_LABEL] = json.dumps(constraints)
        if len(text) > MAX_LABEL_CHARACTERS:
            limit = f"at most {MAX_LABEL_CHARACTERS} characters of managed constraints"
            raise OrcastraError(f"expected {limit}, found {len(text)}")
    elif not constraints and before is not None:
        changed.pop(CONSTRAINTS_LABEL, None)
    return changed


def replicas_before(labels: Mapping[str, str], service_id: str) -> int | None:
    """The number of replicas before Orcastra scaled the service to 0; None if it has no valid record.

    A record with another service's ID was copied with that service's spec, and is ignored.
    """
    text = labels.get(REPLICAS_LABEL)
    if text is None or len(text) > MAX_LABEL_CHARACTERS:
        return None
    found = _decode(text)
    if not isinstance(found, dict) or found.get("service") != service_id:
        return None
    replicas = found.get("replicas")
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        return None
    return replicas if 1 <= replicas <= MAX_REPLICAS else None


def with_replicas_before(labels: Mapping[str, str], service_id: str, replicas: int | None) -> dict[str, str]:
    """``labels`` with the record of the number of replicas, or without the record if it is None."""
    changed = dict(labels)
    if replicas is not None:
        changed[REPLICAS_LABEL] = json.dumps({"replicas": replicas, "service": service_id})
    elif replicas_before(labels, service_id) is not None:
        del changed[REPLICAS_LABEL]
    return changed


def limit_update(spec: dict[str, Any], service_id: str) -> None:
    """Make Swarm pause for a long time after the first task of an update, and record the user's settings."""
    config = spec.get("UpdateConfig")
    before = None if config is None else {key: config[key] for key in _ONE_TASK if key in config}
    record = json.dumps({"service": service_id, "before": before})
    spec["Labels"] = {**(spec.get("Labels") or {}), UPDATE_LABEL: record}
    spec["UpdateConfig"] = {**(config or {}), **_ONE_TASK}


def restore_update(spec: dict[str, Any], service_id: str) -> None:
    """Restore the settings that ``limit_update`` has recorded, unless the user has changed them since."""
    labels: Mapping[str, str] = spec.get("Labels") or {}
    text = labels.get(UPDATE_LABEL)
    found = None if text is None or len(text) > MAX_LABEL_CHARACTERS else _decode(text)
    if not isinstance(found, dict) or found.get("service") != service_id:
        return
    spec["Labels"] = {key: value for key, value in labels.items() if key != UPDATE_LABEL}
    config = spec.get("UpdateConfig")
    if not isinstance(config, dict) or any(config.get(key) != value for key, value in _ONE_TASK.items()):
        return
    before = found.get("before")
    others = {key: value for key, value in config.items() if key not in _ONE_TASK}
    if not isinstance(before, dict) and all(_UPDATE_DEFAULTS.get(key) == others[key] for key in others):
        del spec["UpdateConfig"]
        return
    numbers = before if isinstance(before, dict) else {"Parallelism": 1}
    valid = {key: value for key, value in numbers.items() if key in _ONE_TASK and type(value) is int}
    spec["UpdateConfig"] = {**others, **valid}


# planners decode the labels of the same services many times
@lru_cache(maxsize=1024)
def _decode_constraints(text: str) -> tuple[str, ...] | None:
    found = _decode(text)
    if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
        return None
    return tuple(found)


def _decode(text: str) -> Any:
    """The JSON in ``text``; None if it is invalid."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

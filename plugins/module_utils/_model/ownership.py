# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a service's own labels record of what Orcastra has done to the service.

Each record is written in the same update as the change that it describes, so both live and die together: a
redeploy drops both, a rollback restores both.

- ``orcastra.constraints``: a JSON list of the placement constraints that Orcastra has added.
- ``orcastra.replicas``: the number of tasks before Orcastra scaled the service to 0, and the service's ID.
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

# More than a swarm of a thousand nodes needs; what is longer is none of ours.
MAX_LABEL_CHARACTERS = 128 * 1024
MAX_REPLICAS = 100_000


def recorded(labels: Mapping[str, str]) -> tuple[str, ...] | None:
    """The constraints that the label lists; () without the label, None if the label is malformed."""
    text = labels.get(CONSTRAINTS_LABEL)
    if text is None:
        return ()
    return _decode_constraints(text) if len(text) <= MAX_LABEL_CHARACTERS else None


def owned(constraints: Iterable[str], labels: Mapping[str, str]) -> tuple[str, ...]:
    """Those of a service's ``constraints`` that are ours: recorded in its ``labels``, and still there.

    A text that is there more often than it is recorded is the user's as well: so many of them stay.
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
    """``constraints`` without one entry for each of ``removed``: the last one of that text."""
    left = Counter(removed)
    kept = []
    for text in reversed(tuple(constraints)):
        if left[text] > 0:
            left[text] -= 1
        else:
            kept.append(text)
    return tuple(reversed(kept))


def change_constraints(spec: dict[str, Any], remove: Iterable[str], add: Iterable[str]) -> None:
    """Take constraints that are ours off a service's ``spec``, add others, and record what is ours then.

    Of ``remove``, only what is ours in this very spec goes; what the spec has already is not added.
    """
    labels: Mapping[str, str] = spec.get("Labels") or {}
    placement = spec["TaskTemplate"].get("Placement") or {}
    before = tuple(placement.get("Constraints") or ())
    mine = owned(before, labels)
    kept = without(mine, remove)
    others = without(before, without(mine, kept))
    added = tuple(text for text in add if text not in others)
    if (*others, *added) != before:
        # the placement itself stays, even if it is empty: see has_placement
        spec["TaskTemplate"]["Placement"] = placement
        placement["Constraints"] = [*others, *added]
        if not placement["Constraints"]:
            del placement["Constraints"]
    changed = with_record(labels, (*kept, *added))
    if changed != labels:
        spec["Labels"] = changed


def has_placement(spec: Mapping[str, Any]) -> bool:
    """Whether the spec has a placement, be it an empty one. A service that had one must never lose it.

    The managers of engine 20.10 (seen there) look into the new spec's placement if that of a running task
    differs, and crash one after the other if there is none (swarmkit, ``manager/orchestrator/task.go``). A
    rollback is such a change, too, if the spec from before has none.
    """
    return (spec.get("TaskTemplate") or {}).get("Placement") is not None


def with_record(labels: Mapping[str, str], constraints: Iterable[str]) -> dict[str, str]:
    """``labels`` with the record that ``constraints`` are ours; without a record if there are none.

    A malformed label is replaced only if there is something to record. Raises OrcastraError where that is too
    much to be read again.
    """
    constraints = tuple(constraints)
    changed = dict(labels)
    before = recorded(labels)
    if constraints and before != constraints:
        text = changed[CONSTRAINTS_LABEL] = json.dumps(constraints)
        if len(text) > MAX_LABEL_CHARACTERS:
            limit = f"at most {MAX_LABEL_CHARACTERS} characters of constraints to record"
            raise OrcastraError(f"expected {limit}, found {len(text)}")
    elif not constraints and before is not None:
        changed.pop(CONSTRAINTS_LABEL, None)
    return changed


def replicas_before(labels: Mapping[str, str], service_id: str) -> int | None:
    """How many tasks the service had before we scaled it to 0; None without a record of its own.

    A service that was made from another one's spec has that one's record, which says nothing of it.
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
    """``labels`` with the record of the number of tasks, or without our record for None."""
    changed = dict(labels)
    if replicas is not None:
        changed[REPLICAS_LABEL] = json.dumps({"replicas": replicas, "service": service_id})
    elif replicas_before(labels, service_id) is not None:
        del changed[REPLICAS_LABEL]
    return changed


# planners ask again and again for the constraints of the same services
@lru_cache(maxsize=1024)
def _decode_constraints(text: str) -> tuple[str, ...] | None:
    found = _decode(text)
    if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
        return None
    return tuple(found)


def _decode(text: str) -> Any:
    """The JSON in ``text``; None for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

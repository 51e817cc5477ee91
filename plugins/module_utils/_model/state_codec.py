# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The format of the state object: each section of the state is one label whose value is JSON.

Sections that this release does not know are carried along untouched, so that an older controller beside a
newer one loses nothing.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    BACK,
    DONE,
    DRAIN,
    FAILED,
    FOLLOW,
    INTERRUPTED,
    REBALANCE,
    RUNNING,
    Attempts,
    CommandRecord,
    Handover,
    Move,
    Relocation,
    State,
)

FORMAT = "1"
FORMAT_LABEL = "orcastra.format"
OWNED_LABELS_LABEL = "orcastra.labels"
ANCHOR_LABELS_LABEL = "orcastra.anchor_labels"
MOVES_LABEL = "orcastra.journal"
ATTEMPTS_LABEL = "orcastra.attempts"
ANCHOR_TASKS_LABEL = "orcastra.anchors"
COMMANDS_LABEL = "orcastra.commands"
HANDOVERS_LABEL = "orcastra.handovers"
RELOCATIONS_LABEL = "orcastra.rebalance"
PRESSURE_LABEL = "orcastra.pressure"
AHEAD_LABEL = "orcastra.ahead"
AVAILABILITY_LABEL = "orcastra.availability"

# The object travels through Raft at each change; swarmkit's own limit is far higher.
MAX_BYTES = 256 * 1024


@dataclass(frozen=True)
class _Section:
    """How one field of the state is written as a label: each entry by itself."""

    label: str
    field: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def encode(state: State) -> dict[str, str]:
    """Return the labels of the config object that hold ``state``. Empty sections are left out."""
    labels = {**state.other_sections, FORMAT_LABEL: FORMAT}
    for section in _SECTIONS:
        entries = getattr(state, section.field)
        if entries:
            plain = {key: section.encode(entry) for key, entry in sorted(entries.items())}
            labels[section.label] = json.dumps(plain, separators=(",", ":"))
    return labels


def decode(labels: Mapping[str, str]) -> tuple[State, tuple[str, ...]]:
    """Read the state from the labels of its config object.

    Returns the state and a list of what is damaged, in words; a damaged section reads as empty.
    """
    damage: list[str] = []
    if labels.get(FORMAT_LABEL) != FORMAT:
        found = repr(labels[FORMAT_LABEL]) if FORMAT_LABEL in labels else "nothing"
        damage.append(f"label {FORMAT_LABEL}: expected '{FORMAT}', found {found}")
    fields: dict[str, Any] = {}
    for section in _SECTIONS:
        try:
            fields[section.field] = _decode_section(section, json.loads(labels.get(section.label, "{}")))
        except (ValueError, TypeError) as error:
            damage.append(f"label {section.label}: {error}")
    if "anchor_labels" not in fields:
        # any of our labels may be an anchor's, so the absence of static ones takes none of them away
        fields["anchor_labels"] = fields.get("owned_labels", {})
    known = {FORMAT_LABEL, *(section.label for section in _SECTIONS)}
    others = {label: value for label, value in labels.items() if label not in known}
    return State(**fields, other_sections=others), tuple(damage)


def _decode_section(section: _Section, data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise TypeError(f"expected a mapping, found {type(data).__name__}")
    found = {}
    for key, entry in data.items():
        try:
            found[key] = section.decode(entry)
        except (ValueError, TypeError, KeyError) as error:
            raise TypeError(f"{key}: {error}") from error
    return found


def _decode_names(entry: Any) -> frozenset[str]:
    if not isinstance(entry, list) or not all(isinstance(name, str) for name in entry):
        raise TypeError("expected a list of names")
    return frozenset(entry)


def _decode_move(entry: Any) -> Move:
    replicas = entry["replicas"]
    unseen_since = entry.get("unseen_since")
    # an older release knew no other kind
    kind = str(entry.get("kind", FOLLOW))
    if kind not in (FOLLOW, REBALANCE, BACK, DRAIN):
        raise TypeError(f"expected the kind of a move, found {kind!r}")
    return Move(
        anchor=str(entry["anchor"]),
        nodes=tuple(sorted(_decode_names(entry["nodes"]))),
        since=float(entry["since"]),
        replicas=None if replicas is None else int(replicas),
        kind=kind,
        source=str(entry.get("source", "")),
        memory_bytes=int(entry.get("memory_bytes", 0)),
        leader=str(entry.get("leader", "")),
        unseen_since=None if unseen_since is None else float(unseen_since),
    )


def _decode_attempts(entry: Any) -> Attempts:
    given_up = entry["given_up"]
    return Attempts(
        count=int(entry["count"]),
        last=float(entry["last"]),
        since=float(entry["since"]),
        reason=str(entry["reason"]),
        given_up=None if given_up is None else str(given_up),
    )


def _decode_command(entry: Any) -> CommandRecord:
    status, finished = str(entry["status"]), entry["finished"]
    if status not in (RUNNING, DONE, FAILED, INTERRUPTED):
        raise TypeError(f"expected the status of a command, found {status!r}")
    return CommandRecord(
        command=str(entry["command"]),
        source=str(entry["source"]),
        by=str(entry["by"]),
        instance=str(entry["instance"]),
        started=float(entry["started"]),
        status=status,
        message=str(entry["message"]),
        finished=None if finished is None else float(finished),
    )


def _decode_handover(entry: Any) -> Handover:
    if not all(isinstance(entry[key], list) for key in ("nodes", "names")):
        raise TypeError("expected lists of nodes and names")
    return Handover(
        nodes=tuple(map(str, entry["nodes"])),
        names=tuple(map(str, entry["names"])),
        boot=str(entry["boot"]),
        offered=float(entry["offered"]),
        done=str(entry["done"]),
        by=str(entry["by"]),
        beats=int(entry["beats"]),
    )


def _decode_relocations(entry: Any) -> tuple[Relocation, ...]:
    if not isinstance(entry, list):
        raise TypeError("expected a list of moves")
    return tuple(
        Relocation(
            source=str(made["source"]),
            target=str(made["target"]),
            at=float(made["at"]),
            memory_bytes=int(made["memory_bytes"]),
            failed=None if made["failed"] is None else str(made["failed"]),
        )
        for made in entry
    )


def _encode_relocations(relocations: tuple[Relocation, ...]) -> list[dict[str, Any]]:
    return [asdict(made) for made in relocations]


_SECTIONS = (
    _Section(OWNED_LABELS_LABEL, "owned_labels", sorted, _decode_names),
    _Section(ANCHOR_LABELS_LABEL, "anchor_labels", sorted, _decode_names),
    _Section(MOVES_LABEL, "moves", asdict, _decode_move),
    _Section(ATTEMPTS_LABEL, "attempts", asdict, _decode_attempts),
    _Section(ANCHOR_TASKS_LABEL, "anchor_tasks", sorted, _decode_names),
    _Section(COMMANDS_LABEL, "commands", asdict, _decode_command),
    _Section(HANDOVERS_LABEL, "handovers", asdict, _decode_handover),
    _Section(RELOCATIONS_LABEL, "relocations", _encode_relocations, _decode_relocations),
    _Section(PRESSURE_LABEL, "pressure", float, float),
    _Section(AHEAD_LABEL, "ahead", str, str),
    _Section(AVAILABILITY_LABEL, "asked_availability", float, float),
)

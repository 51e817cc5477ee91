# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The format of the state object: each section of the state is a label with a JSON value.

Sections that this release does not know are kept unchanged, so that an older controller next to a newer one
loses nothing.

Reading never fails. Damaged entries are omitted and reported one by one; all returned values are within their
valid range, so planners can rely on them.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from . import history
from .history import SavedAction
from .notices import LEVELS, Noted, Outgoing
from .reasons import Reason
from .state import (
    BACK,
    DONE,
    DRAIN,
    FAILED,
    FOLLOW,
    INTERRUPTED,
    REBALANCE,
    RUNNING,
    SPREAD,
    Attempts,
    CommandRecord,
    Handover,
    Move,
    Relocation,
    State,
)
from .state_values import (
    MAX_BYTES_OF_MEMORY,
    MAX_REPLICAS,
    Damaged,
    Reader,
    check_key,
    count,
    flag,
    items,
    mapping,
    names,
    one_of,
    parse,
    required,
    text,
)
from .track import MAX_TIMES, Track

FORMAT = "1"
FORMAT_LABEL = "orcastra.format"
OWNED_LABELS_LABEL = "orcastra.labels"
ANCHOR_LABELS_LABEL = "orcastra.anchor_labels"
MOVES_LABEL = "orcastra.journal"
ATTEMPTS_LABEL = "orcastra.attempts"
ANCHOR_TASKS_LABEL = "orcastra.anchors"
TRACKS_LABEL = "orcastra.tracks"
COMMANDS_LABEL = "orcastra.commands"
HANDOVERS_LABEL = "orcastra.handovers"
RELOCATIONS_LABEL = "orcastra.rebalance"
PRESSURE_LABEL = "orcastra.pressure"
AHEAD_LABEL = "orcastra.ahead"
AVAILABILITY_LABEL = "orcastra.availability"
NOTIFIED_LABEL = "orcastra.notified"
OUTBOX_LABEL = "orcastra.outbox"
ACTIONS_LABEL = "orcastra.history"

# Raft replicates the object at each change; swarmkit's own limit is far higher.
MAX_BYTES = 256 * 1024
# the reason "misplaced" in the format of an earlier release
_EARLIER_MISPLACED = "not beside its anchor"  # prose: allow
# a report names at most this many damaged entries of a section
_NAMED = 5


@dataclass(frozen=True)
class _Section:
    """How one field of the state is written as a label, entry by entry. ``decode`` raises Damaged."""

    label: str
    field: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any, Reader], Any]


def encode(state: State) -> dict[str, str]:
    """Return the labels of the config object for ``state``. Empty sections are omitted."""
    labels = {**state.other_sections, FORMAT_LABEL: FORMAT}
    for section in _SECTIONS:
        entries = getattr(state, section.field)
        if entries:
            plain = {key: section.encode(entry) for key, entry in sorted(entries.items())}
            labels[section.label] = _encodable(
                json.dumps(plain, separators=(",", ":"), ensure_ascii=False, default=Reason.to_saved)
            )
    return labels


def encode_within_limit(state: State) -> dict[str, str]:
    """Return the labels for ``state``, without the oldest actions of its history if those are too large."""
    labels = encode(state)
    while state.actions and (
        size_of(labels) > MAX_BYTES or _size(labels[ACTIONS_LABEL]) > history.MAX_HISTORY_BYTES
    ):
        state = replace(state, actions=history.newest(state.actions, len(state.actions) * 3 // 4))
        labels = encode(state)
    return labels


def size_of(labels: Mapping[str, str]) -> int:
    """Return the size of a config's labels in bytes."""
    return sum(len(label.encode()) + len(value.encode()) for label, value in labels.items())


def decode(labels: Mapping[str, str], now: float | None = None) -> tuple[State, tuple[Reason, ...]]:
    """Read the state from the labels of its config object. Never raises.

    Returns the state and a reason for each damaged part. A damaged entry or section is treated as absent.
    Times after ``now``, in seconds since the epoch, count as ``now``.
    """
    damage: list[Reason] = []
    given = _that_fit(labels, damage)
    if given.get(FORMAT_LABEL) != FORMAT:
        found = repr(given[FORMAT_LABEL])[:40] if FORMAT_LABEL in given else "nothing"
        damage.append(_damaged(FORMAT_LABEL, f"expected '{FORMAT}', found {found}"))
    fields: dict[str, Any] = {}
    for section in _SECTIONS:
        if section.label not in given:
            continue
        try:
            entries = parse(given[section.label])
        except Damaged as error:
            damage.append(_damaged(section.label, str(error)))
            continue
        fields[section.field], faults = _decode_entries(section, entries, now)
        damage += [_damaged(section.label, fault) for fault in faults[:_NAMED]]
        if len(faults) > _NAMED:
            damage.append(_damaged(section.label, f"{len(faults) - _NAMED} more entries are damaged"))
    if ANCHOR_LABELS_LABEL in given and "anchor_labels" not in fields:
        # damaged: any owned label may be an anchor label, so none is removed because it is missing from
        # `nodes`
        fields["anchor_labels"] = fields.get("owned_labels", {})
    known = {FORMAT_LABEL, *(section.label for section in _SECTIONS)}
    others = {label: value for label, value in given.items() if label not in known}
    return State(**fields, other_sections=others), tuple(damage)


def _damaged(label: str, problem: str) -> Reason:
    return Reason("state_damaged", label=label, problem=problem)


def _that_fit(labels: Any, damage: list[Reason]) -> dict[str, str]:
    """The labels that are strings, limited to the maximum size of a state.

    If the state is too large, the least important sections are dropped first.
    """
    if not isinstance(labels, Mapping):
        damage.append(Reason("state_labels_invalid"))
        return {}
    kept = {}
    for label, value in labels.items():
        if isinstance(label, str) and isinstance(value, str):
            kept[label] = value
        else:
            damage.append(_damaged(str(label)[:60], "expected a string"))
    sizes = {label: _size(label) + _size(value) for label, value in kept.items()}
    last = [section.label for section in _SECTIONS]

    def rank(label: str) -> tuple[bool, int, int]:
        # labels that are too large by themselves first, then unknown ones, largest first
        return sizes[label] <= MAX_BYTES, last.index(label) if label in last else -1, -sizes[label]

    total = sum(sizes.values())
    for label in sorted(kept, key=rank):
        if total <= MAX_BYTES:
            break
        if label != FORMAT_LABEL:
            total -= sizes[label]
            del kept[label]
            damage.append(_damaged(label[:60], f"expected at most {MAX_BYTES} bytes in total, found more"))
    return kept


def _decode_entries(section: _Section, entries: Any, now: float | None) -> tuple[dict[str, Any], list[str]]:
    """The valid entries, and descriptions of the damaged ones."""
    found = {}
    faults = []
    for key, entry in entries.items():
        reader = Reader(now)
        if key in entries.repeated:
            faults.append(f"{key[:60]}: expected each key once")
            continue
        try:
            found[check_key(key)] = section.decode(entry, reader)
        except Damaged as error:
            faults.append(f"{key[:60]}: {error}")
            continue
        if reader.ahead:
            faults.append(f"{key[:60]}: expected a time in the past, found a future one; it counts as now")
    return found, faults


def _size(value: str) -> int:
    return len(value.encode(errors="replace"))


def _encodable(value: str) -> str:
    """The text without lone surrogates: a host may report them, and no reader accepts them."""
    return value.encode(errors="replace").decode()


def _decode_names(entry: Any, _reader: Reader) -> frozenset[str]:
    return frozenset(names(entry))


def _decode_move(entry: Any, reader: Reader) -> Move:
    entry = mapping(entry)
    replicas = required(entry, "replicas")
    return Move(
        anchor=text(required(entry, "anchor"), "anchor"),
        nodes=tuple(sorted(set(names(required(entry, "nodes"), "nodes")))),
        since=reader.moment(required(entry, "since"), "since"),
        replicas=None if replicas is None else count(replicas, "replicas", MAX_REPLICAS),
        # an older release had no other kind
        kind=one_of(entry.get("kind", FOLLOW), "kind", (FOLLOW, REBALANCE, BACK, DRAIN, SPREAD)),
        source=text(entry.get("source", ""), "source"),
        memory_bytes=count(entry.get("memory_bytes", 0), "memory_bytes", MAX_BYTES_OF_MEMORY),
        leader=text(entry.get("leader", ""), "leader"),
        unseen_since=reader.optional_moment(entry.get("unseen_since"), "unseen_since"),
        recorded=flag(entry.get("recorded", False), "recorded"),
        stays=count(entry.get("stays", 0), "stays", MAX_REPLICAS),
    )


def _decode_attempts(entry: Any, reader: Reader) -> Attempts:
    entry = mapping(entry)
    return Attempts(
        count=count(required(entry, "count"), "count"),
        last=reader.moment(required(entry, "last"), "last"),
        since=reader.moment(required(entry, "since"), "since"),
        reason=_decode_reason(required(entry, "reason"), "reason"),
        given_up=_optional_reason(required(entry, "given_up"), "given_up"),
    )


def _decode_reason(value: Any, name: str) -> Reason:
    if isinstance(value, str) and text(value, name) == _EARLIER_MISPLACED:
        return Reason("misplaced")
    try:
        reason = Reason.from_saved(value)
        # reject text that no file and no reply can contain
        text(json.dumps(reason.to_saved(), ensure_ascii=False), name)
    except (TypeError, ValueError) as error:
        raise Damaged(f"{name}: expected a reason or a string") from error
    return reason


def _optional_reason(value: Any, name: str) -> Reason | None:
    return None if value is None else _decode_reason(value, name)


def _decode_track(entry: Any, reader: Reader) -> Track:
    entry = mapping(entry)
    return Track(
        nodes=tuple(sorted(set(names(required(entry, "nodes"), "nodes")))),
        last=reader.moment(required(entry, "last"), "last"),
        moves=_decode_times(required(entry, "moves"), "moves", reader),
        restless=_decode_times(required(entry, "restless"), "restless", reader),
    )


def _decode_times(value: Any, name: str, reader: Reader) -> tuple[float, ...]:
    return tuple(reader.moment(time, name) for time in items(value, name))[-MAX_TIMES:]


def _decode_command(entry: Any, reader: Reader) -> CommandRecord:
    entry = mapping(entry)
    return CommandRecord(
        command=text(required(entry, "command"), "command"),
        source=text(required(entry, "source"), "source"),
        by=text(required(entry, "by"), "by"),
        instance=text(required(entry, "instance"), "instance"),
        started=reader.moment(required(entry, "started"), "started"),
        status=one_of(required(entry, "status"), "status", (RUNNING, DONE, FAILED, INTERRUPTED)),
        message=text(required(entry, "message"), "message"),
        finished=reader.optional_moment(required(entry, "finished"), "finished"),
    )


def _decode_handover(entry: Any, reader: Reader) -> Handover:
    entry = mapping(entry)
    return Handover(
        nodes=names(required(entry, "nodes"), "nodes"),
        names=names(required(entry, "names"), "names"),
        boot=text(required(entry, "boot"), "boot"),
        offered=reader.moment(required(entry, "offered"), "offered"),
        done=text(required(entry, "done"), "done"),
        by=text(required(entry, "by"), "by"),
        beats=count(required(entry, "beats"), "beats"),
    )


def _decode_relocations(entry: Any, reader: Reader) -> tuple[Relocation, ...]:
    return tuple(_decode_relocation(mapping(made), reader) for made in items(entry))


def _decode_relocation(made: Mapping[str, Any], reader: Reader) -> Relocation:
    return Relocation(
        source=text(required(made, "source"), "source"),
        target=text(required(made, "target"), "target"),
        at=reader.moment(required(made, "at"), "at"),
        memory_bytes=count(required(made, "memory_bytes"), "memory_bytes", MAX_BYTES_OF_MEMORY),
        failed=_optional_reason(required(made, "failed"), "failed"),
    )


def _encode_relocations(relocations: tuple[Relocation, ...]) -> list[dict[str, Any]]:
    return [asdict(made) for made in relocations]


def _decode_noted(entry: Any, reader: Reader) -> Noted:
    entry = mapping(entry)
    return Noted(
        code=text(required(entry, "code"), "code"),
        subject=text(required(entry, "subject"), "subject"),
        level=one_of(required(entry, "level"), "level", LEVELS),
        since=reader.moment(required(entry, "since"), "since"),
    )


def _decode_outgoing(entry: Any, reader: Reader) -> Outgoing:
    entry = mapping(entry)
    left = required(entry, "left")
    return Outgoing(
        reason=_decode_reason(required(entry, "reason"), "reason"),
        level=one_of(required(entry, "level"), "level", LEVELS),
        at=reader.moment(required(entry, "at"), "at"),
        solved=flag(required(entry, "solved"), "solved"),
        left=None if left is None else names(left, "left"),
        claim=text(required(entry, "claim"), "claim"),
        repeat=flag(required(entry, "repeat"), "repeat"),
    )


def _decode_action(entry: Any, reader: Reader) -> SavedAction:
    entry = mapping(entry)
    why = items(required(entry, "why"), "why")
    return SavedAction(
        at=reader.moment(required(entry, "at"), "at"),
        action=text(required(entry, "action"), "action"),
        target=text(required(entry, "target"), "target"),
        summary=text(required(entry, "summary"), "summary"),
        result=one_of(required(entry, "result"), "result", (history.DONE, history.FAILED)),
        why=tuple(_decode_reason(reason, "why") for reason in why)[: history.MAX_REASONS],
        error=text(required(entry, "error"), "error"),
    )


def _decode_moment(entry: Any, reader: Reader) -> float:
    return reader.moment(entry)


def _decode_text(entry: Any, _reader: Reader) -> str:
    return text(entry)


# In the order in which a state that is too large loses them: ownership and the journal come last.
_SECTIONS = (
    _Section(ACTIONS_LABEL, "actions", asdict, _decode_action),
    _Section(AHEAD_LABEL, "ahead", str, _decode_text),
    _Section(PRESSURE_LABEL, "pressure", float, _decode_moment),
    _Section(RELOCATIONS_LABEL, "relocations", _encode_relocations, _decode_relocations),
    _Section(TRACKS_LABEL, "tracks", asdict, _decode_track),
    _Section(NOTIFIED_LABEL, "notified", asdict, _decode_noted),
    _Section(OUTBOX_LABEL, "outbox", asdict, _decode_outgoing),
    _Section(COMMANDS_LABEL, "commands", asdict, _decode_command),
    _Section(HANDOVERS_LABEL, "handovers", asdict, _decode_handover),
    _Section(ANCHOR_TASKS_LABEL, "anchor_tasks", sorted, _decode_names),
    _Section(ATTEMPTS_LABEL, "attempts", asdict, _decode_attempts),
    _Section(AVAILABILITY_LABEL, "asked_availability", float, _decode_moment),
    _Section(ANCHOR_LABELS_LABEL, "anchor_labels", sorted, _decode_names),
    _Section(OWNED_LABELS_LABEL, "owned_labels", sorted, _decode_names),
    _Section(MOVES_LABEL, "moves", asdict, _decode_move),
)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The remembered state: what must survive the controller, and nothing else.

It is kept in one Swarm config object (see ``_apply.state_store``); ``_model.state_codec`` gives its format.
Changes to it are edits that can be applied again to a fresher copy.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Protocol, TypeVar

from .compat import dataclass
from .errors import OrcastraError
from .reasons import Reason
from .track import Track

STATE_NAME = "orcastra.state"

# what a move is for: a follower goes to its anchor, memory is balanced, such a move has failed and is undone,
# a service leaves a node that is to be drained
FOLLOW = "follow"
REBALANCE = "rebalance"
BACK = "back"
DRAIN = "drain"

# what became of a command
RUNNING = "running"
DONE = "done"
FAILED = "failed"
INTERRUPTED = "interrupted"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Move:
    """The journal's entry for a service that is being moved: who moves it where, and what to put back.

    ``anchor`` is the name of the anchor it follows, ``nodes`` the IDs of the nodes it is to run on.
    ``replicas`` is the number to scale back to where the service was scaled to 0 for the move, else None;
    ``recorded``: the service's own labels have that number, too, so a service without it was deployed anew.
    ``since`` is in seconds since the epoch. ``kind`` is FOLLOW, REBALANCE, BACK or DRAIN; for the
    latter three ``anchor`` is empty, ``source`` is the ID of the node it leaves, and ``memory_bytes`` what
    moves with it. For DRAIN ``nodes`` is empty where any other node will do.
    ``leader`` is the ID of the swarm's leader that knows of the scaling to 0, the one of then at first;
    ``unseen_since`` is when another one had taken over and heard from all nodes, else None.
    """

    anchor: str
    nodes: tuple[str, ...]
    since: float
    replicas: int | None = None
    kind: str = FOLLOW
    source: str = ""
    memory_bytes: int = 0
    leader: str = ""
    unseen_since: float | None = None
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Relocation:
    """A balancing move that is over: from one node ID to another, at ``at`` (seconds since the epoch).

    ``memory_bytes`` is what the tasks had in use before. ``failed`` says why it was undone, None if it
    succeeded.
    """

    source: str
    target: str
    at: float
    memory_bytes: int
    failed: Reason | None = None


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often something was tried for a service that is not as it should be, and since when it is not.

    ``last`` and ``since`` are in seconds since the epoch. ``given_up`` says why nothing more is tried; it
    stays until the service is as it should be, or until a user asks for another attempt.
    """

    count: int
    last: float
    since: float
    reason: Reason
    given_up: Reason | None = None


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command that somebody has asked for, from the moment on when it is about to be carried out.

    ``command`` is the command in words, ``source`` is ``file``, ``shell`` or ``http``, ``by`` the host name
    of the node that carries it out, ``instance`` the process. ``status`` is one of RUNNING, DONE, FAILED,
    INTERRUPTED; ``message`` says more about it. ``started`` and ``finished`` are in seconds since the epoch.
    """

    command: str
    source: str
    by: str
    instance: str
    started: float
    status: str = RUNNING
    message: str = ""
    finished: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether no result is known; the process that carries it out may be gone."""
        return self.status == RUNNING


@dataclass(frozen=True, slots=True)
class Handover:
    """What is left of a command that its process may not do: the reboot of the host on which it runs.

    ``nodes`` are the IDs of that host's nodes, ``names`` their host names, ``boot`` is the ID of its boot, by
    which every process there knows itself. ``offered`` is in seconds since the epoch; ``done`` says what was
    done before. ``by`` is the host name of the node whose instance has taken it, empty while nobody has;
    that instance raises ``beats`` now and then while it lives.
    """

    nodes: tuple[str, ...]
    names: tuple[str, ...]
    boot: str
    offered: float
    done: str = ""
    by: str = ""
    beats: int = 0


class NotOffered(OrcastraError):
    """Somebody else has taken what was handed over, or it is not offered any more."""


class AlreadyClaimed(OrcastraError):
    """A command was asked for a second time, or another controller was first."""

    def __init__(self, record: CommandRecord) -> None:
        super().__init__(f"{record.command} has been claimed on node {record.by} before; it is not repeated")
        self.record = record


@dataclass(frozen=True)
class State:
    """What is remembered.

    - ``owned_labels``: node ID → keys of the node labels that we set
    - ``anchor_labels``: node ID → those of them that mark an anchor's nodes; the others are static
    - ``moves``: service ID → the move that is under way
    - ``attempts``: service ID → what was tried so far
    - ``anchor_tasks``: service ID of an anchor → IDs of its tasks when its followers were last in order
    - ``tracks``: service ID of an anchor or follower that has moved lately → where to, and how often
    - ``commands``: identity of a command → what became of it
    - ``handovers``: identity of a command that runs → what of it is handed over to another instance
    - ``relocations``: service ID → its balancing moves, the newest last
    - ``ahead``: what is to follow a balancing move that was begun; see ``SetAhead``
    - ``asked_availability``: ID of a node that somebody has taken out of service → when
    - ``pressure``: physical host → since when it has had far more memory in use than another
    """

    owned_labels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    anchor_labels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    moves: Mapping[str, Move] = field(default_factory=dict)
    attempts: Mapping[str, Attempts] = field(default_factory=dict)
    anchor_tasks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tracks: Mapping[str, Track] = field(default_factory=dict)
    commands: Mapping[str, CommandRecord] = field(default_factory=dict)
    relocations: Mapping[str, tuple[Relocation, ...]] = field(default_factory=dict)
    handovers: Mapping[str, Handover] = field(default_factory=dict)
    pressure: Mapping[str, float] = field(default_factory=dict)
    ahead: Mapping[str, str] = field(default_factory=dict)
    asked_availability: Mapping[str, float] = field(default_factory=dict)
    other_sections: Mapping[str, str] = field(default_factory=dict)


class StateEdit(Protocol):
    """A change to the state that can be applied again to a fresher copy of it."""

    def apply(self, state: State) -> State: ...


@dataclass(frozen=True, slots=True)
class OwnLabels:
    """Remember that the labels ``keys`` of the node are ours, and that of these ``anchors`` mark anchors."""

    node_id: str
    keys: frozenset[str]
    anchors: frozenset[str] = frozenset()

    def apply(self, state: State) -> State:
        keys = state.owned_labels.get(self.node_id, frozenset()) | self.keys
        anchors = state.anchor_labels.get(self.node_id, frozenset()) - self.keys | self.anchors
        return replace(
            state,
            owned_labels=_with(state.owned_labels, self.node_id, keys or None),
            anchor_labels=_with(state.anchor_labels, self.node_id, anchors or None),
        )


@dataclass(frozen=True, slots=True)
class DisownLabels:
    """Forget that the labels ``keys`` of the node were ours."""

    node_id: str
    keys: frozenset[str]

    def apply(self, state: State) -> State:
        keys = state.owned_labels.get(self.node_id, frozenset()) - self.keys
        anchors = state.anchor_labels.get(self.node_id, frozenset()) - self.keys
        return replace(
            state,
            owned_labels=_with(state.owned_labels, self.node_id, keys or None),
            anchor_labels=_with(state.anchor_labels, self.node_id, anchors or None),
        )


@dataclass(frozen=True, slots=True)
class SetMove:
    """Enter a move into the journal; None takes it out."""

    service_id: str
    move: Move | None

    def apply(self, state: State) -> State:
        return replace(state, moves=_with(state.moves, self.service_id, self.move))


@dataclass(frozen=True, slots=True)
class SetAttempts:
    """Remember what was tried for a service; None: it is as it should be."""

    service_id: str
    attempts: Attempts | None

    def apply(self, state: State) -> State:
        return replace(state, attempts=_with(state.attempts, self.service_id, self.attempts))


@dataclass(frozen=True, slots=True)
class SetAnchorTasks:
    """Remember which tasks of an anchor its followers have started after; None: it is no anchor any more."""

    service_id: str
    task_ids: frozenset[str] | None

    def apply(self, state: State) -> State:
        return replace(state, anchor_tasks=_with(state.anchor_tasks, self.service_id, self.task_ids))


@dataclass(frozen=True, slots=True)
class AskAvailability:
    """Remember that somebody has taken the node out of service, so that it is not configured back.

    ``at`` is in seconds since the epoch; None: it is in service again.
    """

    node_id: str
    at: float | None

    def apply(self, state: State) -> State:
        return replace(state, asked_availability=_with(state.asked_availability, self.node_id, self.at))


@dataclass(frozen=True, slots=True)
class ClaimCommand:
    """Enter a command before it is carried out. Raises AlreadyClaimed where it is there already.

    A claim of the same process that is still without a result is none of another: the write of it may have
    succeeded although its reply was lost.
    """

    key: str
    record: CommandRecord

    def apply(self, state: State) -> State:
        found = state.commands.get(self.key)
        if found is not None and not (found.is_running and found.instance == self.record.instance):
            raise AlreadyClaimed(found)
        return replace(state, commands=_with(state.commands, self.key, self.record))


@dataclass(frozen=True, slots=True)
class FinishCommand:
    """Enter what became of the command that the process ``instance`` has claimed.

    INTERRUPTED is what others say of it while they know no better: it never replaces a result.
    """

    key: str
    instance: str
    status: str
    message: str
    finished: float

    def apply(self, state: State) -> State:
        found = state.commands.get(self.key)
        if found is None or found.instance != self.instance:
            return state
        if self.status == INTERRUPTED and not found.is_running:
            return state
        record = replace(found, status=self.status, message=self.message, finished=self.finished)
        return replace(
            state,
            commands=_with(state.commands, self.key, record),
            handovers=_with(state.handovers, self.key, None),
        )


@dataclass(frozen=True, slots=True)
class OfferHandover:
    """Leave what the process ``instance`` may not do of its command to another instance."""

    key: str
    instance: str
    handover: Handover
    message: str

    def apply(self, state: State) -> State:
        found = state.commands.get(self.key)
        if found is None or not found.is_running or found.instance != self.instance:
            return state
        if self.key in state.handovers:
            return state
        return replace(
            state,
            commands=_with(state.commands, self.key, replace(found, message=self.message)),
            handovers=_with(state.handovers, self.key, self.handover),
        )


@dataclass(frozen=True, slots=True)
class TakeHandover:
    """Take what is offered: from now on the command is that of the process ``instance`` on node ``by``.

    So a result of whoever had it before counts for nothing. Raises NotOffered where it is not offered, and
    while anybody is at work on another one: two hosts at a time might cost the quorum.
    """

    key: str
    instance: str
    by: str
    message: str

    def apply(self, state: State) -> State:
        found, handover = state.commands.get(self.key), state.handovers.get(self.key)
        if found is None or handover is None or not found.is_running:
            raise NotOffered("it is not offered any more")
        if handover.by:
            if found.instance == self.instance:
                return state
            raise NotOffered(f"the instance on node {handover.by} was first")
        if any(other.by for other in state.handovers.values()):
            raise NotOffered("another host is being rebooted")
        return replace(
            state,
            commands=_with(
                state.commands, self.key, replace(found, instance=self.instance, message=self.message)
            ),
            handovers=_with(state.handovers, self.key, replace(handover, by=self.by)),
        )


@dataclass(frozen=True, slots=True)
class BeatHandover:
    """Say that the process ``instance``, which has taken what was handed over, lives."""

    key: str
    instance: str

    def apply(self, state: State) -> State:
        found, handover = state.commands.get(self.key), state.handovers.get(self.key)
        if found is None or handover is None or found.instance != self.instance:
            return state
        beaten = replace(handover, beats=handover.beats + 1)
        return replace(state, handovers=_with(state.handovers, self.key, beaten))


@dataclass(frozen=True, slots=True)
class ForgetHandover:
    """Forget what was handed over, where its command has ended or is gone."""

    key: str

    def apply(self, state: State) -> State:
        found = state.commands.get(self.key)
        if found is not None and found.is_running:
            return state
        return replace(state, handovers=_with(state.handovers, self.key, None))


@dataclass(frozen=True, slots=True)
class ForgetCommands:
    """Forget commands, so that they may be carried out again."""

    keys: frozenset[str]

    def apply(self, state: State) -> State:
        kept = {key: record for key, record in state.commands.items() if key not in self.keys}
        handovers = {key: one for key, one in state.handovers.items() if key not in self.keys}
        return replace(state, commands=kept, handovers=handovers)


@dataclass(frozen=True, slots=True)
class AddRelocation:
    """Remember a balancing move of a service; of all its moves, the last ``keep`` are kept."""

    service_id: str
    relocation: Relocation
    keep: int = 20

    def apply(self, state: State) -> State:
        made = state.relocations.get(self.service_id, ())
        if self.relocation not in made:
            made = (*made, self.relocation)[-self.keep :]
        return replace(state, relocations=_with(state.relocations, self.service_id, made))


@dataclass(frozen=True, slots=True)
class ForgetRelocations:
    """Forget the balancing moves of a service that are older than ``before``, in seconds since the epoch."""

    service_id: str
    before: float

    def apply(self, state: State) -> State:
        kept = tuple(made for made in state.relocations.get(self.service_id, ()) if made.at >= self.before)
        return replace(state, relocations=_with(state.relocations, self.service_id, kept or None))


@dataclass(frozen=True, slots=True)
class SetPressure:
    """Remember since when physical hosts have had far more memory in use than others; None: not so."""

    since: Mapping[str, float | None]

    def apply(self, state: State) -> State:
        changed = {**state.pressure, **self.since}
        return replace(state, pressure={host: at for host, at in changed.items() if at is not None})


@dataclass(frozen=True, slots=True)
class SetAhead:
    """Remember which balancing moves are to follow, should nothing better be found until then.

    ``targets``: service ID and ID of the node that is left, with a slash between them → ID of the new node.
    """

    targets: Mapping[str, str]

    def apply(self, state: State) -> State:
        return replace(state, ahead=dict(self.targets))


def _with(entries: Mapping[str, T], key: str, value: T | None) -> dict[str, T]:
    """A copy of ``entries`` in which ``key`` has ``value``, or is gone for None."""
    changed = {name: entry for name, entry in entries.items() if name != key}
    if value is not None:
        changed[key] = value
    return changed


def apply_edits(state: State, edits: Iterable[StateEdit]) -> State:
    for edit in edits:
        state = edit.apply(state)
    return state

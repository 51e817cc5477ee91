# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The saved state: the data that must survive a restart of the controller, and nothing else.

It is in one Swarm config object (see ``_apply.state_store``), in the format of ``_model.state_codec``.
Changes are edits that can be applied again to a newer copy.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Protocol, TypeVar

from .compat import dataclass
from .errors import OrcastraError
from .history import SavedAction
from .notices import Noted, Outgoing
from .reasons import Reason
from .track import Track

STATE_NAME = "orcastra.state"

# the purpose of a move: to co-locate a follower with its anchor, to balance memory, to undo a failed
# balancing move, to drain a node, to spread replicas and tasks
FOLLOW = "follow"
REBALANCE = "rebalance"
BACK = "back"
DRAIN = "drain"
SPREAD = "spread"

# the status of a command
RUNNING = "running"
DONE = "done"
FAILED = "failed"
INTERRUPTED = "interrupted"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Move:
    """The journal entry for a service that is being moved: its target, and how to restore the service.

    - ``kind``: FOLLOW, REBALANCE, BACK, DRAIN or SPREAD
    - ``anchor``: for FOLLOW, the name of the anchor that the service follows
    - ``nodes``: the IDs of the nodes it should run on; for DRAIN, empty if any other node will do
    - ``since``: the start of the move, in seconds since the epoch
    - ``replicas``: the number to scale back to, if the service was scaled to 0 for the move
    - ``recorded``: the service's own labels also have that number; if they no longer do, it was redeployed
    - ``source``, ``memory_bytes``: except for FOLLOW, the ID of the node that it leaves, and the memory that
      moves with it
    - ``stays``: for SPREAD, how many tasks of the service stay on the node that one task leaves
    - ``leader``: the ID of the leader that knows that the service was scaled to 0, at first the leader at
      that time; ``unseen_since``: when another leader had taken over and heard from all nodes, or None
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
    stays: int = 0


@dataclass(frozen=True, slots=True)
class Relocation:
    """A finished move for balance or spreading, from one node ID to another.

    ``at`` is in seconds since the epoch.
    ``memory_bytes`` is the memory that the tasks used before the move. ``failed`` is why the move was undone,
    or None if it succeeded.
    """

    source: str
    target: str
    at: float
    memory_bytes: int
    failed: Reason | None = None


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts to repair a service. ``since`` is when it was first found misplaced or failing.

    ``last`` and ``since`` are in seconds since the epoch. ``given_up`` is why there are no more attempts. It
    is kept until the service is healthy or a user requests another attempt.
    """

    count: int
    last: float
    since: float
    reason: Reason
    given_up: Reason | None = None


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command of a user. The record is created just before the command runs.

    ``command`` is the command as text; ``source`` is ``file``, ``shell`` or ``http``; ``by`` is the host name
    of the node that runs it; ``instance`` is the process. ``status`` is RUNNING, DONE, FAILED or INTERRUPTED;
    ``message`` has details. ``started`` and ``finished`` are in seconds since the epoch.
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
        """Whether there is no result yet. The process that runs it may no longer exist."""
        return self.status == RUNNING


@dataclass(frozen=True, slots=True)
class Handover:
    """The rest of a command that its own process must not run: the reboot of the host on which it runs.

    ``nodes`` are the IDs of the host's nodes; ``names`` are their host names. ``boot`` is the boot ID of the
    host, by which a process recognizes that it runs there. ``offered`` is in seconds since the epoch.
    ``done`` describes the part of the command that is finished. ``by`` is the host name of the node whose
    instance has taken over, or empty. That instance increments ``beats`` regularly, as a heartbeat.
    """

    nodes: tuple[str, ...]
    names: tuple[str, ...]
    boot: str
    offered: float
    done: str = ""
    by: str = ""
    beats: int = 0


class NotOffered(OrcastraError):
    """Another instance has taken the handover, or it is no longer offered."""


class AlreadyClaimed(OrcastraError):
    """The command has already been claimed, for an earlier request or by another controller."""

    def __init__(self, record: CommandRecord) -> None:
        super().__init__(
            f"{record.command} has already been claimed on node {record.by}; not running it again"
        )
        self.record = record


@dataclass(frozen=True)
class State:
    """The saved state.

    - ``owned_labels``: node ID → keys of the node labels that Orcastra has set
    - ``anchor_labels``: node ID → those of them that are anchor labels; the others are static
    - ``moves``: service ID → its current move
    - ``attempts``: service ID → the attempts to repair it
    - ``anchor_tasks``: service ID of an anchor → its task IDs when its followers were last as desired
    - ``tracks``: service ID of an anchor or follower that has moved recently → its moves
    - ``commands``: key of a command → its record
    - ``handovers``: key of a running command → the part that another instance takes over
    - ``relocations``: service ID → its balancing moves, oldest first
    - ``ahead``: the planned moves after the current balancing move; see ``SetAhead``
    - ``asked_availability``: ID of a node that a user has taken out of service → when
    - ``pressure``: physical host → since when it has used far more memory than another host
    - ``notified``: key of a problem that was noted for notifications → when and how
    - ``outbox``: message ID → a notification that not all targets have received
    - ``actions``: key of a recent action → the action; see ``history``
    - ``other_sections``: labels that this release does not know
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
    notified: Mapping[str, Noted] = field(default_factory=dict)
    outbox: Mapping[str, Outgoing] = field(default_factory=dict)
    actions: Mapping[str, SavedAction] = field(default_factory=dict)
    other_sections: Mapping[str, str] = field(default_factory=dict)


class StateEdit(Protocol):
    """A change to the state that can be applied again to a newer copy."""

    def apply(self, state: State) -> State: ...


@dataclass(frozen=True, slots=True)
class OwnLabels:
    """Record ownership of the labels ``keys`` of a node. ``anchors`` are the anchor labels among them."""

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
    """Remove the record of ownership of the labels ``keys`` of a node."""

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
    """Write a move to the journal; None removes it."""

    service_id: str
    move: Move | None

    def apply(self, state: State) -> State:
        return replace(state, moves=_with(state.moves, self.service_id, self.move))


@dataclass(frozen=True, slots=True)
class SetAttempts:
    """Save the attempts to repair a service; None if it is healthy."""

    service_id: str
    attempts: Attempts | None

    def apply(self, state: State) -> State:
        return replace(state, attempts=_with(state.attempts, self.service_id, self.attempts))


@dataclass(frozen=True, slots=True)
class SetAnchorTasks:
    """Save the anchor's tasks after which its followers have started; None if it is no longer an anchor."""

    service_id: str
    task_ids: frozenset[str] | None

    def apply(self, state: State) -> State:
        return replace(state, anchor_tasks=_with(state.anchor_tasks, self.service_id, self.task_ids))


@dataclass(frozen=True, slots=True)
class AskAvailability:
    """Record that a user has taken the node out of service, so that its configured availability is not
    restored.

    ``at`` is in seconds since the epoch; None if the node is in service again.
    """

    node_id: str
    at: float | None

    def apply(self, state: State) -> State:
        return replace(state, asked_availability=_with(state.asked_availability, self.node_id, self.at))


@dataclass(frozen=True, slots=True)
class ClaimCommand:
    """Record a command before it runs. Raises AlreadyClaimed if it is already recorded.

    A record of the same process without a result is not an error: the earlier write may have succeeded even
    though its reply was lost.
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
    """Record the result of the command that the process ``instance`` has claimed.

    INTERRUPTED, which other processes set if they see no result, never replaces a result.
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
    """Offer the rest of a command of the process ``instance`` to another instance."""

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
    """Take over a command: it now belongs to the process ``instance`` on node ``by``.

    Results from its previous process are ignored. Raises NotOffered if the command is not offered, or while
    another handover is in progress: rebooting two hosts at once might lose the quorum.
    """

    key: str
    instance: str
    by: str
    message: str

    def apply(self, state: State) -> State:
        found, handover = state.commands.get(self.key), state.handovers.get(self.key)
        if found is None or handover is None or not found.is_running:
            raise NotOffered("the command is no longer offered")
        if handover.by:
            if found.instance == self.instance:
                return state
            raise NotOffered(f"the instance on node {handover.by} has already taken over the command")
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
    """Record a heartbeat of the process ``instance``, which has taken over a command."""

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
    """Remove a handover if its command has ended or is no longer recorded."""

    key: str

    def apply(self, state: State) -> State:
        found = state.commands.get(self.key)
        if found is not None and found.is_running:
            return state
        return replace(state, handovers=_with(state.handovers, self.key, None))


@dataclass(frozen=True, slots=True)
class ForgetCommands:
    """Remove the records of commands, so that they can run again."""

    keys: frozenset[str]

    def apply(self, state: State) -> State:
        kept = {key: record for key, record in state.commands.items() if key not in self.keys}
        handovers = {key: one for key, one in state.handovers.items() if key not in self.keys}
        return replace(state, commands=kept, handovers=handovers)


@dataclass(frozen=True, slots=True)
class AddRelocation:
    """Record a balancing move of a service, and keep its last ``keep`` moves."""

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
    """Remove the balancing moves of a service before ``before``, in seconds since the epoch."""

    service_id: str
    before: float

    def apply(self, state: State) -> State:
        kept = tuple(made for made in state.relocations.get(self.service_id, ()) if made.at >= self.before)
        return replace(state, relocations=_with(state.relocations, self.service_id, kept or None))


@dataclass(frozen=True, slots=True)
class SetPressure:
    """Save since when physical hosts have used far more memory than others; None if they no longer do."""

    since: Mapping[str, float | None]

    def apply(self, state: State) -> State:
        changed = {**state.pressure, **self.since}
        return replace(state, pressure={host: at for host, at in changed.items() if at is not None})


@dataclass(frozen=True, slots=True)
class SetAhead:
    """Save the balancing moves that should come next, unless the next plan finds better ones.

    ``targets``: service ID and source node ID, separated by a slash → target node ID.
    """

    targets: Mapping[str, str]

    def apply(self, state: State) -> State:
        return replace(state, ahead=dict(self.targets))


def _with(entries: Mapping[str, T], key: str, value: T | None) -> dict[str, T]:
    """A copy of ``entries`` with ``value`` at ``key``, or without ``key`` if it is None."""
    changed = {name: entry for name, entry in entries.items() if name != key}
    if value is not None:
        changed[key] = value
    return changed


def apply_edits(state: State, edits: Iterable[StateEdit]) -> State:
    for edit in edits:
        state = edit.apply(state)
    return state

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units that could move to balance memory: anchor groups and single services, and what forbids it.

A unit consists of the tasks that leave a node together: an anchor with one task and all its direct and
indirect followers, or a service's tasks on one node, because no constraint can separate them.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ..._model.memory import Memory
from ..._model.mount import SHARED, Mount, ObservedVolume, Residence, residence_of
from ..._model.reasons import Reason
from ..._model.rules import RebalanceRules, ServiceRules
from ..._model.snapshot import Node, Service, SwarmSnapshot, Task
from ..._model.state import Relocation, State
from ..anchors.groups import AnchorGroup
from ..names import find_nodes
from ..scheduling.finished import finished, missing_tasks, runs_once
from ..scheduling.managed import move_constraints

ALLOW_LABEL = "orchestration.rebalance"
PREFERRED_LABEL = "orchestration.preferred.node"

# Above this pressure, a host is short of memory, and the measures against noise are skipped.
SHORT = 0.85
# Each move of a service within a week multiplies its cooldown by GROWTH, up to a limit: an imbalance must not
# last for days. The service cannot move back in any case.
RECENT_SECONDS = 7 * 24 * 3600.0
GROWTH = 4
LONGEST_PAUSE_SECONDS = 4 * 3600.0
# After a failed move, the service does not move for this long.
FAILED_SECONDS = 3600.0
# A task that has just started uses less memory than later, so its use before the move counts for this long.
WARM_SECONDS = 900.0


@dataclass(frozen=True)
class ReportedVolume:
    """A volume whose services name no driver, as its nodes report it, and why it counts as shared."""

    volume: ObservedVolume
    reason: Reason


@dataclass(frozen=True)
class MoveUnit:
    """Tasks that leave a node together.

    ``members``: the services: first the one that Orcastra moves, then its followers. ``tasks``: their tasks
    on the node. ``memory_bytes``: the memory they use, or None if unknown. ``growth_bytes``: by how much that
    exceeds the measurement, shortly after a move. ``preferred``: the nodes that the user prefers.
    ``is_short``: whether the node's host is short of memory. ``forbidden``: why the unit may not move at all,
    or None. ``volumes``: those that its nodes report as shared; a target must have the same ones.
    """

    members: tuple[Service, ...]
    node: Node
    tasks: tuple[Task, ...]
    memory_bytes: int | None
    growth_bytes: int
    rules: ServiceRules
    preferred: tuple[Node, ...] = ()
    is_short: bool = False
    relocations: tuple[Relocation, ...] = ()
    forbidden: Reason | None = None
    volumes: Mapping[str, ReportedVolume] = field(default_factory=dict)

    @property
    def lead(self) -> Service:
        return self.members[0]

    @property
    def name(self) -> str:
        return self.lead.name

    @property
    def count(self) -> int:
        """The number of the lead's tasks."""
        return sum(task.service_id == self.lead.id for task in self.tasks)

    @property
    def title(self) -> str:
        """The unit as text: the lead, with its followers or the number of its tasks."""
        if len(self.members) > 1:
            return f"{self.name} with {', '.join(sorted(member.name for member in self.members[1:]))}"
        return f"{self.name} ({self.count} tasks)" if self.count > 1 else self.name

    @property
    def last(self) -> Relocation | None:
        """Our move that placed the unit on this node, if there was one."""
        if not self.relocations:
            return None
        last = self.relocations[-1]
        return last if last.failed is None and last.target == self.node.id else None


def service_rules(service: Service, rules: RebalanceRules) -> ServiceRules:
    """Return the rules for a service, which may be configured with or without the name of its stack."""
    for name in _names(service):
        if name in rules.services:
            return rules.services[name]
    return rules.default


def unknown_names(snapshot: SwarmSnapshot, rules: RebalanceRules) -> tuple[str, ...]:
    """Return the configured names that no service of the swarm has."""
    known = {name for service in snapshot.services for name in _names(service)}
    return tuple(sorted(rules.services.keys() - known))


def task_memory(memory: Memory, task: Task, service: Service) -> int | None:
    """Return the memory that a task uses: measured, measured for its service, or reserved; None if
    unknown."""
    if task.id in memory.tasks:
        return memory.tasks[task.id]
    if service.id in memory.services:
        return memory.services[service.id]
    return service.reserved_memory_bytes or None


def find_units(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    memory: Memory,
    rules: RebalanceRules,
    state: State,
    now: float,
) -> tuple[MoveUnit, ...]:
    """Return all units of the swarm by name. Global services and jobs are not units."""
    finder = _UnitFinder(snapshot, groups, memory, rules, state, now)
    units: list[MoveUnit] = []
    for service in sorted(snapshot.services, key=lambda service: service.name):
        if service.is_replicated:
            units += finder.units_of(service)
    return tuple(units)


class _UnitFinder:
    def __init__(
        self,
        snapshot: SwarmSnapshot,
        groups: tuple[AnchorGroup, ...],
        memory: Memory,
        rules: RebalanceRules,
        state: State,
        now: float,
    ) -> None:
        self.snapshot = snapshot
        self.memory = memory
        self.rules = rules
        self.state = state
        self.now = now
        self.followers_of: dict[str, list[Service]] = {}
        self.anchors_of: dict[str, list[Service]] = {}
        for group in groups:
            anchor = group.place.service
            if anchor is not None:
                for follower in group.followers:
                    self.followers_of.setdefault(anchor.id, []).append(follower.service)
                    self.anchors_of.setdefault(follower.service.id, []).append(anchor)
        self.preferred: dict[str, tuple[Node, ...]] = {}

    def units_of(self, service: Service) -> list[MoveUnit]:
        desired = [task for task in self.snapshot.tasks_of(service) if task.should_run]
        by_node: dict[str, list[Task]] = {}
        for task in desired:
            by_node.setdefault(task.node_id or "", []).append(task)
        members = self._members(service)
        forbidden = self._forbidden(service, desired, members)
        units = []
        for node_id, tasks in sorted(by_node.items()):
            node = self.snapshot.node_by_id.get(node_id)
            if node is not None:
                units.append(self._unit(members, node, tasks, forbidden))
        return units

    def _unit(
        self, members: tuple[Service, ...], node: Node, tasks: list[Task], forbidden: Reason | None
    ) -> MoveUnit:
        lead, together = members[0], list(tasks)
        for member in members[1:]:
            there = [t for t in self.snapshot.tasks_of(member) if t.should_run and t.node_id == node.id]
            together += there
        measured = self._measured(members, together)
        relocations = self.state.relocations.get(lead.id, ())
        used, growth = measured, 0
        last = relocations[-1] if relocations else None
        if last is not None and last.failed is None and self.now - last.at < WARM_SECONDS:
            if last.target == node.id and last.memory_bytes > (measured or 0):
                used, growth = last.memory_bytes, last.memory_bytes - (measured or 0)
        preferred = self._preferred(lead)
        sample = self.memory.nodes.get(node.id)
        is_short = sample is not None and (
            sample.is_strained or sample.used_bytes >= SHORT * sample.total_bytes
        )
        forbidden = forbidden or self._cooling(lead, is_short=is_short)
        volumes = {} if forbidden else self._reported_shared(members)
        if used is None:
            forbidden = forbidden or Reason("memory_use_unknown")
        return MoveUnit(
            members=members,
            node=node,
            tasks=tuple(together),
            memory_bytes=used,
            growth_bytes=growth,
            rules=service_rules(lead, self.rules),
            preferred=preferred,
            is_short=is_short,
            relocations=relocations,
            forbidden=forbidden,
            volumes=volumes,
        )

    def _measured(self, members: tuple[Service, ...], tasks: list[Task]) -> int | None:
        by_id = {member.id: member for member in members}
        total = 0
        for task in tasks:
            used = task_memory(self.memory, task, by_id[task.service_id])
            if used is None:
                return None
            total += used
        return total

    def _members(self, lead: Service) -> tuple[Service, ...]:
        """Return the service and its direct and indirect followers, except finished ones, which never
        move."""
        members = [lead]
        waiting = [lead]
        while waiting:
            for follower in self.followers_of.get(waiting.pop().id, ()):
                if follower not in members and not self._is_over(follower):
                    members.append(follower)
                    waiting.append(follower)
        return tuple(members)

    def _is_over(self, service: Service) -> bool:
        should_run = any(task.should_run for task in self.snapshot.tasks_of(service))
        return not should_run and bool(finished(self.snapshot, service))

    def _preferred(self, service: Service) -> tuple[Node, ...]:
        name = service.labels.get(PREFERRED_LABEL, "")
        if not name:
            return ()
        if name not in self.preferred:
            found = find_nodes(self.snapshot, name)
            # if several nodes share the name, it is ambiguous
            self.preferred[name] = found if len(found) == 1 else ()
        return self.preferred[name]

    # reasons against any move

    def _forbidden(self, lead: Service, desired: list[Task], members: tuple[Service, ...]) -> Reason | None:
        anchors = self.anchors_of.get(lead.id)
        if anchors:
            return Reason("moves_with_anchor", anchors=[anchor.name for anchor in anchors])
        if len(members) > 1 and len(desired) > 1:
            return Reason("anchor_has_replicas")
        ids = {member.id for member in members}
        for member in members:
            reason = self._second_anchor(member, ids) or self._tied(member) or self._unsteady(member, desired)
            if reason is not None and member is not lead:
                return Reason("follower_not_movable", follower=member.name, reason=reason)
            if reason is not None:
                return reason
        return None

    def _second_anchor(self, member: Service, ids: Collection[str]) -> Reason | None:
        """Return the reason if a member has an anchor that is not a member itself."""
        for anchor in self.anchors_of.get(member.id, ()):
            if anchor.id not in ids:
                return Reason("follows_other_anchor", anchor=anchor.name)
        return None

    def _tied(self, service: Service) -> Reason | None:
        """Return what ties the service to its node: the user's configuration, or its data."""
        allowed = service.labels.get(ALLOW_LABEL, "").strip().lower()
        if allowed == "false":
            return Reason("rebalance_label_false", label=ALLOW_LABEL)
        if not service.is_replicated:
            return Reason("service_not_replicated", mode=service.mode)
        if runs_once(service):
            return Reason("service_runs_once")
        if allowed == "true" or service_rules(service, self.rules).may_leave_data:
            return None
        for mount, residence in self._residences(service):
            if not residence.is_tied:
                continue
            if mount.type == "volume":
                return Reason("volume_stays", volume=mount.source or mount.target, label=ALLOW_LABEL)
            return Reason("host_path_stays", path=mount.source, label=ALLOW_LABEL)
        return None

    def _residences(self, service: Service) -> Iterator[tuple[Mount, Residence]]:
        observed = self._observed(service)
        for mount in service.mounts:
            yield mount, residence_of(mount, self.rules.storage, service.stack, observed)

    def _observed(self, service: Service) -> dict[str, ObservedVolume]:
        """Return the volumes about which all nodes with tasks of the service agree."""
        nodes = {task.node_id for task in self.snapshot.tasks_of(service) if task.should_run and task.node_id}
        reports = [self.memory.volumes.get(node_id, {}) for node_id in nodes]
        if not reports:
            return {}
        first, *others = reports
        return {name: volume for name, volume in first.items() if all(o.get(name) == volume for o in others)}

    def _reported_shared(self, members: tuple[Service, ...]) -> dict[str, ReportedVolume]:
        found: dict[str, ReportedVolume] = {}
        for member in members:
            observed = self._observed(member)
            for mount, residence in self._residences(member):
                if residence.kind == SHARED and residence.reason.code == "mount_observed":
                    found[mount.source] = ReportedVolume(observed[mount.source], residence.reason)
        return found

    def _unsteady(self, service: Service, lead_tasks: list[Task]) -> Reason | None:
        """Return the update, move or retry that is under way, or the problem that comes first."""
        if service.is_updating:
            return Reason("service_in_update", state=service.update_state)
        if service.id in self.state.moves or move_constraints(service):
            return Reason("service_in_move")
        if service.id in self.state.attempts:
            return Reason("service_in_retry")
        tasks = [task for task in self.snapshot.tasks_of(service) if task.should_run]
        if missing_tasks(self.snapshot, service) or not all(task.is_running for task in tasks):
            return Reason("not_all_tasks_running")
        if tasks and finished(self.snapshot, service):
            return Reason("finished_tasks_would_rerun")
        places = {task.node_id for task in lead_tasks}
        if any(task.node_id not in places for task in tasks):
            return Reason("not_yet_co_located")
        return None

    def _cooling(self, service: Service, *, is_short: bool) -> Reason | None:
        """Return the cooldown that a service still has after its last move: shorter if its host is short of
        memory."""
        relocations = self.state.relocations.get(service.id, ())
        if not relocations:
            return None
        last = relocations[-1]
        cooldown = pause = service_rules(service, self.rules).cooldown_seconds
        if not is_short:
            # moving a service repeatedly solves nothing, so its pauses grow
            recent = sum(self.now - made.at < RECENT_SECONDS for made in relocations)
            pause = max(cooldown, min(cooldown * GROWTH ** max(recent - 1, 0), LONGEST_PAUSE_SECONDS))
        if last.failed is not None:
            pause = max(pause, FAILED_SECONDS)
        ago, left = max(self.now - last.at, 0.0), last.at + pause - self.now
        if left <= 0:
            return None
        if last.failed is not None:
            return Reason("cooling_down_after_failure", ago=ago, left=left)
        return Reason("cooling_down", ago=ago, left=left)


def _names(service: Service) -> tuple[str, ...]:
    prefix = f"{service.stack}_" if service.stack else ""
    if prefix and service.name.startswith(prefix):
        return (service.name, service.name[len(prefix) :])
    return (service.name,)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What could be moved to balance memory: anchor groups and single services, with what forbids it.

A unit is what leaves a node together: an anchor with one task and all that follows it, directly or not; or
a service's tasks on one node, since no constraint tells two of them apart.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass

from ..._model.memory import Memory
from ..._model.rules import (
    RebalanceRules,
    ServiceRules,
)
from ..._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from ..._model.state import Relocation, State
from ..anchors.groups import AnchorGroup
from ..names import find_nodes
from ..scheduling.finished import (
    finished,
    missing_tasks,
    runs_once,
)
from ..scheduling.managed import move_constraints

ALLOW_LABEL = "orchestration.rebalance"
PREFERRED_LABEL = "orchestration.preferred.node"

# With more pressure than this, a host is short of memory: what is done against noise is left out then.
SHORT = 0.85
# Each move of a service within a week makes its cooldown this much longer, but not longer than some hours:
# what is uneven must not stay so for days. It cannot go back in any case.
RECENT_SECONDS = 7 * 24 * 3600.0
GROWTH = 4
LONGEST_PAUSE_SECONDS = 4 * 3600.0
# After a move that failed, the service is left alone for this long.
FAILED_SECONDS = 3600.0
# A task that has just started uses less than it will: so long, what it used before its move counts.
WARM_SECONDS = 900.0


@dataclass(frozen=True)
class Unit:
    """Tasks that leave a node together.

    ``members``: the services, first the one that is moved, then those that follow it. ``tasks``: their tasks
    on the node. ``memory_bytes``: what these have in use, None where it is not known. ``growth_bytes``: how
    much more than measured that is, while they have just been moved. ``preferred``: the nodes that the user
    prefers. ``is_short``: whether the node's host is short of memory. ``forbidden``: why it may not be moved
    at all, or None.
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
    forbidden: str | None = None

    @property
    def lead(self) -> Service:
        return self.members[0]

    @property
    def name(self) -> str:
        return self.lead.name

    @property
    def count(self) -> int:
        """How many tasks of the lead there are."""
        return sum(task.service_id == self.lead.id for task in self.tasks)

    @property
    def title(self) -> str:
        """The unit in words."""
        if len(self.members) > 1:
            return f"{self.name} with {', '.join(sorted(member.name for member in self.members[1:]))}"
        return f"{self.name} ({self.count} tasks)" if self.count > 1 else self.name

    @property
    def last(self) -> Relocation | None:
        """The move that has brought it here, if it was ours."""
        if not self.relocations:
            return None
        last = self.relocations[-1]
        return last if last.failed is None and last.target == self.node.id else None


def service_rules(service: Service, rules: RebalanceRules) -> ServiceRules:
    """The limits for a service, which may be configured with or without the name of its stack."""
    for name in _names(service):
        if name in rules.services:
            return rules.services[name]
    return rules.default


def unknown_names(snapshot: SwarmSnapshot, rules: RebalanceRules) -> tuple[str, ...]:
    """The configured names that no service of the swarm has."""
    known = {name for service in snapshot.services for name in _names(service)}
    return tuple(sorted(rules.services.keys() - known))


def task_memory(memory: Memory, task: Task, service: Service) -> int | None:
    """What a task has in use: measured, measured for its service, reserved; None where nothing says."""
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
) -> tuple[Unit, ...]:
    """All units of the swarm, in the order of their names. Global services and jobs are none."""
    resolve_anchor_groups = _Survey(snapshot, groups, memory, rules, state, now)
    units: list[Unit] = []
    for service in sorted(snapshot.services, key=lambda service: service.name):
        if service.is_replicated:
            units += resolve_anchor_groups.units_of(service)
    return tuple(units)


class _Survey:
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

    def units_of(self, service: Service) -> list[Unit]:
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
        self, members: tuple[Service, ...], node: Node, tasks: list[Task], forbidden: str | None
    ) -> Unit:
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
        is_short = sample is not None and sample.used_bytes >= SHORT * sample.total_bytes
        forbidden = forbidden or self._cooling(lead, is_short=is_short)
        if used is None:
            unknown = "it is not known how much memory it uses: it is neither measured nor reserved"
            forbidden = forbidden or unknown
        return Unit(
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
        """The service, and all that follows it, directly or not. What has finished does not move any more."""
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
            # of several under one name, nobody can say which is meant
            self.preferred[name] = found if len(found) == 1 else ()
        return self.preferred[name]

    # what forbids a move to anywhere

    def _forbidden(self, lead: Service, desired: list[Task], members: tuple[Service, ...]) -> str | None:
        anchors = self.anchors_of.get(lead.id)
        if anchors:
            return f"it follows {', '.join(anchor.name for anchor in anchors)} and moves with it"
        if len(members) > 1 and len(desired) > 1:
            return "it is an anchor with several tasks: nobody can say which of them a follower goes to"
        ids = {member.id for member in members}
        for member in members:
            of = "" if member is lead else f"{member.name}, which follows it: "
            for anchor in self.anchors_of.get(member.id, ()):
                if anchor.id not in ids:
                    return f"{of}it also follows {anchor.name}"
            reason = self._held(member) or self._out_of_order(member, desired)
            if reason is not None:
                return f"{of}{reason}"
        return None

    def _held(self, service: Service) -> str | None:
        """What the user has said, or what its data say."""
        allowed = service.labels.get(ALLOW_LABEL, "").strip().lower()
        if allowed == "false":
            return f"its label {ALLOW_LABEL} is false"
        if not service.is_replicated:
            return f"it is a {service.mode} service"
        if runs_once(service):
            return "its restart condition is 'none': it runs to its end where it is"
        if allowed == "true" or service_rules(service, self.rules).may_leave_data:
            return None
        for mount in service.mounts:
            what = ""
            if mount.type == "volume" and mount.driver in ("", "local"):
                what = f"volume {mount.source or mount.target}"
            elif mount.type == "bind":
                what = f"host path {mount.source}"
            if what:
                return f"its {what} would stay behind; name it under services, or set {ALLOW_LABEL}=true"
        return None

    def _out_of_order(self, service: Service, lead_tasks: list[Task]) -> str | None:
        if service.is_updating:
            return f"Swarm is updating it ({service.update_state})"
        if service.id in self.state.moves or move_constraints(service):
            return "it is being moved"
        if service.id in self.state.attempts:
            return "it is being mended"
        tasks = [task for task in self.snapshot.tasks_of(service) if task.should_run]
        if missing_tasks(self.snapshot, service) or not all(task.is_running for task in tasks):
            return "not all of its tasks run"
        if tasks and finished(self.snapshot, service):
            return "some of its tasks have finished, and a move would run them again"
        places = {task.node_id for task in lead_tasks}
        if any(task.node_id not in places for task in tasks):
            return "it is not yet beside its anchor"
        return None

    def _cooling(self, service: Service, *, is_short: bool) -> str | None:
        """How long a service still rests after its last move: less where its host is short of memory."""
        relocations = self.state.relocations.get(service.id, ())
        if not relocations:
            return None
        last = relocations[-1]
        cooldown = pause = service_rules(service, self.rules).cooldown_seconds
        if not is_short:
            # what has been moved again and again is not what is wrong: its pauses grow
            recent = sum(self.now - made.at < RECENT_SECONDS for made in relocations)
            pause = max(cooldown, min(cooldown * GROWTH ** max(recent - 1, 0), LONGEST_PAUSE_SECONDS))
        if last.failed is not None:
            pause = max(pause, FAILED_SECONDS)
        left = last.at + pause - self.now
        if left <= 0:
            return None
        what = "was moved" if last.failed is None else "could not be moved"
        return f"it {what} {_minutes(self.now - last.at)} min ago, and may be again in {_minutes(left)} min"


def _names(service: Service) -> tuple[str, ...]:
    prefix = f"{service.stack}_" if service.stack else ""
    if prefix and service.name.startswith(prefix):
        return (service.name, service.name[len(prefix) :])
    return (service.name,)


def _minutes(seconds: float) -> str:
    return f"{max(seconds, 0) / 60:.0f}"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that change the members of the swarm, their roles, and the settings of the swarm itself."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from .compat import dataclass
from .spec_change import SpecChange
from .steps import Step


@dataclass(frozen=True, kw_only=True)
class MemberStep(Step):
    """A change to the membership of one host. ``host`` is its name.

    ``wait_seconds`` is the maximum time to wait for the change to complete; ``fails_late``: whether a timeout
    is a failure.
    """

    host: str
    wait_seconds: float = 60.0
    fails_late: bool = True

    @property
    def target(self) -> str:
        return f"host {self.host}"


@dataclass(frozen=True, kw_only=True)
class InitSwarm(MemberStep):
    """Create a swarm on the host's engine. ``request`` is the body of ``POST /swarm/init``.

    With ``force``, the swarm is recreated from this manager's data, after the old one has lost its quorum.
    """

    request: Mapping[str, Any]
    force: bool = False

    @property
    def action(self) -> str:
        return "force_new_cluster" if self.force else "init_swarm"

    @property
    def summary(self) -> str:
        if self.force:
            return f"make {self.host} the only manager of the swarm (force-new-cluster)"
        return f"create a swarm on {self.host}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"swarm": "without quorum" if self.force else None}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"swarm": {key: value for key, value in self.request.items() if value not in (None, "", {})}}


@dataclass(frozen=True, kw_only=True)
class JoinSwarm(MemberStep):
    """Join a swarm. The token, which is never shown, determines the role."""

    role: str
    cluster_id: str
    addresses: tuple[str, ...]
    listen_addr: str
    advertise_addr: str
    data_path_addr: str
    is_to_manage: bool = False
    token: str = field(default="", repr=False)

    @property
    def action(self) -> str:
        return "join_swarm"

    @property
    def summary(self) -> str:
        later = " (a manager promotes it later)" if self.is_to_manage and self.role == "worker" else ""
        return f"join {self.host} to the swarm as a {self.role}{later}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"swarm": None}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"swarm": self.cluster_id or "the new one", "role": self.role}


@dataclass(frozen=True, kw_only=True)
class LeaveSwarm(MemberStep):
    """Leave a swarm. A manager is demoted first; the last manager leaves only with ``force``."""

    swarm: str
    force: bool = False

    @property
    def action(self) -> str:
        return "leave_swarm"

    @property
    def summary(self) -> str:
        return f"remove {self.host} from {self.swarm}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"swarm": self.swarm}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"swarm": None}


@dataclass(frozen=True, kw_only=True)
class UnlockSwarm(MemberStep):
    """Unlock a manager after its engine has restarted. The key is never shown."""

    key: str = field(repr=False)

    @property
    def action(self) -> str:
        return "unlock_swarm"

    @property
    def summary(self) -> str:
        return f"unlock manager {self.host}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"locked": True}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"locked": False}


@dataclass(frozen=True, kw_only=True)
class NodeStep(MemberStep):
    """A change to a node's entry in the swarm."""

    node_id: str

    @property
    def target(self) -> str:
        return f"node {self.host}"


@dataclass(frozen=True, kw_only=True)
class SetRole(NodeStep):
    """Promote or demote a node, and wait until it has its new role.

    A manager is demoted only if at least ``least_managers`` other managers are reachable and have a quorum.
    """

    role: str
    least_managers: int = 1

    @property
    def action(self) -> str:
        return "promote_node" if self.role == "manager" else "demote_node"

    @property
    def summary(self) -> str:
        verb = "promote" if self.role == "manager" else "demote"
        return f"{verb} node {self.host} to {self.role}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"role": "worker" if self.role == "manager" else "manager"}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"role": self.role}


@dataclass(frozen=True, kw_only=True)
class SetAvailability(NodeStep):
    """Set a node's availability."""

    availability_before: str
    availability: str

    @property
    def action(self) -> str:
        return "set_availability"

    @property
    def summary(self) -> str:
        return f"set the availability of node {self.host} to {self.availability}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"availability": self.availability_before}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"availability": self.availability}


@dataclass(frozen=True, kw_only=True)
class RemoveNode(NodeStep):
    """Remove the old entry of a host that has rejoined under another ID."""

    @property
    def action(self) -> str:
        return "remove_node"

    @property
    def target(self) -> str:
        return f"node {self.host} ({self.node_id})"

    @property
    def summary(self) -> str:
        return f"remove the stale entry {self.node_id} of node {self.host}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"entry": self.node_id}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"entry": None}


@dataclass(frozen=True, kw_only=True)
class UpdateSwarm(SpecChange):
    """Set the settings of the swarm that ``desired`` contains, and keep all others."""

    @property
    def action(self) -> str:
        return "update_swarm"

    @property
    def target(self) -> str:
        return "swarm"

    @property
    def summary(self) -> str:
        return f"update {self.fields} of the swarm"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that change who is in the swarm, in which role, and how the swarm as such is set up."""

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

    ``wait_seconds`` is the longest wait for the end of what was begun; ``fails_late``: after it, that failed.
    """

    host: str
    wait_seconds: float = 60.0
    fails_late: bool = True

    @property
    def target(self) -> str:
        return f"host {self.host}"


@dataclass(frozen=True, kw_only=True)
class InitSwarm(MemberStep):
    """Make a swarm on the host's engine. ``request`` is the body of ``POST /swarm/init``.

    With ``force`` it is made anew from what this manager has of one that lost its quorum.
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
        return f"make a swarm on {self.host}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"swarm": "without a quorum" if self.force else None}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"swarm": {key: value for key, value in self.request.items() if value not in (None, "", {})}}


@dataclass(frozen=True, kw_only=True)
class JoinSwarm(MemberStep):
    """Join a swarm. The token decides in which role; it is never shown."""

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
        later = ", to be promoted by a manager" if self.is_to_manage and self.role == "worker" else ""
        return f"{self.host} joins the swarm as a {self.role}{later}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"swarm": None}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"swarm": self.cluster_id or "the one that is made", "role": self.role}


@dataclass(frozen=True, kw_only=True)
class LeaveSwarm(MemberStep):
    """Leave a swarm. A manager steps down first; the last one leaves only with ``force``."""

    swarm: str
    force: bool = False

    @property
    def action(self) -> str:
        return "leave_swarm"

    @property
    def summary(self) -> str:
        return f"{self.host} leaves {self.swarm}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"swarm": self.swarm}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"swarm": None}


@dataclass(frozen=True, kw_only=True)
class UnlockSwarm(MemberStep):
    """Unlock a manager after its engine was started. The key is never shown."""

    key: str = field(repr=False)

    @property
    def action(self) -> str:
        return "unlock_swarm"

    @property
    def summary(self) -> str:
        return f"unlock the manager {self.host}"

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

    A manager is demoted only while at least ``least_managers`` others are reachable and they have a quorum.
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
    """Remove the entry that a host left behind, when it joined again under another ID."""

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
    """Bring the settings of the swarm that ``desired`` names to its values; all others stay as they are."""

    @property
    def action(self) -> str:
        return "update_swarm"

    @property
    def target(self) -> str:
        return "swarm"

    @property
    def summary(self) -> str:
        return f"change {self.fields} of the swarm"

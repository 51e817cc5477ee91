# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan what one host does about its own membership: unlock, leave, make the swarm, join it."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._model.desired import DesiredState
from ..._model.errors import OrcastraError
from ..._model.member_steps import (
    InitSwarm,
    JoinSwarm,
    LeaveSwarm,
    UnlockSwarm,
)
from ..._model.membership import (
    INACTIVE,
    LOCKED,
    Formation,
    Member,
)
from ..._model.steps import Plan, Step
from .settings import KEEP_THE_KEY, spec_of

DEFAULT_LISTEN_ADDR = "0.0.0.0:2377"


@dataclass(frozen=True)
class MemberOptions:
    """What the host is told. ``address`` is where it is reached, if the configuration does not say.

    ``joins``: whether it may join now (a token is at hand, or it is only planned).
    """

    unlock_key: str = ""
    join_token: str = ""
    join_role: str = "worker"
    address: str = ""
    leave_other_swarm: bool = False
    joins: bool = True
    wait_seconds: float = 60.0


def plan_member(
    name: str, member: Member, formation: Formation, desired: DesiredState, options: MemberOptions
) -> Plan:
    """Plan the steps of the host ``name``. Raises OrcastraError, naming it, where it cannot be helped."""
    is_doubted = name in formation.doubts and name not in formation.divided
    doubts = (f"{name}: {formation.doubts[name]}",) if is_doubted else ()
    return _plan_member(name, member, formation, desired, options) + Plan(
        warnings=(*_other_name(name, member, desired), *doubts)
    )


def _other_name(name: str, member: Member, desired: DesiredState) -> tuple[str, ...]:
    """A complaint where a node is configured under another name than the one its engine gives it."""
    if name not in desired.nodes or member.hostname in ("", name) or member.node_id == name:
        return ()
    warning = (
        f"nodes.{name}: expected the host name, which is {member.hostname}; labels and whatever else is done "
        f"through the swarm do not find it as {name} (orcastra_node_name={member.hostname} tells the role)"
    )
    return (warning,)


def _plan_member(
    name: str, member: Member, formation: Formation, desired: DesiredState, options: MemberOptions
) -> Plan:
    if member.state == LOCKED:
        return Plan(steps=(_unlock(name, options),))
    if name in formation.faults:
        raise OrcastraError(f"{name}: {formation.faults[name]}")
    if desired.nodes and name not in desired.nodes:
        return Plan(notes=(f"{name} is not one of the configured nodes, so it is left alone",))
    if formation.init_on == name:
        step = _init(name, member, formation, desired, options)
        return Plan(steps=(step,), warnings=(KEEP_THE_KEY,) if desired.swarm.autolock else ())
    if name in formation.foreign and not options.leave_other_swarm and not formation.trouble:
        raise OrcastraError(
            f"{name}: belongs to {formation.foreign[name]}; it is left alone unless "
            f"orcastra_leave_other_swarm=true tells it to leave"
        )
    if formation.contested and member.state == INACTIVE and not options.leave_other_swarm:
        raise OrcastraError(f"{name}: {formation.contested}")
    # a host may be told to leave before there is a swarm to join; one is lost only to a swarm that is there
    leaving = {*formation.foreign} if options.leave_other_swarm else set()
    if not formation.trouble:
        leaving |= {*formation.lost}
    if formation.trouble and name not in leaving:
        if name in formation.divided:
            return Plan(warnings=(f"{name}: {formation.trouble}",))
        if member.state == INACTIVE or member.manages:
            raise OrcastraError(f"{name}: {formation.trouble}")
        return Plan(notes=(f"{name}: {formation.trouble}",))
    steps: list[Step] = []
    if name in leaving:
        steps.append(_leave(name, formation, options))
    if (steps or member.state == INACTIVE) and options.joins:
        steps.append(_join(name, formation, desired, options))
    return Plan(steps=tuple(steps))


def plan_absence(name: str, member: Member, *, force: bool, wait_seconds: float = 60.0) -> Plan:
    """Plan to take the host out of whatever swarm it is in.

    Raises OrcastraError where that is only done with ``force``.
    """
    if member.state == INACTIVE:
        return Plan()
    managers = [node for node in member.managers if node.reachability == "reachable"]
    if not force:
        if member.state == LOCKED:
            raise OrcastraError(
                f"{name}: its manager is locked; unlock it, or set force=true to leave anyway"
            )
        if member.manages and not member.has_quorum:
            raise OrcastraError(f"{name}: its swarm has no quorum; force=true makes it leave anyway")
        if member.manages and len(managers) < 2:
            raise OrcastraError(
                f"{name}: it is the last manager; force=true ends the swarm with all its services"
            )
    swarm = f"the swarm {member.cluster_id}" if member.cluster_id else "its swarm"
    step = LeaveSwarm(
        host=name, swarm=swarm, force=force, wait_seconds=wait_seconds, why=("it is to be in no swarm",)
    )
    return Plan(steps=(step,))


def _unlock(name: str, options: MemberOptions) -> UnlockSwarm:
    if not options.unlock_key:
        raise OrcastraError(
            f"{name}: its manager is locked and needs the unlock key (orcastra_unlock_key; `docker swarm "
            f"unlock-key` shows it on another manager)"
        )
    return UnlockSwarm(
        host=name,
        key=options.unlock_key,
        wait_seconds=options.wait_seconds,
        why=("the swarm is autolocked, and its engine was started",),
    )


def _leave(name: str, formation: Formation, options: MemberOptions) -> LeaveSwarm:
    swarm = formation.foreign.get(name, "the swarm")
    why = formation.lost.get(name) or "it was told to leave any other swarm"
    return LeaveSwarm(host=name, swarm=swarm, force=True, wait_seconds=options.wait_seconds, why=(why,))


def _init(
    name: str, member: Member, formation: Formation, desired: DesiredState, options: MemberOptions
) -> InitSwarm:
    settings = desired.swarm
    force = member.manages
    request: dict[str, Any] = {
        "ListenAddr": settings.listen_addr or DEFAULT_LISTEN_ADDR,
        "AdvertiseAddr": _advertise(name, desired, options) or member.address,
        "DataPathAddr": _data_path(name, desired),
    }
    if force:
        request["ForceNewCluster"] = True
    else:
        request |= {
            "DataPathPort": settings.data_path_port or 0,
            "DefaultAddrPool": list(settings.default_addr_pool or ()),
            "SubnetSize": settings.subnet_size or 0,
            "AutoLockManagers": bool(settings.autolock),
            "Spec": spec_of(settings),
        }
    why = (
        (f"the swarm {formation.cluster_id} has lost its quorum, and {name} was named to go on alone",)
        if force
        else ("no host is in a swarm, and it is the leader",)
    )
    return InitSwarm(host=name, request=request, force=force, wait_seconds=options.wait_seconds, why=why)


def _join(name: str, formation: Formation, desired: DesiredState, options: MemberOptions) -> JoinSwarm:
    return JoinSwarm(
        host=name,
        role=options.join_role,
        is_to_manage=name in formation.managers,
        cluster_id=formation.cluster_id,
        addresses=formation.addresses,
        listen_addr=desired.swarm.listen_addr or DEFAULT_LISTEN_ADDR,
        advertise_addr=_advertise(name, desired, options),
        data_path_addr=_data_path(name, desired),
        token=options.join_token,
        wait_seconds=options.wait_seconds,
        why=("it is configured, and in no swarm",),
    )


def _advertise(name: str, desired: DesiredState, options: MemberOptions) -> str:
    node = desired.nodes.get(name)
    if name == desired.leader and desired.advertise_addr:
        return desired.advertise_addr
    return (node.ip if node is not None and node.ip else options.address) or ""


def _data_path(name: str, desired: DesiredState) -> str:
    node = desired.nodes.get(name)
    own = node.data_path_addr if node is not None else None
    return own or desired.swarm.data_path_addr or ""

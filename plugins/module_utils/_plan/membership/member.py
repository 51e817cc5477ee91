# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the steps of one host for its own membership: unlock, leave, create the swarm, or join it."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._model.desired import DesiredState
from ..._model.member_steps import InitSwarm, JoinSwarm, LeaveSwarm, UnlockSwarm
from ..._model.membership import INACTIVE, LOCKED, Formation, Member
from ..._model.reasons import Reason, Refused
from ..._model.steps import Plan, Step
from .settings import keep_the_key, spec_of

DEFAULT_LISTEN_ADDR = "0.0.0.0:2377"


@dataclass(frozen=True)
class MemberOptions:
    """The options of the host. ``address``: its address, if that isn't configured. ``joins``: whether it may
    join now (a token is available, or this is only a plan).
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
    """Plan the steps of the host ``name``. Raises Refused with its name if its membership cannot be
    repaired."""
    is_doubted = name in formation.doubts and name not in formation.divided
    doubts = (Reason("host_doubted", host=name, because=formation.doubts[name]),) if is_doubted else ()
    return _plan_member(name, member, formation, desired, options) + Plan(
        warnings=(*_other_name(name, member, desired), *doubts)
    )


def _other_name(name: str, member: Member, desired: DesiredState) -> tuple[Reason, ...]:
    """Return a warning if a node is configured under a name that differs from its host name."""
    if name not in desired.nodes or member.hostname in ("", name) or member.node_id == name:
        return ()
    return (Reason("host_name_differs", name=name, hostname=member.hostname),)


def _plan_member(
    name: str, member: Member, formation: Formation, desired: DesiredState, options: MemberOptions
) -> Plan:
    if member.state == LOCKED:
        return Plan(steps=(_unlock(name, options),))
    if name in formation.faults:
        raise Refused(Reason("host_at_fault", host=name, because=formation.faults[name]))
    if desired.nodes and name not in desired.nodes:
        return Plan(notes=(Reason("host_not_configured", host=name),))
    if formation.init_on == name:
        step = _init(name, member, formation, desired, options)
        return Plan(steps=(step,), warnings=(keep_the_key(),) if desired.swarm.autolock else ())
    if name in formation.foreign and not options.leave_other_swarm and not formation.trouble:
        raise Refused(Reason("host_in_other_swarm", host=name, swarm=formation.foreign[name]))
    if formation.contested and member.state == INACTIVE and not options.leave_other_swarm:
        raise Refused(Reason("swarm_contested", host=name, because=formation.contested))
    # a host may leave another swarm before there is one to join, but it is only lost to an existing swarm
    leaving = {*formation.foreign} if options.leave_other_swarm else set()
    if not formation.trouble:
        leaving |= {*formation.lost}
    if formation.trouble and name not in leaving:
        reason = Reason("membership_blocked", host=name, because=formation.trouble)
        if name in formation.divided:
            return Plan(warnings=(reason,))
        if member.state == INACTIVE or member.manages:
            raise Refused(reason)
        return Plan(notes=(reason,))
    steps: list[Step] = []
    if name in leaving:
        steps.append(_leave(name, formation, options))
    if (steps or member.state == INACTIVE) and options.joins:
        steps.append(_join(name, formation, desired, options))
    return Plan(steps=tuple(steps))


def plan_absence(name: str, member: Member, *, force: bool, wait_seconds: float = 60.0) -> Plan:
    """Plan to make the host leave its swarm, whichever that is.

    Raises Refused if that requires ``force``.
    """
    if member.state == INACTIVE:
        return Plan()
    managers = [node for node in member.managers if node.reachability == "reachable"]
    if not force:
        if member.state == LOCKED:
            raise Refused(Reason("leaving_locked_manager", host=name))
        if member.manages and not member.has_quorum:
            raise Refused(Reason("leaving_without_quorum", host=name))
        if member.manages and len(managers) < 2:
            raise Refused(Reason("leaving_last_manager", host=name))
    swarm = f"the swarm {member.cluster_id}" if member.cluster_id else "its swarm"
    step = LeaveSwarm(
        host=name, swarm=swarm, force=force, wait_seconds=wait_seconds, why=(Reason("absence_requested"),)
    )
    return Plan(steps=(step,))


def _unlock(name: str, options: MemberOptions) -> UnlockSwarm:
    if not options.unlock_key:
        raise Refused(Reason("unlock_key_missing", host=name))
    return UnlockSwarm(
        host=name,
        key=options.unlock_key,
        wait_seconds=options.wait_seconds,
        why=(Reason("manager_locked"),),
    )


def _leave(name: str, formation: Formation, options: MemberOptions) -> LeaveSwarm:
    swarm = str(formation.foreign.get(name, "the swarm"))
    why = formation.lost.get(name) or Reason("leaving_requested")
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
        Reason("survivor_chosen", cluster_id=formation.cluster_id, host=name)
        if force
        else Reason("leader_without_swarm")
    )
    return InitSwarm(host=name, request=request, force=force, wait_seconds=options.wait_seconds, why=(why,))


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
        why=(Reason("configured_without_swarm"),),
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

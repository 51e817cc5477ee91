# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out changes of membership and roles, and wait until they take effect."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import time
from collections.abc import Callable
from functools import singledispatch

from .._model.errors import OrcastraError
from .._model.member_steps import (
    InitSwarm,
    JoinSwarm,
    LeaveSwarm,
    MemberStep,
    RemoveNode,
    SetAvailability,
    SetRole,
    UnlockSwarm,
)
from .._model.membership import ACTIVE, INACTIVE, quorum
from .._observe.engine import Engine, Json
from .._observe.errors import EngineError, EngineUnreachable, NotAManager, NotFound
from .._observe.member import look_at_member
from .write import change_node

POLL_SECONDS = 0.2

_GONE = "it left the swarm after the plan was made; nothing was changed"


@singledispatch
def change_membership(step: MemberStep, _engine: Engine) -> bool:
    """Carry out a step and wait until it has taken effect. Returns whether anything was written.

    Raises OrcastraError if the step is refused, endangers the quorum or times out.
    """
    raise TypeError(f"no way to carry out a step of type {type(step).__name__}")


@change_membership.register
def _init(step: InitSwarm, engine: Engine) -> bool:
    engine.init_swarm(dict(step.request))
    _wait(step, lambda: look_at_member(engine).has_quorum, "the new swarm to have a leader")
    return True


@change_membership.register
def _join(step: JoinSwarm, engine: Engine) -> bool:
    if not step.token or not step.addresses:
        raise OrcastraError("expected a join token and the address of a manager, found none")
    request = {
        "ListenAddr": step.listen_addr,
        "AdvertiseAddr": step.advertise_addr,
        "DataPathAddr": step.data_path_addr,
        "RemoteAddrs": list(step.addresses),
        "JoinToken": step.token,
    }
    try:
        engine.join_swarm(request)
    except EngineUnreachable:
        raise
    except EngineError as error:
        # after 20 s the engine answers with an error, but continues in the background
        if "continue" not in str(error) or "background" not in str(error):
            raise
    _wait(step, lambda: look_at_member(engine).state == ACTIVE, "the engine to be a member")
    return True


@change_membership.register
def _leave(step: LeaveSwarm, engine: Engine) -> bool:
    member = look_at_member(engine)
    if member.state == INACTIVE:
        return False
    others = [
        node for node in member.managers if node.id != member.node_id and node.reachability == "reachable"
    ]
    if member.has_quorum and others and len(others) >= quorum(len(member.managers) - 1):
        # a manager that merely leaves stays in the Raft group and counts against the quorum
        _set_role(engine, member.node_id, "worker")
        _wait(step, lambda: not look_at_member(engine).control, "the manager to be demoted")
    elif member.manages and not step.force:
        raise OrcastraError("the swarm would lose its quorum without this manager; nothing was changed")
    engine.leave_swarm(force=step.force)
    _wait(step, lambda: look_at_member(engine).state == INACTIVE, "the engine to have left")
    return True


@change_membership.register
def _unlock(step: UnlockSwarm, engine: Engine) -> bool:
    try:
        engine.unlock_swarm(step.key)
    except EngineUnreachable:
        raise
    except EngineError as error:
        if "not locked" in str(error):
            return False
        if "invalid key" in str(error):
            raise OrcastraError("the unlock key doesn't belong to its swarm; it stays locked") from None
        raise
    # while other managers are locked there is no leader, which this host can't change
    _wait(step, lambda: look_at_member(engine).state == ACTIVE, "the manager to be unlocked")
    return True


@change_membership.register
def _role(step: SetRole, engine: Engine) -> bool:
    if step.role == "worker":
        _check_demotion(step, engine.list_nodes())
    try:
        changed = _set_role(engine, step.node_id, step.role)
    except NotFound as error:
        if "raft" in str(error):
            raise OrcastraError(
                "it has the role of a manager but is not a manager; its host must join again"
            ) from error
        raise OrcastraError(_GONE) from None
    _wait(step, lambda: _has_role(engine, step), f"node {step.host} to be a {step.role}")
    return changed


def _check_demotion(step: SetRole, nodes: list[Json]) -> None:
    """Raise OrcastraError if too few managers would be left."""
    managers = [node for node in nodes if node.get("ManagerStatus")]
    left = [node for node in managers if node["ID"] != step.node_id]
    if len(left) == len(managers):
        return
    reachable = [node for node in left if node["ManagerStatus"].get("Reachability") == "reachable"]
    if len(reachable) < quorum(len(left)) or len(reachable) < step.least_managers:
        raise OrcastraError(
            f"not demoted: only {len(reachable)} of the other {len(left)} managers are reachable"
        )


def _has_role(engine: Engine, step: SetRole) -> bool:
    try:
        status = engine.get_node(step.node_id).get("ManagerStatus")
    except (NotFound, NotAManager):
        # this engine itself was demoted
        return step.role == "worker"
    if step.role == "worker":
        return status is None
    return status is not None and status.get("Reachability") == "reachable"


def _set_role(engine: Engine, node_id: str, role: str) -> bool:
    return change_node(engine, node_id, lambda spec: {**spec, "Role": role})


@change_membership.register
def _availability(step: SetAvailability, engine: Engine) -> bool:
    try:
        return change_node(engine, step.node_id, lambda spec: {**spec, "Availability": step.availability})
    except NotFound:
        raise OrcastraError(_GONE) from None


@change_membership.register
def _remove(step: RemoveNode, engine: Engine) -> bool:
    deadline = time.monotonic() + step.wait_seconds
    while True:
        try:
            engine.delete_node(step.node_id, force=True)
        except NotFound:
            return False
        except EngineUnreachable:
            raise
        except EngineError:
            # a manager stays in the Raft group for a moment after its demotion
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return True


def _wait(step: MemberStep, condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition. An engine that refuses to answer is asked again."""
    deadline = time.monotonic() + step.wait_seconds
    said = ""
    while True:
        try:
            if condition():
                return
        except EngineError as error:
            said = f": {error}"
        if time.monotonic() > deadline:
            if not step.fails_late:
                return
            raise OrcastraError(f"timed out after {step.wait_seconds:g} s waiting for {what}{said}")
        time.sleep(POLL_SECONDS)

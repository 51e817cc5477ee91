#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_member
short_description: Add the engine of a host to a Docker Swarm, or remove it
version_added: 0.1.0
description:
  - Unlocks a locked manager, creates the swarm on the leader, joins the other hosts to it, and rejoins a host
    that has lost its membership. Run it on each host, with the results of M(orcastra.swarm.swarm_member_info)
    from all hosts.
  - A host joins a swarm, or leaves a swarm that has removed it, only if a majority of the configured managers
    confirms it. A single host could lie. For this reason, O(members) must contain what the managers report.
  - The module refuses a host that belongs to another swarm, unless O(leave_other_swarm=true).
  - Hosts join as workers. M(orcastra.swarm.swarm_heal) promotes the future managers one at a time, so that
    the manager token never leaves the managers.
  - The role C(orcastra.swarm.bootstrap) performs all of these steps.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.membership
  - orcastra.swarm.connection
options:
  name:
    description: The name of this host in O(nodes) and O(members). Defaults to the host name of the engine.
    type: str
  state:
    description:
      - V(present) adds the host to the swarm.
      - V(absent) removes the host from the swarm that it is in. A manager is demoted first if the other
        managers keep their quorum. The node's entry stays in the swarm with the state C(down).
    type: str
    choices: [present, absent]
    default: present
  address:
    description: The address at which the other hosts reach this host, if its entry in O(nodes) has no C(ip).
    type: str
  make_swarm:
    description: Whether the leader can create a new swarm if no host is in a swarm.
    type: bool
    default: true
  join_token:
    description:
      - The token to join with. It determines the role, and Docker uses it to verify the swarm.
      - Without a token, the host does not join, and RV(joins) shows whether it must.
    type: str
  join_tokens:
    description:
      - An alternative to O(join_token) that maps hosts in O(members) to the token that each of them reports.
        The module uses the token that most of the trusted managers report.
    type: dict
    default: {}
  join_role:
    description: The role that O(join_token) grants.
    type: str
    choices: [worker, manager]
    default: worker
  unlock_key:
    description: The key that unlocks a manager of an autolocked swarm.
    type: str
  leave_other_swarm:
    description:
      - Whether a host that belongs to another swarm leaves it. All tasks of that swarm on the host end.
    type: bool
    default: false
  force_new_cluster:
    description:
      - The name of the manager that creates a new cluster from its own state after the swarm has permanently
        lost its quorum.
      - Managers that are still alive elsewhere might have a different view of the latest changes.
    type: str
  force:
    description: With O(state=absent), leave even if the swarm ends or loses its quorum.
    type: bool
    default: false
  wait_timeout:
    description: The maximum time to wait in each step, in seconds.
    type: int
    default: 60
seealso:
  - module: orcastra.swarm.swarm_member_info
  - module: orcastra.swarm.swarm_heal
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Get the membership of all engines
  orcastra.swarm.swarm_member_info:
    name: "{{ inventory_hostname }}"
  register: membership

- name: Create a swarm on mgr-a
  orcastra.swarm.swarm_member:
    name: mgr-a
    leader: mgr-a
    advertise_addr: 10.0.0.11
    members:
      mgr-a: "{{ membership.member }}"
  when: inventory_hostname == 'mgr-a'

- name: Join the swarm
  orcastra.swarm.swarm_member:
    name: "{{ inventory_hostname }}"
    join_token: "{{ worker_token }}"
    members:
      mgr-a: "{{ hostvars['mgr-a'].membership.member }}"

- name: Remove a host from its swarm
  orcastra.swarm.swarm_member:
    state: absent
"""

RETURN = r"""
plan:
  description:
    - The steps that were needed, in order. In check mode, the steps that the module would carry out.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description:
        - The type of the step, one of V(unlock_swarm), V(init_swarm), V(force_new_cluster), V(join_swarm) or
          V(leave_swarm).
      type: str
    target: {description: The object that the step changes., type: str, sample: host wrk-b}
    summary:
      description: A one-line summary of the step.
      type: str
      sample: join wrk-b to the swarm as a worker
    why:
      description: Why the step is needed.
      type: list
      elements: dict
      contains:
        code:
          description: A stable identifier that scripts and playbooks can rely on.
          type: str
        params:
          description: The values in the message, such as names and numbers.
          type: dict
        text:
          description: The message.
          type: str
    why_not:
      description: Why alternatives were rejected, if there were any.
      type: list
      elements: dict
      contains:
        code:
          description: A stable identifier that scripts and playbooks can rely on.
          type: str
        params:
          description: The values in the message, such as names and numbers.
          type: dict
        text:
          description: The message.
          type: str
notes:
  description: What the module left unchanged, and why.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: A stable identifier that scripts and playbooks can rely on.
      type: str
    params:
      description: The values in the message, such as names and numbers.
      type: dict
    text:
      description: The message.
      type: str
warning_reasons:
  description: The warnings as structured data.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: A stable identifier that scripts and playbooks can rely on.
      type: str
    params:
      description: The values in the message, such as names and numbers.
      type: dict
    text:
      description: The message.
      type: str
reason:
  description: Why the module refuses to continue.
  returned: when the module fails because the planner refuses the host or the swarm
  type: dict
  contains:
    code:
      description: A stable identifier that scripts and playbooks can rely on.
      type: str
    params:
      description: The values in the message, such as names and numbers.
      type: dict
    text:
      description: The message.
      type: str
member:
  description:
    - The membership that the engine reports afterwards. See
      RV(orcastra.swarm.swarm_member_info#module:member).
  returned: success
  type: dict
joins:
  description: Whether the host still needs to join.
  returned: success
  type: bool
formation:
  description: The swarm that the configuration refers to.
  returned: success
  type: dict
  contains:
    cluster_id: {description: The ID of the swarm. Empty if there is no swarm yet., type: str}
    via: {description: The hosts that manage the swarm., type: list, elements: str}
    managers: {description: The hosts that should be managers., type: list, elements: str}
"""

from dataclasses import asdict
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.member_steps import JoinSwarm
from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import INACTIVE, Member
from ansible_collections.orcastra.swarm.plugins.module_utils._module.configuration import (
    MEMBERSHIP_ARGUMENT_SPEC,
    config_from_params,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module, run
from ansible_collections.orcastra.swarm.plugins.module_utils._module.plan import execute
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.member import look_at_member
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.formation import plan_formation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.member import (
    MemberOptions,
    plan_absence,
    plan_member,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.trust import most_common


def main() -> None:
    module = create_module(
        {
            **MEMBERSHIP_ARGUMENT_SPEC,
            "members": {"type": "dict", "default": {}},
            "name": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "address": {"type": "str"},
            "make_swarm": {"type": "bool", "default": True},
            "join_token": {"type": "str", "no_log": True},
            "join_tokens": {"type": "dict", "default": {}, "no_log": True},
            "join_role": {"type": "str", "choices": ["worker", "manager"], "default": "worker"},
            "unlock_key": {"type": "str", "no_log": True},
            "leave_other_swarm": {"type": "bool", "default": False},
            "force_new_cluster": {"type": "str"},
            "force": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 60},
        }
    )
    params = module.params
    desired = config_from_params(module)

    def present(engine: Engine) -> dict[str, Any]:
        member = look_at_member(engine)
        name = params["name"] or member.hostname
        members = {host: Member.from_data(data) for host, data in params["members"].items()}
        formation = plan_formation(
            {**members, name: member},
            desired,
            may_init=params["make_swarm"],
            force_new_cluster=params["force_new_cluster"] or "",
        )
        tokens = [str(params["join_tokens"][host]) for host in formation.via if host in params["join_tokens"]]
        token = params["join_token"] or most_common(tokens) or ""
        options = MemberOptions(
            unlock_key=params["unlock_key"] or "",
            join_token=token,
            join_role=params["join_role"],
            address=params["address"] or "",
            leave_other_swarm=params["leave_other_swarm"],
            joins=bool(token) or module.check_mode,
            wait_seconds=params["wait_timeout"],
        )
        plan = plan_member(name, member, formation, desired, options)
        result = execute(module, engine, plan, lambda engine: {"member": asdict(look_at_member(engine))})
        joined = any(isinstance(step, JoinSwarm) for step in plan.steps)
        is_configured = not desired.nodes or name in desired.nodes
        return {
            **result,
            "joins": is_configured and not joined and result["member"]["state"] == INACTIVE,
            "formation": {
                "cluster_id": formation.cluster_id,
                "via": list(formation.via),
                "managers": list(formation.managers),
            },
        }

    def absent(engine: Engine) -> dict[str, Any]:
        member = look_at_member(engine)
        plan = plan_absence(
            params["name"] or member.hostname,
            member,
            force=params["force"],
            wait_seconds=params["wait_timeout"],
        )
        result = execute(module, engine, plan, lambda engine: {"member": asdict(look_at_member(engine))})
        return {**result, "joins": False, "formation": {"cluster_id": "", "via": [], "managers": []}}

    run(module, present if params["state"] == "present" else absent)


if __name__ == "__main__":
    main()

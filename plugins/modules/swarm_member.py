#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_member
short_description: Bring the engine of a host into a Docker Swarm, or out of it
version_added: 0.2.0
description:
  - Unlocks a locked manager, makes the swarm on the leader, joins it on the other hosts, and joins again
    where a host has lost its membership. It runs on each host, with what all hosts have said before.
  - A host only joins a swarm, or leaves one that it has lost, on the word of a majority of the configured
    managers, so O(members) has to tell what they say. Any single host may lie.
  - A host that belongs to another swarm is refused unless O(leave_other_swarm=true).
  - Hosts join as workers. M(orcastra.swarm.swarm_heal) promotes those that are to be managers, one at a time,
    so that the token of managers never has to leave them.
  - The role C(orcastra.swarm.bootstrap) does all of it.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.membership
  - orcastra.swarm.connection
options:
  name:
    description: The name of this host in O(nodes) and O(members). Without it, the engine's host name.
    type: str
  state:
    description:
      - V(present) brings the host into the swarm.
      - V(absent) takes it out of whatever swarm it is in. A manager is demoted first if the others can spare
        it. Its entry stays behind as down.
    type: str
    choices: [present, absent]
    default: present
  address:
    description: Where this host is reached by the others, if O(nodes) has no C(ip) for it.
    type: str
  make_swarm:
    description: Whether the leader may make a new swarm if no host is in any.
    type: bool
    default: true
  join_token:
    description:
      - The token to join with; it decides in which role. Its swarm is verified by Docker through it.
      - Without it, nothing joins, and RV(joins) tells whether the host has to.
    type: str
  join_tokens:
    description:
      - For hosts in O(members) the token that each gives, instead of O(join_token). Of those hosts that count
        as managers, the token that most of them give is used.
    type: dict
    default: {}
    version_added: 0.2.0
  join_role:
    description: The role that O(join_token) is for.
    type: str
    choices: [worker, manager]
    default: worker
  unlock_key:
    description: The key that unlocks a manager of an autolocked swarm.
    type: str
  leave_other_swarm:
    description: Whether a host that belongs to another swarm leaves it. What that swarm runs on it ends.
    type: bool
    default: false
  force_new_cluster:
    description:
      - The name of the manager that goes on alone after the swarm has lost its quorum for good.
      - Managers that are still alive elsewhere may disagree with it about what happened last.
    type: str
  force:
    description: With O(state=absent), leave even if the swarm ends with it or loses its quorum.
    type: bool
    default: false
  wait_timeout:
    description: The longest wait for each step, in seconds.
    type: int
    default: 60
seealso:
  - module: orcastra.swarm.swarm_member_info
  - module: orcastra.swarm.swarm_heal
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Ask all engines for their membership
  orcastra.swarm.swarm_member_info:
    name: "{{ inventory_hostname }}"
  register: look

- name: Make a swarm on mgr-a
  orcastra.swarm.swarm_member:
    name: mgr-a
    leader: mgr-a
    advertise_addr: 10.0.0.11
    members:
      mgr-a: "{{ look.member }}"
  when: inventory_hostname == 'mgr-a'

- name: Join it
  orcastra.swarm.swarm_member:
    name: "{{ inventory_hostname }}"
    join_token: "{{ worker_token }}"
    members:
      mgr-a: "{{ hostvars['mgr-a'].look.member }}"

- name: Take a host out of its swarm
  orcastra.swarm.swarm_member:
    state: absent
"""

RETURN = r"""
plan:
  description:
    - The steps that were needed, in order. In check mode, those that would be carried out.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description:
        - The kind of step, V(unlock_swarm), V(init_swarm), V(force_new_cluster), V(join_swarm) or
          V(leave_swarm).
      type: str
    target: {description: What is changed., type: str, sample: host wrk-b}
    summary: {description: The step as text., type: str, sample: join wrk-b to the swarm as a worker}
    why:
      description: The reasons.
      type: list
      elements: dict
      contains:
        code:
          description: What it is about, as a fixed word that scripts can go by.
          type: str
        params:
          description: The values in the text, such as names and numbers.
          type: dict
        text:
          description: The sentence.
          type: str
    why_not:
      description: Why alternatives were not taken.
      type: list
      elements: dict
      contains:
        code:
          description: What it is about, as a fixed word that scripts can go by.
          type: str
        params:
          description: The values in the text, such as names and numbers.
          type: dict
        text:
          description: The sentence.
          type: str
notes:
  description: What was left as it is, and why.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: What it is about, as a fixed word that scripts can go by.
      type: str
    params:
      description: The values in the text, such as names and numbers.
      type: dict
    text:
      description: The sentence.
      type: str
warning_reasons:
  description: The warnings as data.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: What it is about, as a fixed word that scripts can go by.
      type: str
    params:
      description: The values in the text, such as names and numbers.
      type: dict
    text:
      description: The sentence.
      type: str
reason:
  description: Why the module fails, if that is a decision of the plan.
  returned: if the host or the swarm can't be dealt with
  type: dict
  contains:
    code:
      description: What it is about, as a fixed word that scripts can go by.
      type: str
    params:
      description: The values in the text, such as names and numbers.
      type: dict
    text:
      description: The sentence.
      type: str
member:
  description: What the engine says of its membership afterwards; see M(orcastra.swarm.swarm_member_info).
  returned: success
  type: dict
joins:
  description: Whether the host still has to join.
  returned: success
  type: bool
formation:
  description: Which swarm the configured one is.
  returned: success
  type: dict
  contains:
    cluster_id: {description: Its ID; empty while there is none., type: str}
    via: {description: The hosts that manage it., type: list, elements: str}
    managers: {description: The hosts that are to be managers., type: list, elements: str}
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

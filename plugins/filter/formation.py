# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E402 - Ansible requires the documentation above the imports

from __future__ import annotations

DOCUMENTATION = r"""
name: formation
short_description: Determine which hosts manage the configured swarm
version_added: 0.1.0
author:
  - Orcastra contributors (@orcastra)
description:
  - Evaluates, on the control node, what all hosts report about their membership. A host counts as a manager
    if a majority of the configured managers confirms it. The report of a single host is not enough.
positional: _input
options:
  _input:
    description:
      - Maps each host to the RV(orcastra.swarm.swarm_member_info#module:member) that its engine reports. For
        a host that did not answer, use a mapping with the key C(problem), which holds the reason as text.
    type: dict
    required: true
  nodes:
    description:
      - The nodes of the swarm, in the format of C(nodes) in C(swarm.yml). The filter uses their C(role),
        C(ip) and C(swarm_addr). If the mapping is empty, all hosts are nodes.
    type: dict
    default: {}
  leader:
    description: The host that creates the swarm.
    type: str
    default: ""
  managers:
    description: The number of managers.
    type: int
  cluster_id:
    description: The ID of the configured swarm.
    type: str
    default: ""
  force_new_cluster:
    description:
      - The host that creates a new cluster from its own state after the swarm has permanently lost its
        quorum.
    type: str
    default: ""
seealso:
  - module: orcastra.swarm.swarm_member
"""

EXAMPLES = r"""
- name: Get the membership of each engine
  orcastra.swarm.swarm_member_info:
  register: membership
  failed_when: false

- name: Show the managers
  ansible.builtin.debug:
    msg: "{{ members | orcastra.swarm.formation(nodes=nodes, leader='mgr-a') }}"
  vars:
    reports: "{{ ansible_play_hosts | map('extract', hostvars, ['membership', 'member']) }}"
    members: "{{ dict(ansible_play_hosts | zip(reports)) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The swarm that the configuration refers to.
  type: dict
  contains:
    cluster_id: {description: The ID of the swarm. Empty if there is no swarm yet., type: str}
    via:
      description: The hosts that manage the swarm. Hosts that should stay managers come first.
      type: list
      elements: str
    managing:
      description:
        - The same as RV(ignore:via). If too few hosts answered for a majority and none of those that did
          contradicts, it contains the hosts that report being managers.
      type: list
      elements: str
    acts:
      description: The host that makes the changes through the API of a manager. Empty if there is none.
      type: str
    managers: {description: The hosts that should be managers., type: list, elements: str}
    settled:
      description: The hosts that M(orcastra.swarm.swarm_member) would neither change nor warn about.
      type: list
      elements: str
    trouble:
      description: Why no host can join or leave. Empty if they can.
      type: str
    trouble_reason:
      description:
        - RV(ignore:trouble) as structured data with C(code), C(params) and C(text). V(null) if hosts can
          join.
      type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    DesiredState,
    NodeConfig,
    SwarmConfig,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import Formation, Member
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Refused
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.formation import plan_formation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.member import (
    MemberOptions,
    plan_member,
)


def formation(
    members: Any,
    nodes: Any = None,
    leader: str = "",
    managers: Any = None,
    cluster_id: str = "",
    force_new_cluster: str = "",
) -> dict[str, Any]:
    for name, value in {"the members": members, "nodes": nodes or {}}.items():
        if not isinstance(value, Mapping):
            raise AnsibleFilterError(f"orcastra.swarm.formation: expected a mapping for {name}")
    desired = DesiredState(
        nodes={str(name): _node(str(name), entry) for name, entry in (nodes or {}).items()},
        leader=leader or None,
        managers=int(managers) if managers else None,
        swarm=SwarmConfig(cluster_id=cluster_id or None),
    )
    reports = {str(name): Member.from_data(data) for name, data in members.items()}
    found = plan_formation(reports, desired, may_init=False, force_new_cluster=force_new_cluster)
    return {
        "cluster_id": found.cluster_id,
        "via": list(found.via),
        "managing": list(found.via or ([] if found.is_contradicted else found.divided)),
        "acts": found.acts,
        "managers": list(found.managers),
        "settled": [name for name, member in reports.items() if _is_settled(name, member, found, desired)],
        "trouble": "" if found.trouble is None else str(found.trouble),
        "trouble_reason": None if found.trouble is None else found.trouble.to_data(),
    }


def _is_settled(name: str, member: Member, found: Formation, desired: DesiredState) -> bool:
    """Whether there is nothing to plan or to say for the host."""
    if member.problem:
        return False
    try:
        plan = plan_member(name, member, found, desired, MemberOptions())
    except Refused:
        return False
    return not (plan.steps or plan.warnings or plan.notes)


def _node(name: str, entry: Any) -> NodeConfig:
    """Take only the keys that matter here. The modules validate the rest."""
    given = entry if isinstance(entry, Mapping) else {}

    def text(key: str) -> str | None:
        return None if given.get(key) is None else str(given[key])

    return NodeConfig(name, ip=text("ip"), role=text("role"), swarm_addr=text("swarm_addr"))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"formation": formation}

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E402 - documentation stands above the imports

from __future__ import annotations

DOCUMENTATION = r"""
name: formation
short_description: Tell which hosts manage the configured swarm
version_added: 0.2.0
author:
  - Orcastra contributors (@orcastra)
description:
  - Judges what all hosts say of their membership, on the control node. A host counts as a manager if a
    majority of the configured managers says so; what a single host says decides nothing.
positional: _input
options:
  _input:
    description:
      - For each host what its engine says of its membership, the C(member) that
        M(orcastra.swarm.swarm_member_info) returns. For a host that could not be asked, a mapping with
        C(problem), the reason in words.
    type: dict
    required: true
  nodes:
    description:
      - The nodes of the swarm, as under C(nodes) in C(swarm.yml); of each, C(role), C(ip) and C(swarm_addr)
        count. Without any, the hosts are the nodes.
    type: dict
    default: {}
  leader:
    description: The host on which the swarm is made.
    type: str
    default: ""
  managers:
    description: How many managers the swarm has.
    type: int
  cluster_id:
    description: The ID of the swarm that is meant.
    type: str
    default: ""
  force_new_cluster:
    description: The host that goes on alone after the quorum was lost for good.
    type: str
    default: ""
seealso:
  - module: orcastra.swarm.swarm_member
"""

EXAMPLES = r"""
- name: Ask each engine for its membership
  orcastra.swarm.swarm_member_info:
  register: look
  failed_when: false

- name: Name the managers
  ansible.builtin.debug:
    msg: "{{ members | orcastra.swarm.formation(nodes=nodes, leader='mgr-a') }}"
  vars:
    said: "{{ ansible_play_hosts | map('extract', hostvars, ['look', 'member']) }}"
    members: "{{ dict(ansible_play_hosts | zip(said)) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: Which swarm the configured one is.
  type: dict
  contains:
    cluster_id: {description: Its ID; empty while there is none., type: str}
    via:
      description: The hosts that manage it, those first that are to stay managers.
      type: list
      elements: str
    managing:
      description:
        - The same as RV(ignore:via), or the hosts that say so where too few hosts can be asked, and none of
          those that can says otherwise.
      type: list
      elements: str
    acts:
      description: The host that changes what a manager can change through the API. Empty for none.
      type: str
    managers: {description: The hosts that are to be managers., type: list, elements: str}
    trouble:
      description: Why no host can join or leave. Empty if that is possible.
      type: str
    trouble_reason:
      description: RV(ignore:trouble) as data with C(code), C(params) and C(text). V(null) if hosts can join.
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
from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import Member
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.formation import plan_formation


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
    said = {str(name): Member.from_data(data) for name, data in members.items()}
    found = plan_formation(said, desired, may_init=False, force_new_cluster=force_new_cluster)
    return {
        "cluster_id": found.cluster_id,
        "via": list(found.via),
        "managing": list(found.via or ([] if found.is_contradicted else found.divided)),
        "acts": found.acts,
        "managers": list(found.managers),
        "trouble": "" if found.trouble is None else str(found.trouble),
        "trouble_reason": None if found.trouble is None else found.trouble.to_data(),
    }


def _node(name: str, entry: Any) -> NodeConfig:
    """What counts here; all else is checked by the modules."""
    given = entry if isinstance(entry, Mapping) else {}

    def text(key: str) -> str | None:
        return None if given.get(key) is None else str(given[key])

    return NodeConfig(name, ip=text("ip"), role=text("role"), swarm_addr=text("swarm_addr"))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"formation": formation}

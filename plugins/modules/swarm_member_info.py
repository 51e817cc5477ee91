#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_member_info
short_description: Return what an engine reports about its Docker Swarm membership
version_added: 0.1.0
description:
  - Returns what the engine of a host reports about its membership, no matter whether it is in a swarm.
  - M(orcastra.swarm.swarm_member) uses the results of all hosts together.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.attributes.info
  - orcastra.swarm.connection
options:
  name:
    description: The name of the host, with which messages begin.
    type: str
  join_tokens:
    description:
      - Whether to return the tokens that hosts need to join the swarm. Requires the engine of a manager.
      - Tokens are secrets. Set C(no_log) for the task.
    type: bool
    default: false
seealso:
  - module: orcastra.swarm.swarm_member
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Get the membership of all engines
  orcastra.swarm.swarm_member_info:
    name: "{{ inventory_hostname }}"
  register: membership

- name: Get the join tokens from a manager
  orcastra.swarm.swarm_member_info:
    join_tokens: true
  register: tokens
  no_log: true
  when: membership.member.control
"""

RETURN = r"""
member:
  description: The membership that the engine reports.
  returned: success
  type: dict
  contains:
    hostname: {description: The host name of the engine., type: str}
    problem: {description: Always empty. A host that did not answer has the reason here., type: str}
    state:
      description: The state of the membership, V(inactive), V(pending), V(active), V(locked) or V(error).
      type: str
    error: {description: The error of the membership if there is one., type: str}
    node_id: {description: The ID of the node., type: str}
    address: {description: The address that the node advertises., type: str}
    control: {description: Whether the node is a manager., type: bool}
    cluster_id: {description: The ID of the swarm. Only managers know it., type: str}
    remote_managers: {description: The IDs of the managers that the node knows., type: list, elements: str}
    nodes:
      description: The nodes of the swarm. Only managers know them.
      type: list
      elements: dict
tokens:
  description: The join tokens, with the keys V(worker) and V(manager).
  returned: when O(join_tokens=true)
  type: dict
missing_library:
  description: The Python library that is missing on the host, for example V(docker).
  returned: when the module fails because a library is missing
  type: str
unreachable_engine:
  description: The value of O(docker_host).
  returned: when the module fails because it cannot reach the engine
  type: str
  sample: unix:///var/run/docker.sock
"""

from dataclasses import asdict
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module, run
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.member import look_at_member


def main() -> None:
    module = create_module({"name": {"type": "str"}, "join_tokens": {"type": "bool", "default": False}})

    def action(engine: Engine) -> dict[str, Any]:
        result: dict[str, Any] = {"changed": False, "member": asdict(look_at_member(engine))}
        if module.params["join_tokens"]:
            tokens = engine.get_swarm()["JoinTokens"]
            result["tokens"] = {"worker": tokens["Worker"], "manager": tokens["Manager"]}
        return result

    run(module, action)


if __name__ == "__main__":
    main()

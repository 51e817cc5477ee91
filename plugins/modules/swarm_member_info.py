#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_member_info
short_description: Show what an engine says of its membership in a Docker Swarm
version_added: 0.2.0
description:
  - Returns what the engine of a host says of its membership, whether it is in a swarm or not.
  - The results of all hosts together are what M(orcastra.swarm.swarm_member) plans from.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.attributes.info
  - orcastra.swarm.connection
options:
  name:
    description: The name of the host, which messages begin with.
    type: str
  join_tokens:
    description:
      - Whether to return the tokens with which hosts join the swarm. The engine has to be a manager's.
      - Tokens are secrets. Set C(no_log) for the task.
    type: bool
    default: false
seealso:
  - module: orcastra.swarm.swarm_member
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Ask all engines for their membership
  orcastra.swarm.swarm_member_info:
    name: "{{ inventory_hostname }}"
  register: look

- name: Get the join tokens from a manager
  orcastra.swarm.swarm_member_info:
    join_tokens: true
  register: tokens
  no_log: true
  when: look.member.control
"""

RETURN = r"""
member:
  description: What the engine says.
  returned: success
  type: dict
  contains:
    hostname: {description: The host name of the engine., type: str}
    problem: {description: Always empty here., type: str}
    state: {description: "V(inactive), V(pending), V(active), V(locked) or V(error).", type: str}
    error: {description: What is wrong with its membership if anything is., type: str}
    node_id: {description: The ID of the node., type: str}
    address: {description: The address that it advertises., type: str}
    control: {description: Whether it is a manager., type: bool}
    cluster_id: {description: The ID of the swarm; only managers know it., type: str}
    remote_managers: {description: The IDs of the managers that it knows., type: list, elements: str}
    nodes:
      description: For a manager, the nodes of the swarm.
      type: list
      elements: dict
tokens:
  description: The tokens to join with, as V(worker) and as V(manager).
  returned: if O(join_tokens=true)
  type: dict
missing_library:
  description: The Python library that is not installed on the host, such as V(docker).
  returned: if the module fails because a library is missing
  type: str
unreachable_engine:
  description: The value of O(docker_host).
  returned: if the module fails because the engine can't be reached
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

#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_info
short_description: Show what Orcastra sees of a Docker Swarm
version_added: 0.1.0
description:
  - Returns the nodes, services and tasks of a swarm and what Orcastra remembers of it, as its planners see
    them.
  - Takes five API requests, however large the swarm is. Has to reach the engine of a manager.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.attributes.info
  - orcastra.swarm.connection
options:
  tasks:
    description:
      - Which tasks to return.
      - V(current) are the tasks that should be running, V(all) also those that Swarm keeps as history.
    type: str
    choices: [current, all, none]
    default: current
  in_use:
    description:
      - Whether to return what the services use, too, for the nodes that cannot see it themselves.
    type: bool
    default: false
    version_added: 0.2.0
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Look at the swarm
  orcastra.swarm.swarm_info:
  register: swarm

- name: Name the nodes that are down
  ansible.builtin.debug:
    msg: "{{ swarm.nodes | rejectattr('state', 'eq', 'ready') | map(attribute='hostname') }}"
"""

RETURN = r"""
cluster_id:
  description: The ID of the swarm.
  returned: success
  type: str
  sample: 1u6vck6yfnq4ag1h0e3n5dlrr
local_node_id:
  description: The ID of the node whose engine was asked.
  returned: success
  type: str
  sample: 9f2a0c1vmg8tq8k3xvvzt1z9e
is_leader:
  description: Whether that node is the leader of the swarm.
  returned: success
  type: bool
nodes:
  description: The nodes of the swarm, sorted by host name.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: The node's ID., type: str}
    hostname: {description: The node's host name., type: str}
    role: {description: "V(manager) or V(worker).", type: str}
    availability: {description: "V(active), V(pause) or V(drain).", type: str}
    state: {description: "V(ready), V(down), V(unknown) or V(disconnected).", type: str}
    address: {description: The address that the managers see., type: str}
    manager_addr: {description: "Where a manager is joined, with the port; empty for a worker.", type: str}
    labels: {description: The node's labels., type: dict}
    engine_labels: {description: The labels of its engine., type: dict}
    engine_version: {description: The version of its engine., type: str}
    os: {description: The operating system of the engine., type: str}
    architecture: {description: The architecture as the engine spells it., type: str}
    nano_cpus: {description: "CPUs, in billionths.", type: int}
    memory_bytes: {description: Memory in bytes., type: int}
    leader: {description: Whether the node is the leader., type: bool}
    reachability: {description: "For a manager, V(reachable), V(unreachable) or V(unknown).", type: str}
    version: {description: The version of the node's object in Swarm., type: int}
services:
  description: The services of the swarm, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: The service's ID., type: str}
    name: {description: The service's name., type: str}
    mode: {description: "V(replicated), V(global), V(replicated-job) or V(global-job).", type: str}
    replicas: {description: How many tasks it asks for; none for global services., type: int}
    image: {description: The image of its containers., type: str}
    labels: {description: Its labels., type: dict}
    constraints: {description: Its placement constraints., type: list, elements: str}
    managed_constraints:
      description:
        - Those of them that Orcastra has set, as the service's label C(orcastra.constraints) records.
      type: list
      elements: str
      version_added: 0.2.0
    update_state: {description: The state of its last update if it had any., type: str}
    version: {description: The version of the service's object in Swarm., type: int}
tasks:
  description: The tasks that O(tasks) asks for.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: The task's ID., type: str}
    service_id: {description: The service it belongs to., type: str}
    node_id: {description: The node it was given to., type: str}
    slot: {description: Its slot in a replicated service., type: int}
    state: {description: Its state., type: str}
    desired_state: {description: The state it is to be in., type: str}
    created: {description: "When Swarm created it, in ISO 8601.", type: str}
    since: {description: "When it entered its state, in ISO 8601.", type: str}
    message: {description: What the engine says of the state., type: str}
    error: {description: What went wrong if anything did., type: str}
    exit_code: {description: The exit code of its container., type: int}
    container_id: {description: The ID of its container., type: str}
state:
  description: What Orcastra remembers of this swarm.
  returned: success
  type: dict
  contains:
    owned_labels:
      description: For the ID of each node, the keys of the labels that Orcastra has set.
      type: dict
    damage:
      description: What of the state object is damaged, in words.
      type: list
      elements: str
commands:
  description:
    - The commands that are remembered, the newest first, whether they came from the command file, from
      C(orcastra command) or over HTTP.
  returned: success
  type: list
  elements: dict
  version_added: 0.2.0
  contains:
    command: {description: "The command in words.", type: str, sample: "restart_service:apps_wiki"}
    status: {description: "V(running), V(done), V(failed) or V(interrupted).", type: str}
    message: {description: What more there is to say of that. Absent where there is nothing., type: str}
    by: {description: The host name of the node that carried it out., type: str}
    started_at: {description: "When it was begun, in ISO 8601.", type: str}
    finished_at: {description: "When it ended, in ISO 8601. Absent while it has not.", type: str}
    source: {description: "V(file), V(shell) or V(http).", type: str}
    id: {description: The id that it was asked for with. Absent where it had none., type: str}
in_use:
  description: What the services use, for O(orcastra.swarm.prune#module:services_in_use) and
    O(orcastra.swarm.autoheal#module:services_in_use).
  returned: when O(in_use=true)
  type: dict
  contains:
    images:
      description: The images of all services, those that a rollback would return to among them.
      type: list
      elements: str
    volumes:
      description: The names of the volumes that they mount.
      type: list
      elements: str
    stop_grace:
      description: For the ID of each service, how long it may take to stop, in seconds.
      type: dict
"""

from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module, run
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.node import services_in_use
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import describe, observe


def main() -> None:
    module = create_module(
        {
            "tasks": {"type": "str", "choices": ["current", "all", "none"], "default": "current"},
            "in_use": {"type": "bool", "default": False},
        }
    )

    def action(engine: Engine) -> dict[str, Any]:
        found = {"changed": False, **describe(observe(engine), module.params["tasks"])}
        if module.params["in_use"]:
            use = services_in_use(engine)
            found["in_use"] = {
                "images": sorted(use.images),
                "volumes": sorted(use.volumes),
                "stop_grace": dict(use.stop_grace),
            }
        return found

    run(module, action)


if __name__ == "__main__":
    main()

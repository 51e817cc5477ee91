#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_info
short_description: Return the nodes, services, tasks and saved state of a Docker Swarm
version_added: 0.1.0
description:
  - Returns the nodes, services and tasks of a swarm, and the state that Orcastra saves in it.
  - Needs five API requests, regardless of the size of the swarm. Requires access to the engine of a manager.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.attributes.info
  - orcastra.swarm.connection
options:
  tasks:
    description:
      - The tasks to return.
      - V(current) returns the tasks that should be running. V(all) also returns the tasks that Swarm keeps as
        history.
    type: str
    choices: [current, all, none]
    default: current
  in_use:
    description:
      - Whether to also return what the services use, for nodes that cannot query it themselves.
    type: bool
    default: false
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Get information about the swarm
  orcastra.swarm.swarm_info:
  register: swarm

- name: List the nodes that are not ready
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
  description: The ID of the node whose engine the module is connected to.
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
    address: {description: The address of the node as seen by the managers., type: str}
    manager_addr:
      description: The address and port at which other nodes join this manager. Empty for a worker.
      type: str
    labels: {description: The node's labels., type: dict}
    engine_labels: {description: The labels of the node's engine., type: dict}
    engine_version: {description: The version of the node's engine., type: str}
    os: {description: The operating system of the engine., type: str}
    architecture: {description: The architecture as reported by the engine., type: str}
    nano_cpus: {description: The number of CPUs in billionths., type: int}
    memory_bytes: {description: The memory of the node in bytes., type: int}
    leader: {description: Whether the node is the leader., type: bool}
    reachability: {description: "For a manager, V(reachable), V(unreachable) or V(unknown).", type: str}
    version: {description: The version of the node object in Swarm., type: int}
services:
  description: The services of the swarm, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: The service's ID., type: str}
    name: {description: The service's name., type: str}
    mode: {description: "V(replicated), V(global), V(replicated-job) or V(global-job).", type: str}
    replicas: {description: The desired number of tasks. V(null) for global services., type: int}
    image: {description: The image of its containers., type: str}
    labels: {description: The service's labels., type: dict}
    constraints: {description: The service's placement constraints., type: list, elements: str}
    managed_constraints:
      description:
        - The constraints that Orcastra has set, as recorded in the service label C(orcastra.constraints).
      type: list
      elements: str
    update_state: {description: The state of the last update if there was one., type: str}
    version: {description: The version of the service object in Swarm., type: int}
tasks:
  description: The tasks that O(tasks) selects.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: The task's ID., type: str}
    service_id: {description: The ID of the service that the task belongs to., type: str}
    node_id: {description: The ID of the node that the task is assigned to., type: str}
    slot: {description: The slot of the task in a replicated service., type: int}
    state: {description: The current state of the task., type: str}
    desired_state: {description: The desired state of the task., type: str}
    created: {description: "When Swarm created the task, in ISO 8601 format.", type: str}
    since: {description: "When the task entered its current state, in ISO 8601 format.", type: str}
    message: {description: The message of the engine about the state., type: str}
    error: {description: The error if there was one., type: str}
    exit_code: {description: The exit code of the task's container., type: int}
    container_id: {description: The ID of the task's container., type: str}
state:
  description: The state that Orcastra saves in this swarm.
  returned: success
  type: dict
  contains:
    owned_labels:
      description: Maps the ID of each node to the keys of the labels that Orcastra has set.
      type: dict
    damage:
      description: Messages about damaged parts of the saved state.
      type: list
      elements: str
commands:
  description:
    - The saved commands with their results, the newest first. This includes commands from the command file,
      from C(orcastra command) and over HTTP.
  returned: success
  type: list
  elements: dict
  contains:
    command: {description: "The command with its arguments.", type: str, sample: "restart_service:apps_wiki"}
    status: {description: "V(running), V(done), V(failed) or V(interrupted).", type: str}
    message: {description: Details of the result. Absent if there are none., type: str}
    by: {description: The host name of the node that ran the command., type: str}
    started_at: {description: "When the command started, in ISO 8601 format.", type: str}
    finished_at: {description: "When the command ended, in ISO 8601 format. Absent while it runs.", type: str}
    source: {description: "Where the command came from: V(file), V(shell) or V(http).", type: str}
    id: {description: The id given with the command. Absent if none was given., type: str}
in_use:
  description:
    - The images and volumes that the services use, and their stop grace periods. Pass them to
      O(orcastra.swarm.prune#module:services_in_use) and O(orcastra.swarm.autoheal#module:services_in_use).
  returned: when O(in_use=true)
  type: dict
  contains:
    images:
      description: The images of all services, including the images that a rollback would return to.
      type: list
      elements: str
    volumes:
      description: The names of the volumes that the services mount.
      type: list
      elements: str
    stop_grace:
      description: Maps the ID of each service to its stop grace period in seconds.
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

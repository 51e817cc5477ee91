#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_drain
short_description: Drain, pause or activate nodes of a Docker Swarm
version_added: 0.1.0
description:
  - Drains nodes, so that Swarm runs their tasks elsewhere, and waits until the nodes are empty. With
    O(availability), it pauses or activates nodes instead.
  - Saves this request in the swarm. A node that was drained or paused stays so, regardless of its configured
    availability, until you activate it with this module.
  - Requires access to the engine of any manager of the swarm.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
options:
  nodes:
    description:
      - The host names or IDs of the nodes. If one of them does not exist, the module changes nothing.
    type: list
    elements: str
    required: true
  configured_nodes:
    description:
      - The nodes in the configuration, in the format of C(nodes) in C(swarm.yml). If the entry of a host has
        an C(ip) or a C(swarm_addr), only a node at that address counts as the host, because a node can have
        any host name.
    type: dict
    default: {}
  availability:
    description:
      - The availability to set.
      - With V(drain), Swarm runs the tasks of the node elsewhere. With V(pause), the tasks stay, but the node
        gets no new ones. With V(active), the node is back in service. Swarm does not move any tasks back.
    type: str
    choices: [active, drain, pause]
    default: drain
  wait:
    description:
      - Whether to wait until all containers on the drained nodes have stopped.
    type: bool
    default: true
  wait_timeout:
    description:
      - The maximum time to wait, in seconds. After that, the module fails and reports the remaining tasks.
    type: int
    default: 300
  surge:
    description:
      - With O(availability=drain), whether to start services with the update order C(start-first) elsewhere
        before they stop on the node. Anchors move first, and their followers move after them. Without this
        option, Swarm stops each task before it starts the replacement.
      - The module handles one node at a time. It pauses the node, moves everything that can move, and then
        drains the node. It always waits until the node is empty, even with O(wait=false).
      - A service that keeps data on the node always stops there before it starts elsewhere.
    type: bool
    default: false
  protect_quorum:
    description:
      - Whether to fail without changing anything if the managers would lose their quorum without the node.
        Use this option before you switch the node off.
    type: bool
    default: false
  dependencies:
    description:
      - The anchors and the services that depend on them, in the format of C(dependencies) in C(swarm.yml).
        See M(orcastra.swarm.anchor_placement). Used only with O(surge=true).
    type: dict
    default: {}
  stack_name:
    description:
      - The stack of all O(dependencies) that do not name their own.
    type: str
    default: ""
  label_prefix:
    description:
      - The prefix of anchor labels.
    type: str
    default: ""
seealso:
  - module: orcastra.swarm.swarm_wait
notes:
  - Tasks of global services end on a drained node. Tasks that fit on no other node stay pending.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Drain a node for maintenance
  orcastra.swarm.node_drain:
    nodes: [wrk-b]

- name: Drain a manager before you switch it off, without interrupting start-first services
  orcastra.swarm.node_drain:
    nodes: [mgr-c]
    surge: true
    protect_quorum: true
    stack_name: apps
    dependencies:
      wiki_db: [wiki, wiki_cache]

- name: Put the node back into service
  orcastra.swarm.node_drain:
    nodes: [wrk-b]
    availability: active
"""

RETURN = r"""
plan:
  description: The steps that the module carried out. In check mode, the steps that it would carry out.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description:
        - The type of the step, V(set_availability). With O(surge=true), steps can also have the types of
          other modules.
      type: str
      sample: set_availability
    target: {description: The object that the step changes., type: str, sample: node wrk-b}
    summary:
      description: A one-line summary of the step.
      type: str
      sample: set the availability of node wrk-b to drain
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
"""

import time
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.drain import Drainer, wait_until_empty
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._module.configuration import config_from_params
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module, run
from ansible_collections.orcastra.swarm.plugins.module_utils._module.plan import finish_plan, run_engine_plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation, observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.availability import (
    one_node,
    plan_availability,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.plan import preview


def main() -> None:
    module = create_module(
        {
            "nodes": {"type": "list", "elements": "str", "required": True},
            "configured_nodes": {"type": "dict", "default": {}},
            "availability": {"type": "str", "choices": ["active", "drain", "pause"], "default": "drain"},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 300},
            "surge": {"type": "bool", "default": False},
            "protect_quorum": {"type": "bool", "default": False},
            "dependencies": {"type": "dict", "default": {}},
            "stack_name": {"type": "str", "default": ""},
            "label_prefix": {"type": "str", "default": ""},
        }
    )
    params = module.params
    names, availability, protect_quorum = (
        list(dict.fromkeys(params["nodes"])),
        params["availability"],
        params["protect_quorum"],
    )
    if not names:
        module.fail_json(msg="nodes: expected at least one node, found an empty list")
    waits = params["wait"] and availability == "drain" and not module.check_mode
    desired = config_from_params(module, nodes=params["configured_nodes"])
    # Resolve names only once, so that they mean the same nodes for the whole run.
    ids: list[str] = []

    def find(snapshot: SwarmSnapshot) -> None:
        ids[:] = dict.fromkeys(one_node(snapshot, name, desired).id for name in names)

    def planner(_engine: Engine, seen: Observation) -> Plan:
        find(seen.snapshot)
        plan = Plan()
        for node_id in ids:
            if params["surge"] and availability == "drain":
                plan += preview(
                    seen.snapshot, desired, seen.state, node_id, time.time(), protect_quorum=protect_quorum
                )
            else:
                plan += plan_availability(
                    seen.snapshot, seen.state, node_id, availability, time.time(), stops=protect_quorum
                )
        return plan

    def finish(engine: Engine) -> dict[str, object]:
        if waits:
            wait_until_empty(engine, ids, params["wait_timeout"])
        return {}

    def surge(engine: Engine) -> dict[str, Any]:
        drainer = Drainer(engine, desired, params["wait_timeout"], protect_quorum)
        find(observe(engine).snapshot)
        try:
            for node_id in ids:
                drainer.run(node_id)
        except OrcastraError as error:
            module.fail_json(msg=str(error), **finish_plan(module, drainer.done))
        return finish_plan(module, drainer.done)

    if params["surge"] and availability == "drain" and not module.check_mode:
        run(module, surge)
    run_engine_plan(module, planner, finish)


if __name__ == "__main__":
    main()

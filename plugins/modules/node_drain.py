#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_drain
short_description: Take nodes of a Docker Swarm out of service, and back
version_added: 0.1.0
description:
  - Drains nodes, so that Swarm runs their tasks elsewhere, and waits until they are empty. With
    O(availability) it pauses or activates them.
  - That somebody has asked for it is remembered in the swarm. A node that is drained or paused stays so,
    whatever availability is configured for it, until this module activates it.
  - Has to reach the engine of a manager; any manager of the swarm will do.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
options:
  nodes:
    description:
      - Host names or IDs of the nodes. If one of them does not exist, nothing is changed.
    type: list
    elements: str
    required: true
  configured_nodes:
    description:
      - The nodes of the configuration, as under C(nodes) in C(swarm.yml). For a host that has an C(ip) or a
        C(swarm_addr) there, only a node at that address counts; any node can give itself any host name.
    type: dict
    default: {}
    version_added: 0.2.0
  availability:
    description:
      - What becomes of the nodes.
      - V(drain) has Swarm run their tasks elsewhere. V(pause) leaves the tasks there and adds none.
        V(active) puts them back into service; Swarm moves nothing back by itself.
    type: str
    choices: [active, drain, pause]
    default: drain
  wait:
    description:
      - Whether to wait until drained nodes are empty, with the containers stopped.
    type: bool
    default: true
  wait_timeout:
    description:
      - After how many seconds of waiting the module fails, and says what is left.
    type: int
    default: 300
  surge:
    description:
      - Whether services whose update order is C(start-first) are started elsewhere before they stop on the
        node, and anchors are moved first, with the services that depend on them behind them. Swarm's own
        drain stops a task before it starts the next one. With V(drain) only.
      - The node is paused first, one node after the other, and drained once everything has left it that can.
        The module then waits until it is empty, whatever O(wait) says.
      - A service that keeps data on its node is never started elsewhere before it has stopped.
    type: bool
    default: false
    version_added: 0.2.0
  protect_quorum:
    description:
      - Whether to refuse, with nothing changed, where the managers would lose their quorum without the node,
        as when it is to be switched off.
    type: bool
    default: false
    version_added: 0.2.0
  dependencies:
    description:
      - The anchors and the services that depend on them, as under C(dependencies) in C(swarm.yml); see
        M(orcastra.swarm.anchor_placement). For O(surge) only.
    type: dict
    default: {}
    version_added: 0.2.0
  stack_name:
    description:
      - The stack of those O(dependencies) that do not name one.
    type: str
    default: ""
    version_added: 0.2.0
  label_prefix:
    description:
      - What the label of an anchor begins with.
    type: str
    default: ""
    version_added: 0.2.0
notes:
  - Tasks of global services end on a drained node. Those of services that find no other node stay pending.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Make a node empty, to work on it
  orcastra.swarm.node_drain:
    nodes: [wrk-b]

- name: Make a manager empty that is to be switched off, without a gap in what starts elsewhere first
  orcastra.swarm.node_drain:
    nodes: [mgr-c]
    surge: true
    protect_quorum: true
    stack_name: apps
    dependencies:
      wiki_db: [wiki, wiki_cache]

- name: Put it back into service
  orcastra.swarm.node_drain:
    nodes: [wrk-b]
    availability: active
"""

RETURN = r"""
plan:
  description: The steps that were carried out. In check mode, those that would be.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The kind of step, V(set_availability); with O(surge) also those of other modules.
      type: str
      sample: set_availability
    target: {description: What is changed., type: str, sample: node wrk-b}
    summary: {description: The step as text., type: str, sample: set the availability of node wrk-b to drain}
    why: {description: The reasons., type: list, elements: str, sample: ["it was asked for"]}
    why_not: {description: Why alternatives were not taken., type: list, elements: str, sample: []}
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
    # names are resolved once: nothing that happens later makes them mean another node
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
        vacating = Drainer(engine, desired, params["wait_timeout"], protect_quorum)
        find(observe(engine).snapshot)
        try:
            for node_id in ids:
                vacating.run(node_id)
        except OrcastraError as error:
            module.fail_json(msg=str(error), **finish_plan(module, vacating.done))
        return finish_plan(module, vacating.done)

    if params["surge"] and availability == "drain" and not module.check_mode:
        run(module, surge)
    run_engine_plan(module, planner, finish)


if __name__ == "__main__":
    main()

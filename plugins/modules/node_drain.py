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
notes:
  - Tasks of global services end on a drained node. Those of services that find no other node stay pending.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Make a node empty, to work on it
  orcastra.swarm.node_drain:
    nodes: [wrk-b]

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
    action: {description: "The kind of step, V(set_availability).", type: str, sample: set_availability}
    target: {description: What is changed., type: str, sample: node wrk-b}
    what: {description: The step in words., type: str, sample: set the availability of node wrk-b to drain}
    why: {description: The reasons., type: list, elements: str, sample: ["it was asked for"]}
    why_not: {description: Why alternatives were not taken., type: list, elements: str, sample: []}
notes:
  description: What was left as it is, and why.
  returned: success
  type: list
  elements: str
  sample: []
"""

import time

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.drain import wait_until_empty
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._module import create_module, run_engine_plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain import plan_availability


def main() -> None:
    module = create_module(
        {
            "nodes": {"type": "list", "elements": "str", "required": True},
            "availability": {"type": "str", "choices": ["active", "drain", "pause"], "default": "drain"},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 300},
        }
    )
    names, availability = module.params["nodes"], module.params["availability"]
    waits = module.params["wait"] and availability == "drain" and not module.check_mode

    def planner(_engine: Engine, seen: Observation) -> Plan:
        plan = Plan()
        for name in dict.fromkeys(names):
            plan += plan_availability(seen.picture, seen.state, name, availability, time.time())
        return plan

    def finish(engine: Engine) -> dict[str, object]:
        if waits:
            wait_until_empty(engine, names, module.params["wait_timeout"])
        return {}

    run_engine_plan(module, planner, finish)


if __name__ == "__main__":
    main()

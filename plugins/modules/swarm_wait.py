#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_wait
short_description: Wait until nodes of a Docker Swarm are back and its services run
version_added: 0.2.0
description:
  - Waits until nodes are ready, with their managers reachable, and until all services run as many tasks as
    they are to and none is being updated. Changes nothing.
  - Has to reach the engine of a manager; any manager of the swarm will do. One that has no leader for a
    moment is asked again.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.attributes.info
  - orcastra.swarm.connection
options:
  nodes:
    description:
      - Host names or IDs of the nodes to wait for.
    type: list
    elements: str
    default: []
  services:
    description:
      - Whether to wait for all services. Jobs are not waited for, nor are updates that Swarm has paused.
      - Nor are tasks that have finished. Under the restart condition V(none) that is every task that has
        ended, under V(on-failure) one with exit code 0.
    type: bool
    default: true
  ignore:
    description:
      - Names of services that are not waited for, such as those that were not in order before.
    type: list
    elements: str
    default: []
  wait_timeout:
    description:
      - After how many seconds the module fails, and says what is lacking. With V(0) it looks once and returns
        RV(lacking) without failing.
    type: int
    default: 300
seealso:
  - module: orcastra.swarm.node_drain
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Wait until a host is back in the swarm, and everything runs
  orcastra.swarm.swarm_wait:
    nodes: [wrk-b]

- name: See what is not in order now
  orcastra.swarm.swarm_wait:
    wait_timeout: 0
  register: before
"""

RETURN = r"""
lacking:
  description:
    - What is lacking, by the name of the node or service. Empty if nothing is.
    - Each value has C(code), a fixed word that scripts can go by, C(params), the values in the text, and
      C(text), the sentence.
  returned: always
  type: dict
  sample:
    apps_wiki:
      code: service_tasks_missing
      params: {service: apps_wiki, running: 1, expected: 2, errors: null}
      text: "apps_wiki: 1 of 2 tasks run"
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.convergence import (
    wait_until_converged,
    what_lacks,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module, run
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine


def main() -> None:
    module = create_module(
        {
            "nodes": {"type": "list", "elements": "str", "default": []},
            "services": {"type": "bool", "default": True},
            "ignore": {"type": "list", "elements": "str", "default": []},
            "wait_timeout": {"type": "int", "default": 300},
        }
    )
    params = module.params

    def action(engine: Engine) -> dict[str, Any]:
        lacking = wait_until_converged(
            engine,
            params["nodes"],
            params["wait_timeout"],
            services=params["services"],
            ignore=params["ignore"],
        )
        if lacking and params["wait_timeout"] > 0:
            module.fail_json(msg=str(what_lacks(lacking, params["wait_timeout"])), lacking=_data(lacking))
        return {"changed": False, "lacking": _data(lacking)}

    run(module, action)


def _data(lacking: Mapping[str, Reason]) -> dict[str, Any]:
    return {name: message.to_data() for name, message in lacking.items()}


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_wait
short_description: Wait until nodes of a Docker Swarm are ready and all services run
version_added: 0.1.0
description:
  - Waits until nodes are ready, managers among them are reachable, all services run the desired number of
    tasks, and no service is being updated. The module does not change anything.
  - Requires access to the engine of any manager of the swarm. If the swarm has no leader for a moment, the
    module retries.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.attributes.info
  - orcastra.swarm.connection
options:
  nodes:
    description:
      - The host names or IDs of the nodes to wait for.
    type: list
    elements: str
    default: []
  services:
    description:
      - Whether to wait for all services. The module does not wait for jobs and for updates that Swarm paused.
      - The module does not wait for tasks that have finished either. With the restart condition V(none),
        every ended task has finished. With V(on-failure), a task that ended with exit code 0 has finished.
    type: bool
    default: true
  ignore:
    description:
      - The names of services not to wait for, such as services that were already down.
    type: list
    elements: str
    default: []
  wait_timeout:
    description:
      - The maximum time to wait, in seconds. After that, the module fails and reports the nodes and services
        that are not ready. With V(0), it checks once and returns RV(lacking) without failing.
    type: int
    default: 300
seealso:
  - module: orcastra.swarm.node_drain
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Wait until a host is back in the swarm and all services run
  orcastra.swarm.swarm_wait:
    nodes: [wrk-b]

- name: Find unhealthy services
  orcastra.swarm.swarm_wait:
    wait_timeout: 0
  register: before
"""

RETURN = r"""
lacking:
  description:
    - Maps the name of each node or service that is not ready to the reason. Empty if everything is ready.
    - Each reason has a C(code), which is a stable identifier for scripts and playbooks, C(params) with the
      values in the message, and the message as C(text).
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

#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: autoheal
short_description: Heal the unhealthy containers of a node
version_added: 0.2.0
description:
  - Finds the unhealthy containers of one engine, and heals those that Swarm doesn't. Swarm replaces most
    unhealthy tasks by itself. It leaves alone a container that stays unhealthy while Swarm considers its
    task running, a task that exited with 0 under the restart condition C(on-failure), and a task whose
    C(max_attempts) are exhausted.
  - A task's container is stopped, so that Swarm replaces it. Plain containers are restarted if they have a
    label for it. If stopping can't help, the whole service is updated by force, but never during an update;
    this needs a manager.
  - Attempts are repeated after increasing pauses. After O(max_attempts) the module gives up.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
  - orcastra.swarm.node
attributes:
  idempotent:
    support: partial
    details:
      - A container that becomes unhealthy again is healed again.
options:
  grace_period:
    description:
      - How long a container must have been unhealthy, in seconds, counted from the check that made it so. The
        time that it may take to stop is added.
      - For a task that time is that of its service, for a plain container its own. On a worker without
        O(manager_host) and O(services_in_use), it is 300 seconds for a task.
    type: int
    default: 60
  container_label:
    description:
      - A label. Swarm's tasks with V(false) as its value, on the service or on the container, are left alone.
        Plain containers are healed if its value is V(true).
      - With V(all), all containers are healed but those with the label C(autoheal=false).
      - The label with the suffix C(.stop.timeout) sets how long the container may take to stop, in seconds.
    type: str
    default: autoheal
  default_stop_timeout:
    description: How long a container may take to stop if nothing else sets that, in seconds.
    type: int
    default: 10
  backoff:
    description: The pause between the first attempt and the second, in seconds. Then it doubles each time.
    type: int
    default: 60
  max_attempts:
    description:
      - The number of attempts for a service, or a plain container, within O(window). After that it is left
        alone until it has been healthy for as long as O(window).
    type: int
    default: 5
  window:
    description: See O(max_attempts). In seconds.
    type: int
    default: 3600
  webhook_url:
    description:
      - URL that receives a POST with JSON on each heal, failure and give-up. Its C(text) is a sentence for
        people, its C(reasons) have codes for scripts.
    type: str
  ended:
    description:
      - Tasks of other nodes that ended unhealthy, RV(for_manager) of their runs. For a manager.
    type: list
    elements: dict
    default: []
    suboptions:
      service_id:
        description: The ID of the service.
        type: str
        required: true
      service:
        description: The name of the service.
        type: str
        required: true
      task_id:
        description: The ID of the task.
        type: str
        required: true
      exit_code:
        description: The exit code of its container.
        type: int
        required: true
      finished:
        description: When it ended, in seconds since the epoch.
        type: float
        required: true
seealso:
  - module: orcastra.swarm.swarm_info
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Heal the containers of this node
  orcastra.swarm.autoheal:
    grace_period: 30
    webhook_url: "{{ chat_webhook }}"
"""

RETURN = r"""
plan:
  description: The steps that were carried out. In check mode, those that would be.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The kind of step, V(stop_container), V(restart_container) or V(restart_service).
      type: str
      sample: stop_container
    target:
      description: What is changed.
      type: str
      sample: container web.1.x8 of web
    summary:
      description: The step as text.
      type: str
      sample: stop web.1.x8 of web
    why:
      description: The reasons.
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
    why_not:
      description: Why alternatives were not taken, where there were any.
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
given_up:
  description: The containers and services that were given up in this run.
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
for_manager:
  description: Tasks that ended unhealthy; whether Swarm replaces them only a manager can tell. For O(ended).
  returned: success
  type: list
  elements: dict
  sample: []
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.autoheal import heal_node
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import check_least, create_module
from ansible_collections.orcastra.swarm.plugins.module_utils._module.node import (
    NODE_ARGUMENT_SPEC,
    finish_node,
    run_on_node,
    services_in_use_from,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.autoheal import Ended, HealRules


def main() -> None:
    module = create_module(
        {
            **NODE_ARGUMENT_SPEC,
            "grace_period": {"type": "int", "default": 60},
            "container_label": {"type": "str", "default": "autoheal"},
            "default_stop_timeout": {"type": "int", "default": 10},
            "backoff": {"type": "int", "default": 60},
            "max_attempts": {"type": "int", "default": 5},
            "window": {"type": "int", "default": 3600},
            "webhook_url": {"type": "str", "no_log": True},
            "ended": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "service_id": {"type": "str", "required": True},
                    "service": {"type": "str", "required": True},
                    "task_id": {"type": "str", "required": True},
                    "exit_code": {"type": "int", "required": True},
                    "finished": {"type": "float", "required": True},
                },
            },
        }
    )
    check_least(module, grace_period=0, default_stop_timeout=0, backoff=0, max_attempts=1, window=1)
    given = module.params
    rules = HealRules(
        grace=given["grace_period"],
        label=given["container_label"],
        stop_timeout=given["default_stop_timeout"],
        backoff=given["backoff"],
        attempts=given["max_attempts"],
        window=given["window"],
    )

    def action(engine: Engine, connect_manager: Callable[[], Engine] | None) -> dict[str, Any]:
        healing = heal_node(
            engine,
            rules,
            Path(given["state_dir"]),
            connect_manager=connect_manager,
            use=services_in_use_from(module),
            ended_elsewhere=[Ended(**ended) for ended in given["ended"]],
            webhook_url=given["webhook_url"],
            dry_run=module.check_mode,
        )
        details = {
            "given_up": [reason.to_data() for reason in healing.heal.given_up],
            "for_manager": [asdict(ended) for ended in healing.heal.for_manager],
        }
        return finish_node(module, healing.heal.plan, healing.results, healing.warnings, details)

    run_on_node(module, action)


if __name__ == "__main__":
    main()

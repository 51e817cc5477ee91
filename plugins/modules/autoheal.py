#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: autoheal
short_description: Heal the unhealthy containers of a node
version_added: 0.1.0
description:
  - Finds the unhealthy containers of one engine and heals those that Swarm does not heal. Swarm replaces most
    unhealthy tasks by itself, with three exceptions. These are a container that stays unhealthy while Swarm
    considers its task running, a task that ended with exit code 0 under the restart condition C(on-failure),
    and a task that used up its C(max_attempts).
  - Stops the container of a task, so that Swarm replaces it. Restarts a plain container if it has the label
    for this. If stopping the container cannot help, the module forces an update of the whole service, but
    never while another update runs. This requires a manager.
  - Retries with increasing pauses, and gives up after O(max_attempts) attempts.
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
      - How long a container must be unhealthy before the module heals it, in seconds, counted from the check
        that marked it as unhealthy. The module adds the stop timeout of the container.
      - For a task, this is the stop grace period of its service. For a plain container, it is its own stop
        timeout. On a worker without O(manager_host) and O(services_in_use), it is 300 seconds for a task.
    type: int
    default: 60
  container_label:
    description:
      - The label that excludes tasks and includes plain containers. A Swarm task is not healed if its service
        or container has this label with the value V(false). A plain container is healed if it has this label
        with the value V(true).
      - With V(all), all containers are healed except those with the label C(autoheal=false).
      - The label with the suffix C(.stop.timeout) sets the stop timeout of a container in seconds.
    type: str
    default: autoheal
  default_stop_timeout:
    description: The stop timeout of containers that do not define their own, in seconds.
    type: int
    default: 10
  backoff:
    description: The pause between the first and the second attempt, in seconds. It doubles with each attempt.
    type: int
    default: 60
  max_attempts:
    description:
      - The maximum number of attempts for a service or a plain container within O(window). After that, the
        module gives up until the service or container has been healthy for the duration of O(window).
    type: int
    default: 5
  window:
    description: The length of the time window for O(max_attempts), in seconds.
    type: int
    default: 3600
  webhook_url:
    description:
      - URL that receives a JSON POST on each heal, failure and give-up. C(text) is a message for people,
        C(reasons) contains codes for scripts.
    type: str
  ended:
    description:
      - Tasks that ended unhealthy on other nodes, as returned in RV(for_manager) there. Use this option on a
        manager.
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
        description: The exit code of the task's container.
        type: int
        required: true
      finished:
        description: The time when the task ended, in seconds since the epoch.
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
  description: The steps that the module carried out. In check mode, the steps that it would carry out.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The type of the step, one of V(stop_container), V(restart_container) or V(restart_service).
      type: str
      sample: stop_container
    target:
      description: The object that the step changes.
      type: str
      sample: container web.1.x8 of web
    summary:
      description: A one-line summary of the step.
      type: str
      sample: stop web.1.x8 of web
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
given_up:
  description: The reasons why the module gave up on containers and services in this run.
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
for_manager:
  description:
    - Tasks that ended unhealthy. Pass them to O(ended) on a manager, because only a manager knows whether
      Swarm replaces them.
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

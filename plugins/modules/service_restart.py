#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_restart
short_description: Restart services of a Docker Swarm
version_added: 0.1.0
description:
  - Makes Swarm replace all tasks of the services according to their update settings, like
    C(docker service update --force). Everything else about the services stays the same.
  - Requires access to the engine of any manager of the swarm.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
attributes:
  idempotent:
    support: none
    details:
      - Each run restarts the services.
options:
  services:
    description:
      - The names of the services. If one of them does not exist, the module restarts none of them.
    type: list
    elements: str
    required: true
  stack_name:
    description:
      - The stack of the services. The module looks for a service with this prefix first, and then without it.
    type: str
    default: ""
notes:
  - If Swarm is updating a service, the module fails without restarting it, because a restart would cancel the
    update.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Restart the wiki
  orcastra.swarm.service_restart:
    services: [apps_wiki]
"""

RETURN = r"""
plan:
  description: The steps that the module carried out. In check mode, the steps that it would carry out.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The type of the step, always V(restart_service).
      type: str
      sample: restart_service
    target:
      description: The object that the step changes.
      type: str
      sample: service apps_wiki
    summary:
      description: A one-line summary of the step.
      type: str
      sample: restart apps_wiki
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

from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module
from ansible_collections.orcastra.swarm.plugins.module_utils._module.plan import run_plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.restarts import (
    plan_requested_restarts,
)


def main() -> None:
    module = create_module(
        {
            "services": {"type": "list", "elements": "str", "required": True},
            "stack_name": {"type": "str", "default": ""},
        }
    )
    names, stack = module.params["services"], module.params["stack_name"]
    if not names:
        module.fail_json(msg="services: expected at least one service, found an empty list")
    run_plan(module, lambda seen: plan_requested_restarts(seen.snapshot, names, stack, seen.state))


if __name__ == "__main__":
    main()

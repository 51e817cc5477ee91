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
  - Has Swarm replace all tasks of a service, in the way its update settings say, like
    C(docker service update --force). Nothing else of the service changes.
  - Has to reach the engine of a manager; any manager of the swarm will do.
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
      - The names of the services. If one of them does not exist, none is restarted.
    type: list
    elements: str
    required: true
  stack_name:
    description:
      - The stack of the services. A service is looked for with this prefix first, then without it.
    type: str
    default: ""
notes:
  - A service that Swarm is updating is not restarted, because that would cancel the update; the module fails.
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
  description: The steps that were carried out. In check mode, those that would be.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The kind of step, V(restart_service).
      type: str
      sample: restart_service
    target:
      description: What is changed.
      type: str
      sample: service apps_wiki
    summary:
      description: The step as text.
      type: str
      sample: restart apps_wiki
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

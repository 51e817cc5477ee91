#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_heal
short_description: Repair the membership, settings and paused updates of a Docker Swarm
version_added: 0.1.0
description:
  - Applies the configured settings of the swarm, and does not change any others.
  - Removes the entry that a host left behind when it rejoined under another ID.
  - Promotes and demotes nodes one at a time, in an order that never endangers the quorum of the managers.
  - Sets the availability of nodes that have one configured.
  - Resumes updates that Swarm paused, or rolls them back.
  - Warns about tasks that fit on no node, and gives the reasons.
  - Requires access to the engine of a manager. M(orcastra.swarm.swarm_member) performs the steps that run on
    the hosts themselves, such as rejoining. M(orcastra.swarm.label_sync) manages the labels.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.membership
  - orcastra.swarm.connection
seealso:
  - module: orcastra.swarm.swarm_member
  - module: orcastra.swarm.label_sync
notes:
  - If the managers have lost their quorum, the module fails, and the message names the next step.
  - An entry that is down becomes stale after C(forget_after_seconds) of O(swarm). If O(members) shows that
    the host has another ID now, the entry is stale at once.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Apply the configured roles, availability and settings
  orcastra.swarm.swarm_heal:
    leader: mgr-a
    managers: 3
    nodes:
      mgr-a: {ip: 10.0.0.11}
      mgr-b: {ip: 10.0.0.12}
      mgr-c: {ip: 10.0.0.13}
      wrk-d: {ip: 10.0.0.14, role: worker, availability: active}
    swarm:
      task_history_limit: 3
"""

RETURN = r"""
plan:
  description:
    - The steps that were needed, in order. In check mode, the steps that the module would carry out.
    - Empty if the swarm matches the configuration.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description:
        - The type of the step, one of V(update_swarm), V(promote_node), V(demote_node), V(remove_node),
          V(set_availability), V(resume_update) or V(roll_back).
      type: str
    target: {description: The object that the step changes., type: str, sample: node wrk-b}
    summary: {description: A one-line summary of the step., type: str, sample: promote node mgr-b to manager}
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
warning_reasons:
  description: The warnings as structured data.
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
reason:
  description: Why the module refuses to continue.
  returned: when the module fails because the planner refuses the host or the swarm
  type: dict
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

from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import Member
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._module.configuration import (
    MEMBERSHIP_ARGUMENT_SPEC,
    config_from_params,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module
from ansible_collections.orcastra.swarm.plugins.module_utils._module.plan import run_engine_plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.plan import Healing, plan_heal


def main() -> None:
    module = create_module({**MEMBERSHIP_ARGUMENT_SPEC, "members": {"type": "dict", "default": {}}})
    desired = config_from_params(module)
    members = {host: Member.from_data(data) for host, data in module.params["members"].items()}

    def planner(engine: Engine, seen: Observation) -> Plan:
        healing = Healing(
            swarm=engine.get_cluster(), members=members, kept_drained=frozenset(seen.state.asked_availability)
        )
        return plan_heal(seen.snapshot, desired, healing, time.time())

    run_engine_plan(module, planner, lambda _engine: {})


if __name__ == "__main__":
    main()

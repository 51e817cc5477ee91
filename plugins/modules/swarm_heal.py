#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_heal
short_description: Keep the members of a Docker Swarm, its settings and its updates right
version_added: 0.2.0
description:
  - Sets the configured settings of the swarm, and leaves all others as they are.
  - Removes the entry that a host left behind when it joined again under another ID.
  - Promotes and demotes nodes one at a time, in an order that never endangers the quorum of the managers.
  - Sets the availability of nodes for which one is configured.
  - Lets updates go on that Swarm has paused, or rolls them back.
  - Warns of tasks that find no node, with the reasons.
  - Has to reach the engine of a manager. What only the hosts themselves can do, such as joining again, is
    done by M(orcastra.swarm.swarm_member); labels are kept by M(orcastra.swarm.label_sync).
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.membership
  - orcastra.swarm.connection
seealso:
  - module: orcastra.swarm.swarm_member
  - module: orcastra.swarm.label_sync
notes:
  - Where the managers have lost their quorum the module fails, and says what the next step is.
  - An entry that is down counts as stale once it has been so for C(forget_after_seconds) of O(swarm). With
    O(members), where the host itself says that it has another ID now, it is stale at once.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Keep roles and availability right
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
    - The steps that were needed, in order. In check mode, those that would be carried out.
    - Empty where everything is as it should be.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description:
        - The kind of step, V(update_swarm), V(promote_node), V(demote_node), V(remove_node),
          V(set_availability), V(resume_update) or V(roll_back).
      type: str
    target: {description: What is changed., type: str, sample: node wrk-b}
    summary: {description: The step as text., type: str, sample: promote node mgr-b to manager}
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
      description: Why alternatives were not taken.
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
warning_reasons:
  description: The warnings as data.
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
reason:
  description: Why the module fails, if that is a decision of the plan.
  returned: if the host or the swarm can't be dealt with
  type: dict
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

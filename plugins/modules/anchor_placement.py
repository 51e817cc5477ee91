#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: anchor_placement
short_description: Keep services on the node of the service they depend on
version_added: 0.1.0
description:
  - Marks the nodes on which each anchor runs with its label, moves the services that depend on it there,
    and holds them there with a placement constraint on that label.
  - B(By default it only manages what it is given.) Anchors and services that a task does not name are left
    alone, also those that another task, an item of a loop or another team's playbook keeps in place. So
    several tasks can share a swarm.
  - B(With) O(purge=true) B(the task is the whole truth.) The constraints that this module or C(orcastra run)
    has set are taken off all services that O(dependencies) does not name. The role and C(orcastra run), which
    read the whole configuration, work like that.
  - A move that was begun is ended in any case. One that another task has begun is left to it for a minute.
  - Fails, and changes nothing, if neither O(nodes) nor O(dependencies) is given.
  - Makes one step at a time and does not wait for Swarm. Run it again, or let C(orcastra run) do so, until it
    changes nothing. Each run goes on from what it finds, so it may be interrupted at any point.
  - Restarts services that Swarm has stopped trying to run, with growing pauses.
  - Never runs a task again that has finished. Under the restart condition V(none) that is every task that has
    ended, under V(on-failure) one with exit code 0.
  - Has to reach the engine of a manager; any manager of the swarm will do.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.configuration
  - orcastra.swarm.connection
  - orcastra.swarm.removals
options:
  restart_dependents:
    description:
      - Whether followers are restarted when their anchor was, for those O(dependencies) that do not say.
    type: bool
    default: false
  max_mismatch_duration:
    description:
      - How long a service may be out of order, in seconds, before it is reported as given up.
    type: float
    default: 600
  retry_now:
    description:
      - Whether to forget all earlier attempts, so that what waits for its next attempt, or has been given up,
        is tried at once.
      - Without O(purge) it forgets those of the anchors and services in O(dependencies).
      - Services that are in order are left alone.
    type: bool
    default: false
seealso:
  - module: orcastra.swarm.label_sync
notes:
  - A constraint that this module sets is recorded in the service's own label C(orcastra.constraints), a JSON
    list, in the same update. Only what that label lists is ever removed, however it is spelled. A redeploy
    drops both, and the module sets both again. With O(purge) both are removed when the dependency leaves the
    configuration.
  - A move that is under way is finished or undone first, also if O(dependencies) do not have it, and if
    another module has begun it.
  - Only nodes and services that need a change are written, and every field that this module does not own
    keeps its value. A service that Swarm is updating is left alone until the update is over.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Keep the wiki and its cache where its database runs
  orcastra.swarm.anchor_placement:
    stack_name: apps
    dependencies:
      wiki_db: [wiki, wiki_cache]

- name: Start the new container only when the old one has stopped, and restart the app with its database
  orcastra.swarm.anchor_placement:
    dependencies:
      wiki_db:
        stack: apps
        services: [wiki]
        relocate: ordered
        restart_dependents: true
        retry_intervals: [5, 30, 120]
  register: result
  until: not result.changed and result.requeue_after is undefined
  retries: 20
  delay: 3

- name: Show what would be done, and why, if these were all dependencies of the swarm
  orcastra.swarm.anchor_placement:
    dependencies: "{{ swarm_dependencies }}"
    purge: true
  check_mode: true
  diff: true
"""

RETURN = r"""
plan:
  description:
    - The steps that were needed, in order. In check mode, those that would be carried out.
    - Empty where every follower is in place, or on its way.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description:
        - The kind of step, V(label_node), V(place_service), V(scale_service), V(restart_service) or
          V(repair_state).
      type: str
      sample: place_service
    target:
      description: What is changed.
      type: str
      sample: service apps_wiki
    summary:
      description: The step as text.
      type: str
      sample: move apps_wiki to wrk-b
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
requeue_after:
  description:
    - After how many seconds the module has something to do again, as a move is under way or a try is due.
  returned: when there is such a thing
  type: float
  sample: 5.0
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

from ansible_collections.orcastra.swarm.plugins.module_utils._module.configuration import (
    CONFIGURATION_ARGUMENT_SPEC,
    REMOVALS_ARGUMENT_SPEC,
    check_given,
    config_from_params,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module
from ansible_collections.orcastra.swarm.plugins.module_utils._module.plan import run_plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors


def main() -> None:
    module = create_module(
        {
            **CONFIGURATION_ARGUMENT_SPEC,
            **REMOVALS_ARGUMENT_SPEC,
            "restart_dependents": {"type": "bool", "default": False},
            "max_mismatch_duration": {"type": "float", "default": 600},
            "retry_now": {"type": "bool", "default": False},
        }
    )
    check_given(module)
    desired = config_from_params(module)
    give_up_seconds, retry_now = module.params["max_mismatch_duration"], module.params["retry_now"]
    run_plan(
        module,
        lambda seen: plan_anchors(
            seen.snapshot,
            desired,
            seen.state,
            time.time(),
            give_up_seconds,
            retry_now=retry_now,
            balancing=True,
        ),
    )


if __name__ == "__main__":
    main()

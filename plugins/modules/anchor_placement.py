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
  - Labels the nodes on which each anchor runs, moves the services that depend on the anchor to these nodes,
    and keeps them there with a placement constraint on the label.
  - B(By default, the module manages only the anchors and services that you pass.) It does not change any
    others, even if another task, another loop item or another team's playbook manages them. Several tasks can
    therefore share a swarm.
  - B(With) O(purge=true)B(, the task is the complete configuration.) The module removes the constraints that
    it or C(orcastra run) has set from all services that O(dependencies) does not name. The role and
    C(orcastra run) read the complete configuration and work this way.
  - Always finishes or undoes a move that is under way. If another task began the move less than a minute ago,
    the module leaves it to that task.
  - Fails without changing anything if you pass neither O(nodes) nor O(dependencies).
  - Takes one step at a time and does not wait for Swarm. Run the module again, or let C(orcastra run) do so,
    until it changes nothing. Each run continues from the current state, so you can interrupt it at any point.
  - Restarts services that Swarm no longer tries to run, with increasing pauses.
  - Never restarts a task that has finished. With the restart condition V(none), every ended task has
    finished. With V(on-failure), a task that ended with exit code 0 has finished.
  - Requires access to the engine of any manager of the swarm.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.configuration
  - orcastra.swarm.connection
  - orcastra.swarm.removals
options:
  restart_dependents:
    description:
      - Whether to restart followers after their anchor was restarted. This is the default for all
        O(dependencies) that do not set C(restart_dependents).
    type: bool
    default: false
  max_mismatch_duration:
    description:
      - How long a service can be misplaced or down before the module reports that it gives up, in seconds.
    type: float
    default: 600
  retry_now:
    description:
      - Whether to forget all earlier attempts. Services that wait for their next attempt, or were given up,
        are then retried at once.
      - Without O(purge=true), this applies to the anchors and services in O(dependencies) only.
      - Healthy services are not changed.
    type: bool
    default: false
seealso:
  - module: orcastra.swarm.label_sync
  - module: orcastra.swarm.rebalance
notes:
  - The module records each constraint that it sets in the service label C(orcastra.constraints), a JSON list,
    in the same update. It only ever removes constraints that this label lists. If you redeploy the service,
    both disappear, and the module sets both again. With O(purge=true), it removes both when the dependency
    leaves the configuration.
  - The module first finishes or undoes moves that are under way, even if O(dependencies) does not contain
    them or another module began them.
  - The module updates only nodes and services that need a change, and preserves every field that it does not
    manage. It does not change a service while Swarm is updating it.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Keep the wiki and its cache on the node of their database
  orcastra.swarm.anchor_placement:
    stack_name: apps
    dependencies:
      wiki_db: [wiki, wiki_cache]

- name: Stop the old container before the new one starts, and restart the app with its database
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

- name: Show what would change, and why, if these were all dependencies of the swarm
  orcastra.swarm.anchor_placement:
    dependencies: "{{ swarm_dependencies }}"
    purge: true
  check_mode: true
  diff: true
"""

RETURN = r"""
plan:
  description:
    - The steps that were needed, in order. In check mode, the steps that the module would carry out.
    - Empty if every follower is co-located with its anchor or is already moving.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description:
        - The type of the step, one of V(label_node), V(place_service), V(scale_service), V(restart_service)
          or V(repair_state).
      type: str
      sample: place_service
    target:
      description: The object that the step changes.
      type: str
      sample: service apps_wiki
    summary:
      description: A one-line summary of the step.
      type: str
      sample: move apps_wiki to wrk-b
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
requeue_after:
  description:
    - The number of seconds after which you should run the module again, because a move is under way or a
      retry is due.
  returned: when there is more to do
  type: float
  sample: 5.0
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

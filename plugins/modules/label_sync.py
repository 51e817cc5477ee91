#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: label_sync
short_description: Keep the node labels of a Docker Swarm in sync
version_added: 0.1.0
description:
  - Sets the configured labels on the nodes of a swarm, and the labels that mark the nodes on which anchors
    run.
  - B(By default, the module manages only what you pass.) It does not change other nodes, labels and anchors,
    even if another task, another loop item or another team's playbook manages them. Several tasks can
    therefore share a swarm.
  - B(With) O(purge=true)B(, the task is the complete configuration.) The module removes each label that it or
    C(orcastra run) has set and that is no longer in O(nodes) or O(dependencies). The role and C(orcastra run)
    read the complete configuration and work this way.
  - Saves in the swarm which labels it has set, and does not change labels of other origin.
  - Fails without changing anything if you pass neither O(nodes) nor O(dependencies).
  - Requires access to the engine of any manager of the swarm.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.configuration
  - orcastra.swarm.connection
  - orcastra.swarm.removals
options:
  prune_unknown_labels:
    description:
      - Whether to remove all labels of the configured nodes that are neither configured nor the label of an
        anchor, no matter who set them.
      - Without O(purge=true), the labels that Orcastra has set stay, because another task may need them.
      - Nodes that are not in O(nodes) keep their labels.
    type: bool
    default: false
  state:
    description:
      - V(present) keeps the labels in sync.
      - V(absent) removes all labels that Orcastra has set from all nodes, regardless of O(nodes) and
        O(dependencies), for example before you uninstall Orcastra. Other labels stay.
      - A label stays while a constraint that Orcastra has set ties a service to it. The playbook
        C(orcastra.swarm.remove_labels) removes these constraints first.
    type: str
    choices: [present, absent]
    default: present
  released_services:
    description:
      - With O(state=absent), the names of services whose constraints an earlier task removes. In check mode,
        that task has not removed them, and the module plans as if it had.
      - Outside check mode, the module uses the constraints that exist.
    type: list
    elements: str
    default: []
seealso:
  - module: orcastra.swarm.anchor_placement
  - module: orcastra.swarm.swarm_info
notes:
  - A node that is down keeps its labels. The module corrects them when the node is back.
  - The module removes the label of an anchor from a node only when all tasks of the anchor run. While the
    anchor restarts, is scaled to 0 or waits for its node, the label stays.
  - The label of an anchor also stays on its old node until the followers that move in order have left it.
    M(orcastra.swarm.anchor_placement) moves them.
  - The module finishes or undoes service moves that are under way, no matter which task began them. It does
    not begin any moves.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Set static labels
  orcastra.swarm.label_sync:
    nodes:
      mgr-a:
        labels: [ssd, zfs]
      wrk-b:
        labels:
          disk: hdd
          room: cellar

- name: Set static labels, and label the node on which the database runs
  orcastra.swarm.label_sync:
    nodes:
      mgr-a:
        labels: [ssd]
    dependencies:
      wiki_db:
        stack: apps
        services: [wiki, wiki_cache]

- name: Set the labels node by node, without one item undoing another
  orcastra.swarm.label_sync:
    nodes: "{{ {item.name: {'labels': item.labels}} }}"
  loop:
    - {name: mgr-a, labels: [ssd, zfs]}
    - {name: wrk-b, labels: {disk: hdd}}

- name: Show what would change to have exactly these labels, using the engine of another manager
  orcastra.swarm.label_sync:
    docker_host: ssh://root@10.0.0.11
    use_ssh_client: true
    nodes: "{{ swarm_nodes }}"
    dependencies: "{{ swarm_dependencies }}"
    purge: true
    prune_unknown_labels: true
  check_mode: true
  diff: true

- name: Remove all labels that Orcastra has set
  orcastra.swarm.label_sync:
    state: absent
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
        - The type of the step, one of V(label_node), V(repair_state), or V(place_service) for the end of a
          service move.
      type: str
      sample: label_node
    target:
      description: The object that the step changes.
      type: str
      sample: node wrk-b
    summary:
      description: A one-line summary of the step.
      type: str
      sample: set disk=hdd on node wrk-b
    why:
      description: Why the step is needed, with one reason for each change.
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
  description: The number of seconds after which you should run the module again, because a move is under way.
  returned: when there is more to do
  type: float
  sample: 1.0
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
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import (
    plan_label_sync,
    plan_removal,
)


def main() -> None:
    module = create_module(
        {
            **CONFIGURATION_ARGUMENT_SPEC,
            **REMOVALS_ARGUMENT_SPEC,
            "prune_unknown_labels": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "released_services": {"type": "list", "elements": "str", "default": []},
        }
    )
    if module.params["state"] == "absent":
        released = module.params["released_services"] if module.check_mode else ()
        run_plan(module, lambda seen: plan_removal(seen.snapshot, seen.state, time.time(), released))
    check_given(module)
    desired = config_from_params(module, prune_unknown_labels=module.params["prune_unknown_labels"])
    run_plan(module, lambda seen: plan_label_sync(seen.snapshot, desired, seen.state, time.time()))


if __name__ == "__main__":
    main()

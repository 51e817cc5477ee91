#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: label_sync
short_description: Keep the node labels of a Docker Swarm right
version_added: 0.1.0
description:
  - Sets the configured labels on the nodes of a swarm, and the labels that mark the nodes on which anchors
    run.
  - B(By default it only manages what it is given.) Nodes, labels and anchors that a task does not name are
    left alone, also those that another task, an item of a loop or another team's playbook has set. So several
    tasks can share a swarm.
  - B(With) O(purge=true) B(the task is the whole truth.) Each label that this module or C(orcastra run) has
    set, and that is not in O(nodes) or O(dependencies) any more, is removed. The role and C(orcastra run),
    which read the whole configuration, work like that.
  - Remembers in the swarm which labels it has set. Labels that others have set are left alone.
  - Fails, and changes nothing, if neither O(nodes) nor O(dependencies) is given.
  - Has to reach the engine of a manager; any manager of the swarm will do.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.configuration
  - orcastra.swarm.connection
  - orcastra.swarm.removals
options:
  prune_unknown_labels:
    description:
      - Whether to remove each label of the configured nodes that is neither configured nor the label of an
        anchor, whoever has set it.
      - Without O(purge), labels that Orcastra has set stay, because another task may have asked for them.
      - Nodes that O(nodes) does not name are not pruned.
    type: bool
    default: false
  state:
    description:
      - V(present) keeps the labels right.
      - V(absent) removes every label that Orcastra has set, from all nodes, whatever O(nodes) and
        O(dependencies) say; for instance before Orcastra is uninstalled. What was there without it stays.
      - A label is kept while a constraint that Orcastra has set holds a service to it. The playbook
        C(orcastra.swarm.remove_labels) takes these constraints off first.
    type: str
    choices: [present, absent]
    default: present
  released_services:
    description:
      - With O(state=absent), names of services that lose Orcastra's constraints in an earlier task. In check
        mode that has not happened, and the module plans as if it had.
      - Outside check mode the constraints that are there count.
    type: list
    elements: str
    default: []
seealso:
  - module: orcastra.swarm.anchor_placement
  - module: orcastra.swarm.swarm_info
notes:
  - A node that is down keeps its labels as they are. They are corrected when it is back.
  - The label of an anchor is taken off a node only once all tasks of the anchor run. While it restarts, is
    scaled to 0 or waits for its node, the label stays where it is.
  - Where services depend on an anchor, the label also stays on the node that they have yet to leave in order.
    The module M(orcastra.swarm.anchor_placement) moves them.
  - A move of a service that is under way is finished or undone, whoever has begun it. None is begun.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Keep static labels right
  orcastra.swarm.label_sync:
    nodes:
      mgr-a:
        labels: [ssd, zfs]
      wrk-b:
        labels:
          disk: hdd
          room: cellar

- name: Mark the node on which the database runs, too
  orcastra.swarm.label_sync:
    nodes:
      mgr-a:
        labels: [ssd]
    dependencies:
      wiki_db:
        stack: apps
        services: [wiki, wiki_cache]

- name: Set the labels of one node after the other; no item undoes another
  orcastra.swarm.label_sync:
    nodes: "{{ {item.name: {'labels': item.labels}} }}"
  loop:
    - {name: mgr-a, labels: [ssd, zfs]}
    - {name: wrk-b, labels: {disk: hdd}}

- name: Have exactly these labels, and show what would change, through another manager's engine
  orcastra.swarm.label_sync:
    docker_host: ssh://root@10.0.0.11
    use_ssh_client: true
    nodes: "{{ swarm_nodes }}"
    dependencies: "{{ swarm_dependencies }}"
    purge: true
    prune_unknown_labels: true
  check_mode: true
  diff: true

- name: Remove every label that Orcastra has set
  orcastra.swarm.label_sync:
    state: absent
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
        - The kind of step, V(label_node) or V(repair_state); V(place_service) where a move of a service ends.
      type: str
      sample: label_node
    target:
      description: What is changed.
      type: str
      sample: node wrk-b
    summary:
      description: The step as text.
      type: str
      sample: set disk=hdd on node wrk-b
    why:
      description: The reasons, one for each change.
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
  description: After how many seconds the module has something to do again, as a move is under way.
  returned: when there is such a thing
  type: float
  sample: 1.0
  version_added: 0.2.0
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

#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prune
short_description: Remove what a node no longer uses
version_added: 0.2.0
description:
  - Removes containers that ended, images and volumes that nobody uses, one after the other, once they have
    been so for O(grace_period).
  - An image stays if a container of the node has it, or any service of the swarm, on whatever node, in its
    present form or in the one that C(docker service rollback) returns to. The newest O(keep_images) of each
    repository stay.
  - On a worker it takes O(manager_host) or O(swarm_use) to know that. Without them a worker keeps its images.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
  - orcastra.swarm.node
options:
  grace_period:
    description:
      - How long something must have been unused, in seconds. For containers it counts from their end. Since
        when an image is there, or a volume unused, no engine tells; it counts from the first run that saw it
        so.
    type: int
    default: 10800
  keep_images:
    description: How many images of each repository stay, the newest ones.
    type: int
    default: 3
  multiple_repositories:
    description: Whether to remove images that have names in several repositories.
    type: bool
    default: true
  force_containers:
    description:
      - Whether to remove containers by force where the engine can't in the usual way. One that runs stays.
    type: bool
    default: true
  volumes:
    description:
      - Which volumes that no container has are removed. V(anonymous) are those that nobody gave a name, also
        together with their container. V(named) are both kinds, without those that a service mounts.
      - Only volumes of the driver C(local) are.
    type: str
    choices: [none, anonymous, named]
    default: anonymous
  exclude_labels:
    description: What has one of these labels stays. C(key) or C(key=value).
    type: list
    elements: str
    default: [orchestration.prune=false]
  exclude_containers:
    description: Shell patterns of names of containers that stay.
    type: list
    elements: str
    default: []
  exclude_images:
    description: Shell patterns of images that stay, with or without the tag.
    type: list
    elements: str
    default: []
  exclude_volumes:
    description: Shell patterns of names of volumes that stay.
    type: list
    elements: str
    default: []
  dry_run:
    description:
      - Remove nothing, but remember since when images and volumes are there, so that later runs know. (In
        check mode nothing at all is written.)
    type: bool
    default: false
seealso:
  - module: orcastra.swarm.swarm_info
notes:
  - Networks and the build cache are left alone.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Remove what has been unused for a day
  orcastra.swarm.prune:
    grace_period: 86400
    exclude_images: ["registry.example.org/base/*"]
"""

RETURN = r"""
plan:
  description: The steps that were carried out. In check mode, those that would be.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The kind of step, V(remove_container), V(remove_image) or V(remove_volume).
      type: str
      sample: remove_image
    target:
      description: What is changed.
      type: str
      sample: image nginx:1.25
    what:
      description: The step in words.
      type: str
      sample: remove image nginx:1.25
    why:
      description: The reasons.
      type: list
      elements: str
      sample: ["nothing here and no service uses it, and it is here for 9 days"]
    why_not:
      description: Why alternatives were not taken, where there were any.
      type: list
      elements: str
      sample: []
notes:
  description: What was left as it is, and why.
  returned: success
  type: list
  elements: str
  sample: []
skipped:
  description: What was no longer to be removed when its turn came, and why.
  returned: success
  type: list
  elements: str
  sample: []
freed:
  description: What was removed.
  returned: success
  type: dict
  contains:
    containers: {description: The number of containers., type: int}
    images: {description: The number of images., type: int}
    volumes: {description: The number of volumes., type: int}
    bytes: {description: The bytes that containers and images had. Volumes are not counted., type: int}
    exact:
      description: Whether that was measured. Engines before 23.0 can't, then it is the most that it can be.
      type: bool
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.prune import prune_node
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import check_least, create_module
from ansible_collections.orcastra.swarm.plugins.module_utils._module.node import (
    NODE_ARGUMENT_SPEC,
    finish_node,
    run_on_node,
    swarm_use_from,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.prune import (
    DEFAULT_EXCLUDE_LABEL,
    PruneRules,
)


def main() -> None:
    module = create_module(
        {
            **NODE_ARGUMENT_SPEC,
            "grace_period": {"type": "int", "default": 10800},
            "keep_images": {"type": "int", "default": 3},
            "multiple_repositories": {"type": "bool", "default": True},
            "force_containers": {"type": "bool", "default": True},
            "volumes": {"type": "str", "choices": ["none", "anonymous", "named"], "default": "anonymous"},
            "exclude_labels": {"type": "list", "elements": "str", "default": [DEFAULT_EXCLUDE_LABEL]},
            "exclude_containers": {"type": "list", "elements": "str", "default": []},
            "exclude_images": {"type": "list", "elements": "str", "default": []},
            "exclude_volumes": {"type": "list", "elements": "str", "default": []},
            "dry_run": {"type": "bool", "default": False},
        }
    )
    check_least(module, grace_period=0, keep_images=0)
    given = module.params
    rules = PruneRules(
        grace=given["grace_period"],
        keep_images=given["keep_images"],
        multiple_repositories=given["multiple_repositories"],
        force_containers=given["force_containers"],
        volumes=given["volumes"],
        exclude_labels=tuple(given["exclude_labels"]),
        exclude_containers=tuple(given["exclude_containers"]),
        exclude_images=tuple(given["exclude_images"]),
        exclude_volumes=tuple(given["exclude_volumes"]),
    )

    def action(engine: Engine, connect_manager: Callable[[], Engine] | None) -> dict[str, Any]:
        pruning = prune_node(
            engine,
            rules,
            Path(given["state_dir"]),
            connect_manager=connect_manager,
            use=swarm_use_from(module),
            dry_run=module.check_mode or given["dry_run"],
            remember=not module.check_mode,
        )
        details = {"skipped": list(pruning.skipped), "freed": pruning.freed.to_result()}
        result = finish_node(module, pruning.plan, pruning.results, pruning.warnings, details)
        # what only would be removed has not changed anything, unless that was what check mode asked for
        if given["dry_run"] and not module.check_mode:
            result["changed"] = False
        return result

    run_on_node(module, action)


if __name__ == "__main__":
    main()

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
  - Removes ended containers of Swarm tasks with their anonymous volumes, and unused images, one after the
    other, if they have been unused for O(grace_period). RV(removed) names everything that was removed.
  - Containers that Swarm didn't create (C(docker run), C(docker create), Compose) stay, whatever their state,
    and so do their images and volumes, unless you set O(plain_containers=true).
  - An image stays if a container of the node has it, or any service of the swarm, on whatever node, in its
    present form or in the one that C(docker service rollback) returns to. The newest O(keep_images) of each
    repository stay.
  - A worker needs O(manager_host) or O(services_in_use) to know that. Without them it keeps its images.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
  - orcastra.swarm.node
options:
  grace_period:
    description:
      - How long an object must have been unused, in seconds. For a container this counts from its end. For
        an image or a volume it counts from the first run that saw it, because no engine tells the time.
    type: int
    default: 10800
  plain_containers:
    description:
      - Whether to also remove containers that ended, or were never started, and that Swarm didn't create.
        Their anonymous volumes go with them, and the data in these.
      - This also removes unused volumes that can't be attributed to a Swarm task. Without it, an anonymous
        volume is only removed with the container of its task, and a named one only if a stack created it.
    type: bool
    default: false
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
      - Whether to remove a container by force if the engine can't remove it otherwise. A running container
        stays.
    type: bool
    default: true
  volumes:
    description:
      - Which unused volumes are removed. V(anonymous) are those without a name of their own, together with
        their container. V(named) are both kinds, without those that a service mounts. See
        O(plain_containers) for whose volumes.
      - Volumes of other drivers than C(local) stay.
    type: str
    choices: [none, anonymous, named]
    default: anonymous
  exclude_labels:
    description:
      - Containers, images and volumes with one of these labels stay. C(key) or C(key=value).
    type: list
    elements: str
    default: [orchestration.prune=false]
  exclude_containers:
    description:
      - Shell patterns of containers that stay. They match the name, the name of a task's service, and the ID
        or its beginning.
    type: list
    elements: str
    default: []
  exclude_images:
    description:
      - Shell patterns of images that stay. They match the short and the full name, with and without tag and
        digest (V(redis:*), V(docker.io/library/redis:3.0), V(*/team/app)), and the ID or its beginning
        (V(5ffc15301cef), V(sha256:5ffc15301cef)).
      - A pattern that looks like a regular expression gets a warning, and counts as one, too. A pattern that
        matches nothing gets a note. Both go for all three kinds of patterns.
    type: list
    elements: str
    default: []
  exclude_volumes:
    description: Shell patterns of volumes that stay. They match the name, or the beginning of a long one.
    type: list
    elements: str
    default: []
  dry_run:
    description:
      - Remove nothing, but record when each image and volume was first seen, for later runs. (Check mode
        writes nothing at all.)
    type: bool
    default: false
seealso:
  - module: orcastra.swarm.swarm_info
notes:
  - A container counts as that of a Swarm task if its label and its name both have the task's ID.
  - Networks and the build cache are left alone.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Remove what has been unused for a day
  orcastra.swarm.prune:
    grace_period: 86400
    exclude_images: ["registry.example.org/base/*"]

- name: Remove containers of docker run and their anonymous volumes, too
  orcastra.swarm.prune:
    plain_containers: true
    exclude_containers: [backup-*]
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
    summary:
      description: The step as text.
      type: str
      sample: remove image nginx:1.25
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
kept:
  description: What was planned and stays, because it was in use or gone when its turn came.
  returned: success
  type: list
  elements: str
  sample: ["image nginx:1.25: it is in use"]
removed:
  description: The names of what was removed. In check mode and with O(dry_run), of what would be.
  returned: success
  type: dict
  contains:
    containers: {description: The names of containers., type: list, elements: str}
    images: {description: All tags and digests of images; the ID of one without., type: list, elements: str}
    volumes:
      description: The names of volumes, those that went with their container too.
      type: list
      elements: str
freed:
  description: How much was removed.
  returned: success
  type: dict
  contains:
    containers: {description: The number of containers., type: int}
    images: {description: The number of images., type: int}
    volumes: {description: The number of volumes., type: int}
    bytes: {description: "The bytes that containers, images and volumes had.", type: int}
    exact:
      description:
        - Whether all of that was measured. Engines before 23.0 can't measure images, which then count as if
          they shared no layers. A volume whose size the engine doesn't tell counts as 0.
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
    services_in_use_from,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.prune.plan import (
    DEFAULT_EXCLUDE_LABEL,
    PruneRules,
)


def main() -> None:
    module = create_module(
        {
            **NODE_ARGUMENT_SPEC,
            "grace_period": {"type": "int", "default": 10800},
            "plain_containers": {"type": "bool", "default": False},
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
        plain_containers=given["plain_containers"],
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
            use=services_in_use_from(module),
            dry_run=module.check_mode or given["dry_run"],
            remember=not module.check_mode,
        )
        details = {
            "kept": list(pruning.kept),
            "removed": pruning.removed.to_result(),
            "freed": pruning.freed.to_result(),
        }
        result = finish_node(module, pruning.plan, pruning.results, pruning.warnings, details)
        # what only would be removed has not changed anything, unless that was what check mode asked for
        if given["dry_run"] and not module.check_mode:
            result["changed"] = False
        return result

    run_on_node(module, action)


if __name__ == "__main__":
    main()

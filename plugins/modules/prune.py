#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prune
short_description: Remove unused containers, images and volumes from a node
version_added: 0.1.0
description:
  - Removes ended containers of Swarm tasks with their anonymous volumes, and unused images, if they have been
    unused for O(grace_period). It removes them one at a time. RV(removed) names everything that was removed.
  - Containers that Swarm did not create (C(docker run), C(docker create), Compose) stay, regardless of their
    state, and so do their images and volumes, unless you set O(plain_containers=true).
  - An image stays if a container on the node uses it, or if any service of the swarm uses it on any node.
    This includes the image that C(docker service rollback) would return to. The newest O(keep_images) images
    of each repository stay, too.
  - A worker needs O(manager_host) or O(services_in_use) to know which images the services use. Without them,
    it keeps all its images.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
  - orcastra.swarm.node
options:
  grace_period:
    description:
      - How long an object must be unused before the module removes it, in seconds. For a container, the time
        counts from its end. For an image or a volume, it counts from the first run that saw it, because the
        engine does not report when it was last used.
    type: int
    default: 10800
  plain_containers:
    description:
      - Whether to also remove containers that Swarm did not create, if they have ended or never started. This
        deletes their anonymous volumes and the data in them.
      - This option also removes unused volumes that cannot be attributed to a Swarm task. Without it, the
        module removes an anonymous volume only with the container of its task, and a named volume only if a
        stack created it.
    type: bool
    default: false
  keep_images:
    description: The number of images to keep for each repository. The newest images stay.
    type: int
    default: 3
  multiple_repositories:
    description: Whether to remove images that have names in several repositories.
    type: bool
    default: true
  force_containers:
    description:
      - Whether to force the removal of a container if the engine cannot remove it otherwise. Running
        containers always stay.
    type: bool
    default: true
  volumes:
    description:
      - The unused volumes to remove. With V(anonymous), volumes without a name of their own are removed
        together with their container. With V(named), named volumes that no service mounts are removed, too.
        See O(plain_containers) for the volumes that qualify.
      - Volumes with a driver other than C(local) always stay.
    type: str
    choices: [none, anonymous, named]
    default: anonymous
  exclude_labels:
    description:
      - Keep containers, images and volumes with one of these labels, given as C(key) or C(key=value).
    type: list
    elements: str
    default: [orchestration.prune=false]
  exclude_containers:
    description:
      - Shell patterns for containers to keep. A pattern matches the name, the service name of a task, or the
        beginning of the ID.
    type: list
    elements: str
    default: []
  exclude_images:
    description:
      - Shell patterns for images to keep. A pattern matches the short or the full name, with or without the
        tag and digest (V(redis:*), V(docker.io/library/redis:3.0), V(*/team/app)), or the beginning of the ID
        (V(5ffc15301cef), V(sha256:5ffc15301cef)).
      - If a pattern looks like a regular expression, the module warns and also uses it as one. If a pattern
        matches nothing, the module adds a note. This applies to all three kinds of patterns.
    type: list
    elements: str
    default: []
  exclude_volumes:
    description:
      - Shell patterns for volumes to keep. A pattern matches the name, or the beginning of a long name.
    type: list
    elements: str
    default: []
  dry_run:
    description:
      - Remove nothing, but record when each image and volume was first seen, for later runs. (Check mode does
        not write this record.)
    type: bool
    default: false
seealso:
  - module: orcastra.swarm.swarm_info
notes:
  - A container counts as the container of a Swarm task if both its label and its name contain the ID of the
    task.
  - The module does not remove networks or the build cache.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Remove everything that has been unused for a day
  orcastra.swarm.prune:
    grace_period: 86400
    exclude_images: ["registry.example.org/base/*"]

- name: Also remove containers of docker run and their anonymous volumes
  orcastra.swarm.prune:
    plain_containers: true
    exclude_containers: [backup-*]
"""

RETURN = r"""
plan:
  description: The steps that the module carried out. In check mode, the steps that it would carry out.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The type of the step, one of V(remove_container), V(remove_image) or V(remove_volume).
      type: str
      sample: remove_image
    target:
      description: The object that the step changes.
      type: str
      sample: image nginx:1.25
    summary:
      description: A one-line summary of the step.
      type: str
      sample: remove image nginx:1.25
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
kept:
  description: Objects that were planned for removal but stay, because they were in use or already gone.
  returned: success
  type: list
  elements: str
  sample: ["image nginx:1.25: it is in use"]
removed:
  description:
    - The names of the removed objects. In check mode and with O(dry_run), of those that would be removed.
  returned: success
  type: dict
  contains:
    containers: {description: The names of containers., type: list, elements: str}
    images:
      description: All tags and digests of images. The ID for images without them.
      type: list
      elements: str
    volumes:
      description: The names of volumes, including those removed together with their container.
      type: list
      elements: str
freed:
  description: The number and size of the removed objects.
  returned: success
  type: dict
  contains:
    containers: {description: The number of containers., type: int}
    images: {description: The number of images., type: int}
    volumes: {description: The number of volumes., type: int}
    bytes: {description: "The total size of containers, images and volumes in bytes.", type: int}
    exact:
      description:
        - Whether the sizes are exact. Engines before 23.0 cannot measure images, so the module assumes that
          images share no layers. A volume whose size the engine does not report counts as 0.
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
        # A dry run changes nothing. In check mode, "changed" predicts the real run.
        if given["dry_run"] and not module.check_mode:
            result["changed"] = False
        return result

    run_on_node(module, action)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mod_download
short_description: Keep a directory of mods up to date
version_added: 0.1.0
description:
  - Downloads files and mod images into a directory on the host. It downloads the mods in the configuration,
    and those that services and containers request with C(DOCKER_MODS) or labels. Mods that have not changed
    are not downloaded again.
  - Replaces an old file in one step, and only if the new file is complete, its digest matches, and its
    content matches its name. A mod that fails keeps its old file and does not block the others.
  - Removes unused files that it stored, but only if it knows the requests of all services. It keeps mod
    images that it discovered for 7 more days. Without O(config) and O(config_file), files from an earlier
    configuration stay.
  - Ansible shows results only at the end. During long downloads, the module writes the progress to the system
    log of the host every 15 seconds, with the name C(ansible-orcastra.swarm.mod_download).
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
options:
  config:
    description:
      - The configuration, in the format of C(config.json). The L(guide to mods,
        https://github.com/orcastra/orcastra/blob/main/docs/guides/mods.md) describes its keys. A list is
        treated as the list of mods. With an empty mapping, the module downloads only what services and
        containers request.
      - C(${VAR}) in URLs and headers is replaced with the value in O(variables), in the environment of the
        module, or in the file that C(VAR_FILE) names. Put secrets there.
      - Header values and the values in the query of a URL are never shown or logged, wherever they come from.
    type: raw
  config_file:
    description: A JSON or YAML file with the configuration on the host.
    type: path
  variables:
    description: The values for C(${VAR}).
    type: dict
    default: {}
  dest:
    description: The directory on the host. The module creates it if it does not exist.
    type: path
    default: /mnt/mods
  architectures:
    description:
      - The architectures for which to download images, for example V(amd64) or V(arm64). If there are
        several, the images of each one are in a subdirectory.
      - Defaults to the architectures of the swarm's nodes if a manager is available, and to that of the host
        otherwise.
    type: list
    elements: str
    default: []
  manager_host:
    description: The URL of a manager's engine. On a worker, the module needs it to read the services.
    type: str
  wishes:
    description:
      - The requests of services, as returned in RV(wishes) on a manager with O(discover_only=true). If given,
        the module does not connect to a manager.
    type: list
    elements: str
  discover_only:
    description: Return only RV(wishes) and RV(architectures), as far as they are known.
    type: bool
    default: false
seealso:
  - module: orcastra.swarm.swarm_info
notes:
  - In check mode, the module checks the servers for new versions but writes nothing.
  - Requires the Python libraries C(jsonschema) and C(PyYAML), and C(jmespath) for entries with C(api).
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Download two mods and those that services request
  orcastra.swarm.mod_download:
    dest: /srv/mods
    config:
      mods:
        - url: https://mods.example.org/tools.jar
          headers:
            Authorization: Bearer ${MODS_TOKEN}
        - image: lscr.io/linuxserver/mods:universal-docker
    variables:
      MODS_TOKEN: "{{ vault_mods_token }}"
"""

RETURN = r"""
plan:
  description: The steps that the module carried out. In check mode, the steps that it would carry out.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The type of the step, one of V(store_mod) or V(remove_mod).
      type: str
      sample: store_mod
    target:
      description: The object that the step changes.
      type: str
      sample: mod tools.jar
    summary:
      description: A one-line summary of the step.
      type: str
      sample: download tools.jar
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
mods:
  description: The result for each mod.
  returned: success
  type: list
  elements: dict
  contains:
    mod: {description: "The URL without its secrets, or the image.", type: str}
    status:
      description: V(current), V(stored) or V(failed). In check mode, V(stored) means that it would be stored.
      type: str
    files: {description: The names of its files in the directory., type: list, elements: str}
    bytes: {description: The number of bytes downloaded for the mod., type: int}
    sha256: {description: The digest of its file., type: str}
    error: {description: The error if the mod failed., type: str}
    optional: {description: Whether the module succeeds even if this mod fails., type: bool}
    discovered: {description: Whether a service or a container requests the mod., type: bool}
    asked_by: {description: The services and containers that request the mod., type: list, elements: str}
requests:
  description: The number of HTTP requests to mod servers.
  returned: success
  type: int
downloaded_bytes:
  description: The number of bytes downloaded in total.
  returned: success
  type: int
wishes:
  description:
    - The requests of the swarm's services. With O(discover_only=true), they include possible secrets, so set
      C(no_log) for the task.
  returned: success
  type: list
  elements: str
architectures:
  description: The architectures of the swarm's nodes.
  returned: with O(discover_only=true)
  type: list
  elements: str
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mod_discovery import discover_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mod_progress import ModProgress
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import Refreshing, refresh_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mods import ModRules
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import build_mods, load_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.masking import (
    MASK,
    masked,
    masked_url,
    secrets_of,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module
from ansible_collections.orcastra.swarm.plugins.module_utils._module.node import run_on_node
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine

# shorter values are not masked in the results
_SECRET_LENGTH = 8


def take_parameters(module: AnsibleModule) -> dict[str, Any]:
    """Return the parameters with their secrets, and mask the copy that the module shows in its result."""
    given = dict(module.params)
    module.params["config"] = masked(given["config"])
    module.params["variables"] = dict.fromkeys(given["variables"], MASK)
    if given["wishes"] is not None:
        module.params["wishes"] = [masked_url(str(wish)) for wish in given["wishes"]]
    module.no_log_values = set()
    if not given["discover_only"]:
        # masking short values would also hide unrelated text; wishes must arrive unmasked
        secrets = secrets_of(given["config"], given["variables"]) | secrets_of(given["wishes"], {})
        module.no_log_values = {secret for secret in secrets if len(secret) >= _SECRET_LENGTH}
    return given


def rules_from(given: Mapping[str, Any]) -> ModRules:
    """Build the rules from the module's parameters. Raises ConfigError."""
    environment = {**os.environ, **{name: str(value) for name, value in given["variables"].items()}}
    if given["config_file"]:
        path = Path(given["config_file"])
        if not path.exists():
            raise OrcastraError(f"config_file: expected a file, found none at {path}")
        return load_mods(path, environment)
    config = given["config"]
    if config is not None and not isinstance(config, (dict, list)):
        raise OrcastraError(f"config: expected a mapping or a list, found {type(config).__name__}")
    return build_mods(config, environment)


def finish(module: AnsibleModule, done: Refreshing, wishes: tuple[str, ...]) -> dict[str, Any]:
    """Return the result, or fail if a mod that is not optional failed."""
    for warning in (*done.warnings, *done.tolerated):
        module.warn(str(warning))
    steps = done.plan.steps if module.check_mode else [r.step for r in done.results if r.changed]
    result: dict[str, Any] = {
        "changed": bool(steps),
        "plan": [step.to_result() for step in steps],
        "notes": [note.to_data() for note in done.plan.notes],
        "diff": done.plan.diff(),
        "mods": [mod.to_result() for mod in done.mods],
        "requests": done.requests,
        "downloaded_bytes": done.downloaded,
        "wishes": [masked_url(wish) for wish in wishes],
    }
    if done.failures:
        good = len(done.mods) - sum(mod.error is not None for mod in done.mods)
        message = "; ".join(done.failures)
        module.fail_json(msg=f"{message} ({good} of {len(done.mods)} mods succeeded)", **result)
    return result


def main() -> None:
    module = create_module(
        {
            # take_parameters() masks its secrets; until then, no part of it may be logged
            "config": {"type": "raw", "no_log": True},
            "config_file": {"type": "path"},
            "variables": {"type": "dict", "default": {}, "no_log": True},
            "dest": {"type": "path", "default": "/mnt/mods"},
            "architectures": {"type": "list", "elements": "str", "default": []},
            "manager_host": {"type": "str"},
            "wishes": {"type": "list", "elements": "str", "no_log": True},
            "discover_only": {"type": "bool", "default": False},
        }
    )
    given = take_parameters(module)
    if given["config"] and given["config_file"]:
        module.fail_json(msg="config: expected one of config and config_file, found both")

    def action(engine: Engine, connect_manager: Callable[[], Engine] | None) -> dict[str, Any]:
        rules = rules_from(given)
        found = discover_mods(
            engine,
            rules,
            connect_manager,
            wishes=given["wishes"],
            architectures=given["architectures"],
            containers=not given["discover_only"],
        )
        if given["discover_only"]:
            for warning in found.warnings:
                module.warn(str(warning))
            if not found.complete:
                return {"changed": False}
            return {
                "changed": False,
                "wishes": list(found.wishes),
                "architectures": list(found.architectures),
            }
        # Ansible shows output only at the end, but you can follow the system log of the host
        progress = ModProgress(lambda title, size: module.log(f"downloading {title}: {size}"))
        done = refresh_mods(
            rules, Path(given["dest"]), found, check=module.check_mode, progress=progress.report
        )
        return finish(module, done, found.wishes)

    run_on_node(module, action)


if __name__ == "__main__":
    main()

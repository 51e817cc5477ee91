#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mod_download
short_description: Keep a folder of mods up to date
version_added: 0.2.0
description:
  - Downloads files and mod images into a folder of the host, those of the configuration and those that
    services and containers ask for, with C(DOCKER_MODS) or labels. An unchanged mod isn't downloaded again.
  - A file replaces the old one in one step, if it is complete, its digest is right, and its content is what
    its name says. A mod that fails keeps its old file and does not block the others.
  - Unused files are removed, if this module stored them and the wishes of all services are known. Mod images
    that were discovered stay for 7 more days. Without O(config) and O(config_file), the files of an earlier
    configuration stay.
  - Ansible shows results only at the end. The progress of long downloads is in the host's system log, every
    15 seconds, under the name C(ansible-orcastra.swarm.mod_download).
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
options:
  config:
    description:
      - The configuration, as in C(config.json). For its keys, see C(docs/mods.md) of the collection. A list
        is one of mods alone. An empty mapping means no mods but those that services and containers ask for.
      - C(${VAR}) in URLs and headers is taken from O(variables), else from the environment of the module, or
        from the file that C(VAR_FILE) names. Secrets belong there.
      - Values of headers and of a URL's query are not shown or logged, wherever they come from.
    type: raw
  config_file:
    description: A file on the host with the configuration, JSON or YAML.
    type: path
  variables:
    description: Values of C(${VAR}).
    type: dict
    default: {}
  dest:
    description: The folder on the host. It is created if it doesn't exist.
    type: path
    default: /mnt/mods
  architectures:
    description:
      - The architectures that images are needed for, like V(amd64) or V(arm64). With several, images are in a
        folder for each.
      - By default those of the swarm's nodes, if a manager can be asked, or else that of the host.
    type: list
    elements: str
    default: []
  manager_host:
    description: The engine of a manager, needed to read the services if the host is a worker.
    type: str
  wishes:
    description:
      - The wishes of services, RV(wishes) of a manager with O(discover_only=true). Then no manager is asked.
    type: list
    elements: str
  discover_only:
    description: Only return RV(wishes) and RV(architectures), as far as they are known.
    type: bool
    default: false
seealso:
  - module: orcastra.swarm.swarm_info
notes:
  - In check mode servers are asked for new versions, and nothing is written.
  - Needs the Python libraries C(jsonschema) and C(PyYAML), and C(jmespath) for entries with C(api).
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Keep a mod and what services ask for up to date
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
  description: The steps that were carried out. In check mode, those that would be.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The kind of step, V(store_mod) or V(remove_mod).
      type: str
      sample: store_mod
    target:
      description: What is changed.
      type: str
      sample: mod tools.jar
    summary:
      description: The step as text.
      type: str
      sample: download tools.jar
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
mods:
  description: What became of each mod.
  returned: success
  type: list
  elements: dict
  contains:
    mod: {description: The URL without its secrets or the image., type: str}
    status: {description: "V(current), V(stored) (in check mode: would be) or V(failed).", type: str}
    files: {description: Its names in the folder., type: list, elements: str}
    bytes: {description: What was downloaded for it., type: int}
    sha256: {description: The digest of its file., type: str}
    error: {description: What failed., type: str}
    optional: {description: Whether the module succeeds without it., type: bool}
    discovered: {description: Whether a service or a container asks for it., type: bool}
    asked_by: {description: The services and containers that ask for it., type: list, elements: str}
requests:
  description: The number of HTTP requests to the servers of mods.
  returned: success
  type: int
downloaded_bytes:
  description: How much was downloaded.
  returned: success
  type: int
wishes:
  description:
    - What the services of the swarm ask for. With O(discover_only=true) what may be secret in it is there,
      too, so use C(no_log) then.
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

# what is shorter isn't looked for in the results
_SECRET_LENGTH = 8


def take_parameters(module: AnsibleModule) -> dict[str, Any]:
    """The module's parameters; the module itself, which shows its own, keeps none of their secrets."""
    given = dict(module.params)
    module.params["config"] = masked(given["config"])
    module.params["variables"] = dict.fromkeys(given["variables"], MASK)
    if given["wishes"] is not None:
        module.params["wishes"] = [masked_url(str(wish)) for wish in given["wishes"]]
    module.no_log_values = set()
    if not given["discover_only"]:
        # of short ones, whatever looks like them would be hidden, too; wishes have to arrive as they are
        secrets = secrets_of(given["config"], given["variables"]) | secrets_of(given["wishes"], {})
        module.no_log_values = {secret for secret in secrets if len(secret) >= _SECRET_LENGTH}
    return given


def rules_from(given: Mapping[str, Any]) -> ModRules:
    """The rules in the module's parameters. Raises ConfigError."""
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
    """The result. Ends the module where a mod failed that is not optional."""
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
        module.fail_json(msg=f"{message} ({good} of {len(done.mods)} mods are in order)", **result)
    return result


def main() -> None:
    module = create_module(
        {
            # its secrets are taken out of it below; until then, nothing of it is logged
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
        # what a module prints arrives at its end; the log of the host can be followed
        progress = ModProgress(lambda title, size: module.log(f"downloading {title}: {size}"))
        done = refresh_mods(
            rules, Path(given["dest"]), found, check=module.check_mode, progress=progress.report
        )
        return finish(module, done, found.wishes)

    run_on_node(module, action)


if __name__ == "__main__":
    main()

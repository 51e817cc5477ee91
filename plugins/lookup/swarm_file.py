# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E402 - documentation stands above the imports

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_file
short_description: Read and check a configuration file of Orcastra
version_added: 0.1.0
author:
  - Orcastra contributors (@orcastra)
description:
  - Reads a file in the format of C(swarm.yml), or of another of Orcastra's files, on the control node and
    checks it. Fails with everything that is wrong with it, each problem with its line, what was expected and
    what was found.
  - A file that is missing, empty, or has nothing but comments is an error. If nothing is meant, write C({}).
  - Needs nothing but Ansible on the control node.
options:
  _terms:
    description:
      - Paths of files. A relative path counts from where Ansible was started, and else from where Ansible
        looks for files.
    type: list
    elements: str
    required: true
  kind:
    description:
      - Which of the files it is, V(swarm) for C(swarm.yml), V(rebalance) for C(rebalance_config.yml),
        V(node_exporter) for C(deploy_node_exporter.yml) or V(mods) for the C(config.json) of mods.
      - V(rebalance_variables) are the secrets of C(rebalance_config.yml), which V(rebalance) leaves out.
    type: str
    choices: [swarm, rebalance, rebalance_variables, node_exporter, mods]
    default: swarm
    version_added: 0.2.0
notes:
  - Values are taken literally. Templates in the file are not evaluated.
  - In a file of O(kind=node_exporter), C(${VAR}) and its other forms are replaced as in a Compose file, with
    the values that the environment of the control node has. A variable that is not set stays as it is
    written, with a warning.
seealso:
  - module: orcastra.swarm.label_sync
"""

EXAMPLES = r"""
- name: Keep the node labels right
  orcastra.swarm.label_sync:
    nodes: "{{ configuration.nodes | default(omit) }}"
    dependencies: "{{ configuration.dependencies | default(omit) }}"
    purge: true
  vars:
    configuration: "{{ lookup('orcastra.swarm.swarm_file', 'swarm.yml') }}"
"""

RETURN = r"""
_raw:
  description:
    - For each file a mapping. C(nodes) and C(dependencies) are left out if the file does not have them,
      because missing is not empty. C(swarm) and C(options) are empty then, C(leader) and C(advertise_addr)
      are empty text, and C(managers) is nothing.
    - With another O(kind) just what is in the file. With V(mods) that is in C(config), with the values of
      headers and of URLs' queries, which may be secret, apart in C(variables).
    - With V(rebalance), C(${…}) stands for each secret. Their values, those of C(${VAR}) in the environment
      of the control node among them, are what V(rebalance_variables) gives.
  type: list
  elements: dict
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import build
from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter import load_exporter
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import (
    extract_secrets,
    load_rebalance,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import ALL_PARTS
from ansible_collections.orcastra.swarm.plugins.module_utils._config.sections import SECTIONS, refuse_blank
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import read_mods

display = Display()

_EMPTY: dict[str, Any] = {
    "leader": "",
    "advertise_addr": "",
    "managers": None,
    "swarm": {},
    "options": {},
}


class LookupModule(LookupBase):  # type: ignore[misc]
    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        kind = kwargs.pop("kind", "swarm")
        if kwargs:
            raise AnsibleLookupError(f"expected only paths of files and kind, found {', '.join(kwargs)}")
        if kind not in _READERS:
            raise AnsibleLookupError(f"kind: expected one of {', '.join(_READERS)}, found {kind!r}")
        read = _READERS[kind]
        try:
            return [read(self._find(term, variables)) for term in terms]
        except OrcastraError as error:
            raise AnsibleLookupError(str(error)) from error

    def _find(self, term: str, variables: Any) -> Path:
        path = Path(term).expanduser().absolute()
        if path.exists():
            return path
        found = self.find_file_in_search_path(variables, "files", term, ignore_missing=True)
        if not found:
            raise AnsibleLookupError(f"{term}: expected a file, found none")
        return Path(found)


def _read_rebalance(path: Path) -> dict[str, Any]:
    return extract_secrets(load_rebalance(path)[1], os.environ)[0]


def _read_rebalance_variables(path: Path) -> dict[str, Any]:
    return dict(extract_secrets(load_rebalance(path)[1], os.environ)[1])


def _read_exporter(path: Path) -> dict[str, Any]:
    found = load_exporter(path)
    for warning in found.warnings:
        display.warning(str(warning))
    return dict(found.data)


def _read_swarm(path: Path) -> dict[str, Any]:
    """The parts of a file, checked. Raises ConfigError with all problems."""
    document, met = read_file(path)
    problems = refuse_blank(document, met)
    desired = build(
        [(document, ALL_PARTS)],
        problems,
        complete=document.data is not None or not problems,
        stack_name="",
        label_prefix="",
        restart_dependents=False,
    )
    for warning in desired.warnings:
        display.warning(str(warning))
    data = document.data or {}
    given = {part: data.get(part) or default for part, default in _EMPTY.items()}
    # modules name each of these options: keys that YAML anchors are kept under are no options
    given["swarm"] = {key: value for key, value in given["swarm"].items() if not key.startswith("x-")}
    sections = {part: data.get(part) or {} for part in SECTIONS if part not in desired.absent_sections}
    return {**given, **sections}


_READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "swarm": _read_swarm,
    "rebalance": _read_rebalance,
    "rebalance_variables": _read_rebalance_variables,
    "node_exporter": _read_exporter,
    "mods": read_mods,
}

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E402 - Ansible requires the documentation above the imports

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_file
short_description: Read and validate an Orcastra configuration file
version_added: 0.1.0
author:
  - Orcastra contributors (@orcastra)
description:
  - Reads a C(swarm.yml) file, or another of Orcastra's configuration files, on the control node and validates
    it. If the file is invalid, the lookup fails and reports all errors at once, each with its line, the
    expected value and the value found.
  - A file that is missing, empty or contains only comments is an error. For an empty configuration, write
    C({}).
  - Requires no additional Python libraries on the control node.
options:
  _terms:
    description:
      - The paths of the files. A relative path is relative to the current working directory, or to the
        directories in which Ansible searches for files.
    type: list
    elements: str
    required: true
  kind:
    description:
      - The format of the files, V(swarm) for C(swarm.yml), V(rebalance) for C(rebalance_config.yml),
        V(node_exporter) for C(deploy_node_exporter.yml), or V(mods) for the C(config.json) of mods.
      - V(rebalance_variables) returns the secrets of C(rebalance_config.yml), which V(rebalance) omits.
    type: str
    choices: [swarm, rebalance, rebalance_variables, node_exporter, mods]
    default: swarm
notes:
  - Values are taken literally. Templates in the file are not evaluated.
  - With O(kind=node_exporter), C(${VAR}) and its other forms are replaced as in a Compose file, with values
    from the environment of the control node. A variable that is not set stays in the text, and the lookup
    warns about it.
seealso:
  - module: orcastra.swarm.label_sync
"""

EXAMPLES = r"""
- name: Sync the node labels with the configuration file
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
    - A mapping for each file. If the file does not contain C(nodes) or C(dependencies), the mapping does not
      contain them either, because a missing section is not the same as an empty one. C(swarm) and C(options)
      default to empty mappings, C(leader) and C(advertise_addr) to empty strings, and C(managers) to V(null).
    - With another O(kind), the mapping contains the contents of the file. With V(mods), they are in
      C(config), and header values and URL query values, which can be secret, are separately in C(variables).
    - With V(rebalance), each secret is replaced with C(${…}). V(rebalance_variables) returns the values of
      these secrets, including those of C(${VAR}) from the environment of the control node.
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
            raise AnsibleLookupError(f"expected only file paths and kind, found {', '.join(kwargs)}")
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
    """Read and validate the parts of a file. Raises ConfigError with all problems."""
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
    # the modules know each option by name; keys that hold YAML anchors are not options
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

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that the collection offers: playbooks, roles, variables, and options of plugins."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from typing import Any

import yaml

from tests.support.documents import ROOT

_FRAGMENTS = "ansible_collections.orcastra.swarm.plugins.doc_fragments."
_OF_ANSIBLE = {
    "ansible.builtin.constructed": {
        "compose", "groups", "keyed_groups", "strict", "use_extra_vars", "leading_separator",
    },
    "ansible.builtin.inventory_cache": {
        "cache", "cache_plugin", "cache_timeout", "cache_connection", "cache_prefix",
    },
}  # fmt: skip


@cache
def playbooks() -> frozenset[str]:
    return frozenset(path.stem for path in ROOT.glob("playbooks/*.yml"))


@cache
def roles() -> frozenset[str]:
    return frozenset(path.parent.parent.name for path in ROOT.glob("roles/*/meta/argument_specs.yml")) | {
        path.name for path in ROOT.glob("roles/*") if path.is_dir()
    }


@cache
def role_variables() -> frozenset[str]:
    """All variables that roles and playbooks read."""
    found: set[str] = set()
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        for spec in specs.values():
            found.update(spec.get("options") or {})
    for path in ROOT.glob("playbooks/*.yml"):
        found.update(re.findall(r"\borcastra_[a-z_]+", path.read_text(encoding="utf-8")))
    return frozenset(found)


@cache
def options_of(kind: str, name: str) -> frozenset[str]:
    """The options of a plugin, those of its fragments among them. It fails if there is no such plugin."""
    path = ROOT / "plugins" / kind / f"{name}.py"
    assert path.is_file(), f"the collection has no {kind} orcastra.swarm.{name}"
    documentation = _documentation(path.read_text(encoding="utf-8"))
    found = set(documentation.get("options") or {})
    for fragment in documentation.get("extends_documentation_fragment") or []:
        found |= _OF_ANSIBLE.get(fragment) or _options_of_fragment(fragment)
    return frozenset(found)


def _documentation(source: str) -> dict[str, Any]:
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "DOCUMENTATION":
            loaded: dict[str, Any] = yaml.safe_load(ast.literal_eval(statement.value))
            return loaded
    raise AssertionError("a plugin without documentation")


def _options_of_fragment(name: str) -> set[str]:
    _namespace, _collection, module, *part = name.split(".")
    fragment = importlib.import_module(f"{_FRAGMENTS}{module}").ModuleDocFragment
    text = getattr(fragment, part[0].upper() if part else "DOCUMENTATION")
    return set((yaml.safe_load(text) or {}).get("options") or {})

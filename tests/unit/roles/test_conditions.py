# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conditions of the roles: a switch given as ``-e name=true`` is text, which Ansible refuses there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import CHECKOUT

ROLES = sorted(path.name for path in (CHECKOUT / "roles").iterdir())


def conditions(value: Any) -> Iterator[str]:
    """Each line of each ``when``, ``until`` and the like below a part of a file of tasks."""
    if isinstance(value, list):
        for item in value:
            yield from conditions(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("when", "until", "failed_when", "changed_when"):
                yield from (str(line) for line in (item if isinstance(item, list) else [item]))
            else:
                yield from conditions(item)


def switches(role: Path) -> list[str]:
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]
    options = specs["main"].get("options", {})
    return [name for name, option in options.items() if option.get("type") == "bool"]


@pytest.mark.parametrize("name", ROLES)
def test_switches_may_be_text(name: str) -> None:
    role = CHECKOUT / "roles" / name
    for path in sorted(role.glob("tasks/*.yml")):
        for condition in conditions(yaml.safe_load(path.read_text())):
            for switch in switches(role):
                bare = re.search(rf"\b{switch}\b(?!\s*\|\s*bool)", condition)
                assert not bare, f"{path.name}: {condition}: expected {switch} | bool"

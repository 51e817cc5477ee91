# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Expressions in the roles: Ansible treats the values of ``-e name=true`` and ``-e name=5`` as text."""

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
    """Yield each line of each ``when``, ``until`` and similar key in a part of a tasks file."""
    if isinstance(value, list):
        for item in value:
            yield from conditions(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("when", "until", "failed_when", "changed_when"):
                yield from (str(line) for line in (item if isinstance(item, list) else [item]))
            else:
                yield from conditions(item)


def templates(value: Any) -> Iterator[str]:
    """Yield each expression in double braces in a part of a tasks file."""
    if isinstance(value, str):
        yield from re.findall(r"{{.*?}}", value, re.DOTALL)
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from templates(item)


def options(role: Path, kind: str) -> list[str]:
    """Return the variables of a role that have this type."""
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]
    options = specs["main"].get("options", {})
    return [name for name, option in options.items() if option.get("type") == kind]


@pytest.mark.parametrize("name", ROLES)
def test_role_accepts_booleans_as_text(name: str) -> None:
    role = CHECKOUT / "roles" / name
    for path in sorted(role.glob("tasks/*.yml")):
        for condition in conditions(yaml.safe_load(path.read_text())):
            for switch in options(role, "bool"):
                bare = re.search(rf"\b{switch}\b(?!\s*\|\s*bool)", condition)
                assert not bare, f"{path.name}: {condition}: expected {switch} | bool"


@pytest.mark.parametrize("name", ROLES)
def test_role_accepts_numbers_as_text(name: str) -> None:
    role = CHECKOUT / "roles" / name
    for path in sorted(role.glob("tasks/*.yml")):
        tasks = yaml.safe_load(path.read_text())
        for expression in (*conditions(tasks), *templates(tasks)):
            for number in options(role, "int"):
                bare = re.search(
                    rf"\b{number}\b\s*[-+*/%<>=!]|[-+*/%<>=]\s*{number}\b(?!\s*\|\s*int)", expression
                )
                assert not bare, f"{path.name}: {expression}: expected {number} | int"


# results that contain messages
MESSAGE = r"[\w.]*\b(?:msg|message|stderr|said|warnings|notes)\b"


@pytest.mark.parametrize(
    "path",
    sorted(path for folder in ("roles", "playbooks") for path in (CHECKOUT / folder).rglob("*.yml")),
    ids=lambda path: str(path.relative_to(CHECKOUT)),
)
def test_conditions_do_not_depend_on_messages(path: Path) -> None:
    """Results have codes and other fields for decisions."""
    text = path.read_text()
    found = re.findall(rf"['\"] (?:not )?in {MESSAGE}", text)
    found += re.findall(rf"{MESSAGE}(?: \| default\([^)]*\))?\)? is (?:not )?(?:search|match|regex)\(", text)
    found += re.findall(rf"{MESSAGE}\.(?:startswith|endswith|find)\(", text)
    assert found == []

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflows call only existing make targets and pinned actions. `make lint` checks their syntax."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.conftest import CHECKOUT
from tests.support.ansible_cores import CORES

WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
}
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.* ## ", MAKEFILE, re.MULTILINE))


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in WORKFLOWS[name]["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_calls_existing_make_targets_only(name: str) -> None:
    commands = [step["run"] for step in steps(name) if "run" in step]
    assert commands or name == "docs.yml"
    for command in commands:
        called = re.fullmatch(r'(?:sudo -E )?make ([a-z-]+)(?: [A-Z]+=(?:"\$[A-Z_]+"|\w+))*', command)
        assert called, command
        assert called[1] in TARGETS


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_pins_its_actions_and_limits_time_and_rights(name: str) -> None:
    for step in steps(name):
        assert "run" in step or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
        assert "run" not in step or "${{" not in step["run"]  # a value could contain shell code
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    for job in WORKFLOWS[name]["jobs"].values():
        assert job["timeout-minutes"] <= 120


def test_workflows_cover_every_target_of_the_pipeline() -> None:
    called = {step.get("run", "").removeprefix("sudo -E ") for name in WORKFLOWS for step in steps(name)}
    targets = {command.split()[1] for command in called if command}
    assert {"lint", "unit", "ansible-matrix", "test", "docs", "engines", "dist", "publish-image"} <= targets


def test_matrix_of_the_workflow_is_the_one_of_make_ansible_matrix() -> None:
    assert WORKFLOWS["ci.yml"]["jobs"]["ansible"]["strategy"]["matrix"]["core"] == list(CORES)


def test_matrix_of_engines_is_the_one_of_make_engines() -> None:
    from tests.engines import MATRIX  # noqa: PLC0415  # needs the lab's modules

    assert WORKFLOWS["engines.yml"]["jobs"]["engines"]["strategy"]["matrix"]["engine"] == list(MATRIX)


def test_hooks_run_programs_of_the_environment() -> None:
    (local,) = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert local["repo"] == "local"
    assert all(hook["entry"].startswith(".venv/bin/") for hook in local["hooks"])


def test_makefile_lists_every_documented_target_as_phony() -> None:
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert set(phony[1].replace("\\\n", " ").split()) == TARGETS

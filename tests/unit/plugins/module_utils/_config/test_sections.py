# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Missing is not empty: the sections that are given, and the policy for removals that follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState, Removals

BOTH = frozenset({"nodes", "dependencies"})
ONE_NODE = "nodes: {a: {labels: [ssd]}}\n"
ONE_ANCHOR = "dependencies: {db: [web]}\n"


def load(folder: Path, texts: dict[str, str]) -> DesiredState:
    for name, text in texts.items():
        (folder / f"{name}.yml").write_bytes(text.encode())
    return load_configuration(ConfigFiles.in_directory(folder), stack_name="main")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "\ufeff",
        "# all of it a comment\n",
        "---\n",
        "---\n...\n",
        "null\n",
        "~",
        "--- # nothing yet\n",
        "%YAML 1.2\n---\n",
        "x-labels: &labels [ssd]\n",
    ],
)
def test_blank_file_gives_no_section(tmp_path: Path, text: str) -> None:
    for name, absent in (("swarm", BOTH), ("nodes", BOTH), ("dependencies", BOTH)):
        folder = tmp_path / name
        folder.mkdir()
        desired = load(folder, {name: text})
        assert desired.absent_sections == absent
        assert [(one.code, one.file) for one in desired.warnings] == [("blank", f"{folder}/{name}.yml")]


@pytest.mark.parametrize("text", ["{}", "[]", "---\n{}\n", "{ }  # nothing", "nodes: {}\ndependencies: []\n"])
def test_braces_and_brackets_give_empty_sections(tmp_path: Path, text: str) -> None:
    desired = load(tmp_path, {"swarm": text})
    assert (desired.absent_sections, desired.warnings) == (frozenset(), ())
    assert (desired.nodes, desired.dependencies) == ({}, {})


@pytest.mark.parametrize(
    ("texts", "absent", "warned"),
    [
        ({}, BOTH, []),
        ({"swarm": ONE_NODE}, {"dependencies"}, []),
        ({"swarm": ONE_ANCHOR}, {"nodes"}, []),
        ({"swarm": "leader: a\n"}, BOTH, []),
        ({"swarm": "options: {}\n"}, BOTH, []),
        ({"swarm": ONE_NODE + "dependencies:\n"}, {"dependencies"}, ["dependencies"]),
        ({"swarm": ONE_NODE + "dependencies: ~\n"}, {"dependencies"}, ["dependencies"]),
        ({"swarm": ONE_NODE + "dependencies:\n  # db: [web]\n"}, {"dependencies"}, ["dependencies"]),
        ({"swarm": "nodes:\ndependencies:\n"}, BOTH, ["nodes", "dependencies"]),
        ({"swarm": ONE_NODE + "dependencies: {}\n"}, set(), []),
        # separate files
        ({"nodes": "a: {labels: [ssd]}\n"}, {"dependencies"}, []),
        ({"nodes": "{}"}, {"dependencies"}, []),
        ({"nodes": "[]"}, {"dependencies"}, []),
        ({"nodes": "nodes: {}"}, {"dependencies"}, []),
        ({"nodes": "nodes:"}, BOTH, ["nodes"]),
        ({"nodes": "leader: a\n"}, BOTH, []),
        ({"dependencies": "db: [web]\n"}, {"nodes"}, []),
        ({"dependencies": "{}"}, {"nodes"}, []),
        ({"swarm": ONE_NODE + ONE_ANCHOR, "nodes": "{}", "dependencies": "{}"}, set(), []),
        # a blank file may be truncated, even if the other file has entries
        ({"swarm": ONE_NODE + ONE_ANCHOR, "nodes": ""}, {"nodes"}, ["nodes"]),
        ({"swarm": "nodes:\n", "nodes": "a: {}", "dependencies": "{}"}, {"nodes"}, ["nodes"]),
        ({"swarm": "", "nodes": "a: {}", "dependencies": "db: [web]"}, BOTH, [""]),
    ],
)
def test_absent_sections(tmp_path: Path, texts: dict[str, str], absent: set[str], warned: list[str]) -> None:
    desired = load(tmp_path, texts)
    assert desired.absent_sections == absent
    assert [warning.key for warning in desired.warnings] == warned
    assert all(warning.file is not None for warning in desired.warnings)
    for section, policy in (
        ("nodes", desired.node_removals),
        ("dependencies", desired.dependency_removals),
    ):
        assert policy is (Removals.HELD if section in absent else Removals.ALLOWED)


def test_with_removals_sets_policies() -> None:
    given = DesiredState(absent_sections=frozenset({"dependencies"}))

    def policies(desired: DesiredState) -> tuple[Removals, Removals]:
        return desired.node_removals, desired.dependency_removals

    assert policies(given) == (Removals.ALLOWED, Removals.ALLOWED)
    assert policies(given.with_removals()) == (Removals.ALLOWED, Removals.HELD)
    assert policies(given.with_removals(accepted=True)) == (Removals.ALLOWED, Removals.ALLOWED)
    for accepted in (False, True):
        foreign = given.with_removals(purge=False, accepted=accepted)
        assert policies(foreign) == (Removals.FOREIGN, Removals.FOREIGN)

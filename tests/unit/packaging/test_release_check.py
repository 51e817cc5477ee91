# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make release-check`: what prevents a release, and the notes of a release."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import release

CHANGELOG = """
=====
Notes
=====

v1.1.0
======

Minor Changes
-------------

- label_sync - sets ``ssd``.

v1.0.0
======

Release Summary
---------------

First.
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "galaxy.yml").write_text("version: 1.1.0\n")
    (tmp_path / "CHANGELOG.rst").write_text(CHANGELOG)
    (tmp_path / "changelogs" / "fragments").mkdir(parents=True)
    return tmp_path


def test_release_check_accepts_a_tag_of_the_current_version(tree: Path) -> None:
    assert release.problems(tree, "v1.1.0") == []
    assert release.problems(tree, None) == []


def test_release_check_finds_all_problems(tree: Path) -> None:
    (tree / "galaxy.yml").write_text("version: 1.2.0\n")
    (tree / "changelogs" / "fragments" / "x.yml").write_text("minor_changes: []\n")
    found = release.problems(tree, "v1.1.0")
    assert [problem.split(":")[0] for problem in found] == ["tag", "changelogs/fragments", "CHANGELOG.rst"]


def test_notes_are_the_section_of_the_version_as_markdown(tree: Path) -> None:
    assert release.notes(tree) == "## Minor Changes\n\n- label_sync - sets `ssd`.\n"

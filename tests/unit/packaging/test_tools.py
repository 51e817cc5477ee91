# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The set-up scripts, the linter and the check of the layers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import lint, venv

ROOT = Path(__file__).resolve().parents[3]
UTILS = "ansible_collections.orcastra.swarm.plugins.module_utils"


def find_python(path: Path | str, python: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ROOT / "tools" / "find-python"],
        env={"PATH": str(path), "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_find_python_resolves_shims_and_skips_broken_interpreters(tmp_path: Path) -> None:
    script(tmp_path / "python3", "exit 127")
    script(tmp_path / "python3.12", f'exec {sys.executable} "$@"')
    found = find_python(tmp_path)
    assert found.returncode == 0
    assert found.stdout.strip() == os.path.realpath(sys.executable)


def test_find_python_without_interpreter_explains_how_to_get_one(tmp_path: Path) -> None:
    found = find_python(tmp_path)
    assert (found.returncode, found.stdout) == (1, "")
    assert "No Python 3.11 or newer was found" in found.stderr


def test_find_python_rejects_a_selected_interpreter_that_does_not_start(tmp_path: Path) -> None:
    found = find_python(tmp_path, "/nowhere/python3")
    assert (found.returncode, found.stdout) == (1, "")
    assert "PYTHON=/nowhere/python3" in found.stderr


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout with an environment and its site-packages folder."""
    root = tmp_path / "checkout"
    (root / ".venv" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    monkeypatch.setattr(venv, "ROOT", root)
    monkeypatch.setattr(venv, "VENV", root / ".venv")
    return root


def test_link_collection_links_outside_site_packages(checkout: Path) -> None:
    venv.link_collection()
    venv.link_collection()
    link = checkout / ".venv" / "collections" / "ansible_collections" / "orcastra" / "swarm"
    assert link.resolve() == checkout
    site = checkout / ".venv" / "lib" / "python3.11" / "site-packages"
    assert [path.name for path in site.iterdir()] == ["orcastra-tree.pth"]
    assert Path((site / "orcastra-tree.pth").read_text(encoding="utf-8").strip()) == link.parents[2]


def test_link_collection_replaces_a_link_to_another_folder(checkout: Path, tmp_path: Path) -> None:
    link = checkout / ".venv" / "collections" / "ansible_collections" / "orcastra" / "swarm"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path)
    venv.link_collection()
    assert link.resolve() == checkout


def test_stamp_changes_with_its_source_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "pyproject.toml"
    source.write_text("one", encoding="utf-8")
    monkeypatch.setattr(venv, "SOURCES", [source])
    first = venv.stamp()
    assert venv.stamp() == first
    source.write_text("two", encoding="utf-8")
    assert venv.stamp() != first


def test_lint_runs_every_check_and_prints_a_summary(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def wrong(_scratch: Path) -> None:
        """Always fails."""
        lint.run("python", "-c", "raise SystemExit(3)")

    def right(_scratch: Path) -> None:
        """Always passes."""
        lint.run("python", "-c", "print('it ran')")

    monkeypatch.setattr(lint, "CHECKS", [wrong, right])
    assert lint.main([]) == 1
    shown = capfd.readouterr().out
    assert "it ran" in shown
    assert shown.endswith("static checks: 1 of 2 failed: wrong\n")
    assert lint.main(["right"]) == 0
    assert lint.main(["left"]) == 2


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("plugins/module_utils/_plan/labels.py", "import time", f"{UTILS}._plan.labels -> time"),
        (
            "plugins/module_utils/_plan/labels.py",
            f"import {UTILS}._observe.engine",
            "is not allowed to import",
        ),
        ("plugins/module_utils/_apply/executor.py", "import docker", f"{UTILS}._apply.executor -> docker"),
        (
            "orcastra_runner/settings.py",
            "import ansible_runner",
            "orcastra_runner.settings -> ansible_runner",
        ),
    ],
)
def test_imports_check_finds_an_import_against_the_layers(
    tmp_path: Path, module: str, line: str, complaint: str
) -> None:
    tree = tmp_path / "ansible_collections" / "orcastra" / "swarm"
    for name in ("orcastra_runner", "plugins"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    with (tree / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    packages = Path(pytest.__file__).parents[1]
    code = "from importlinter.cli import lint_imports_command as main; main(['--no-cache'])"
    found = subprocess.run(
        [sys.executable, "-S", "-c", code],  # without .pth files, one of which adds the checkout
        cwd=tree,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{tree}:{packages}", "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert complaint in found.stdout

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrices of ansible-core, engines and targets: their content and their tables."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conftest import CHECKOUT
from tests.engines import ALL, SELECTION
from tests.engines import __main__ as engines
from tests.lab.releases import mixed_roots
from tests.matrix import __main__ as matrix
from tests.support.ansible_cores import CORES, NoCore

REPORT = """
<testsuites>
  <testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1.0"/>
</testsuites>
"""
TARGETS = CHECKOUT / "tests" / "integration" / "targets"


def test_every_plugin_has_a_target() -> None:
    modules = {path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py")}
    lookups = {path.stem for path in (CHECKOUT / "plugins" / "lookup").glob("*.py")}
    targets = {path.name.removeprefix("test_") for path in TARGETS.glob("test_*")}
    assert targets == modules | lookups | {"inventory"}


@pytest.mark.parametrize("target", sorted(TARGETS.glob("test_*")), ids=lambda path: path.name)
def test_target_has_aliases_tasks_and_a_verification(target: Path) -> None:
    assert "context/" in (target / "aliases").read_text()
    tasks = (target / "tasks" / "main.yml").read_text()
    assert yaml.safe_load(tasks)
    assert "ansible.builtin.assert" in tasks or "change.yml" in tasks


def test_engines_selection_exists() -> None:
    assert [name for name in (*SELECTION, *ALL) if not (CHECKOUT / name).exists()] == []


def test_engines_counts_and_table(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    passed, failed, skipped = engines.counts(report)
    assert (passed, failed, skipped) == (4, 3, 3)
    good = engines.Result("20.10", "20.10.24", passed=4, seconds=59.6)
    bad = engines.Result("28.5", "", problem="not tested: no mirror")
    assert (good.is_good, bad.is_good, engines.Result("26.1", "26.1.5").is_good) == (True, False, False)
    assert engines.table([good, bad]).splitlines()[2:] == [
        "| 20.10 | 20.10.24 | 4 | 0 | 0 | 60 s |",
        "| 28.5 |  | not tested: no mirror | | | |",
    ]


def test_mixed_hosts_have_all_engines_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tests.lab.releases.engine_root", lambda engine, root, say: (Path("/", engine), f"{engine}.1")
    )
    found = mixed_roots(["a", "b", "c", "d"])
    assert {host: version for host, (_root, version) in found.items()} == {
        "a": "20.10.1",
        "b": "26.1.1",
        "c": "28.5.1",
        "d": "20.10.1",
    }


def test_matrix_table_has_a_column_for_each_result() -> None:
    rows = [
        matrix.Row("2.17", "3.11", "2.17.14", {"target 3.9": matrix.OK}),
        matrix.Row("next", "3.13", results={"target 3.13": matrix.FAILED}),
    ]
    assert matrix.table(rows).splitlines() == [
        "| ansible-core | Control node | target 3.9 | target 3.13 |",
        "| --- | --- | --- | --- |",
        "| 2.17.14 | Python 3.11 | ok |  |",
        "| next | Python 3.13 |  | FAILED |",
    ]


def test_matrix_fails_if_a_release_fails_but_not_if_a_pre_release_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(matrix, "CHECKOUT", tmp_path)
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", "")

    def refuse(*_arguments: object) -> Path:
        raise NoCore("pip failed")

    monkeypatch.setattr(matrix, "installed_core", refuse)
    monkeypatch.setattr(matrix, "find_python", lambda version: "/usr/bin/python3")
    assert matrix.main(["--cores", "next"]) == 0
    assert matrix.main(["--cores", "2.21"]) == 1
    monkeypatch.setattr(matrix, "find_python", lambda version: None)
    assert matrix.main(["--cores", "2.21"]) == 0
    assert "missing" in (tmp_path / "build" / "ansible-matrix.md").read_text()


def test_matrix_covers_the_oldest_supported_core() -> None:
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text())
    assert runtime["requires_ansible"] == f">={next(iter(CORES))}.0"

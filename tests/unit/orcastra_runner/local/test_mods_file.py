# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mods file: its last content stays in effect, for jobs and for playbooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from orcastra_runner.local.mods_file import ModsFile, check_mods
from tests.unit.orcastra_runner.conftest import Clock, Log

A, B = "https://a.example/a.jar", "https://a.example/b.jar"


class Bench:
    def __init__(self, path: Path, clock: Clock) -> None:
        self.path, self.clock = path, clock
        path.write_text(json.dumps({"mods": [A, B]}) + "\n")
        self.file = ModsFile(path, {"TOKEN": "secret"}, clock)

    def restart(self) -> None:
        self.file.close()
        self.file = ModsFile(self.path, {"TOKEN": "secret"}, self.clock)

    @property
    def names(self) -> list[str]:
        return sorted(entry.name or "" for entry in self.file.rules().entries)


@pytest.fixture
def bench(tmp_path: Path, clock: Clock) -> Iterator[Bench]:
    bench = Bench(tmp_path / "config.json", clock)
    yield bench
    bench.file.close()


@pytest.mark.parametrize("text", [None, "", "  \n", "# mods\n", "---\n", "null"])
def test_mods_file_that_disappears_stays_in_effect(bench: Bench, logged: Log, text: str | None) -> None:
    assert bench.names == ["a.jar", "b.jar"]
    if text is None:
        bench.path.unlink()
    else:
        bench.path.write_text(text)
    for _time in range(3):
        bench.clock.now += 100
        assert bench.names == ["a.jar", "b.jar"]
    assert bench.file.problem is not None
    assert json.loads(Path(bench.file.copy()).read_text()) == {"mods": [A, B]}
    assert sum("configuration missing" in sentence for sentence in logged.sentences) == 1
    assert len(bench.file.accept_removals()) == 1
    assert (bench.names, bench.file.rules().is_given, bench.file.problem) == ([], True, None)
    assert json.loads(Path(bench.file.copy()).read_text()) == {}


@pytest.mark.parametrize("text", ["{", "[3]", '{"modz": []}', "\0\0", '["ftp://x/y"]'])
def test_mods_file_that_becomes_invalid_keeps_the_previous_mods(bench: Bench, logged: Log, text: str) -> None:
    assert bench.names == ["a.jar", "b.jar"]
    bench.path.write_text(text)
    for _time in range(3):
        assert bench.names == ["a.jar", "b.jar"]
    assert bench.file.problem is not None
    assert sum("configuration rejected" in sentence for sentence in logged.sentences) == 1
    bench.path.write_text(json.dumps([A, B]))
    assert bench.names == ["a.jar", "b.jar"]
    assert bench.file.problem is None


def test_mods_file_delays_removals_until_it_is_stable(bench: Bench) -> None:
    assert bench.names == ["a.jar", "b.jar"]
    bench.path.write_text(json.dumps({"mods": [B, "https://a.example/c.jar"]}))
    for _second in range(10):
        assert bench.names == ["a.jar", "b.jar", "c.jar"]
        bench.clock.now += 1
    assert bench.names == ["b.jar", "c.jar"]
    bench.path.write_text("{}")
    assert bench.names == ["b.jar", "c.jar"]
    bench.clock.now += 10
    assert (bench.names, bench.file.rules().is_given) == ([], True)


@pytest.mark.parametrize("text", [None, "", "# none\n"])
def test_mods_file_missing_at_the_start_removes_nothing(bench: Bench, text: str | None) -> None:
    bench.path.unlink()
    if text is not None:
        bench.path.write_text(text)
    bench.restart()
    assert (bench.names, bench.file.rules().is_given, bench.file.copy()) == ([], False, "")
    assert bench.file.accept_removals() == ()
    assert bench.file.rules().is_given
    assert json.loads(Path(bench.file.copy()).read_text()) == {}
    bench.path.write_text(json.dumps([A]))
    assert bench.names == ["a.jar"]
    bench.path.unlink()
    assert bench.names == ["a.jar"]


def test_mods_file_invalid_at_the_start_raises_on_use(bench: Bench) -> None:
    bench.path.write_text('{"modz": []}')
    bench.restart()
    for ask in (bench.file.rules, bench.file.copy, bench.file.variables):
        with pytest.raises(ConfigError, match="modz"):
            ask()
    bench.path.write_text("{}")
    assert bench.names == []


def test_mods_file_variables_belong_to_the_mods_in_effect(bench: Bench) -> None:
    bench.path.write_text(json.dumps([{"url": A, "headers": {"X-Key": "${TOKEN}"}}]))
    bench.restart()
    assert bench.file.variables() == {"TOKEN": "secret"}
    assert bench.file.rules().entries[0].headers == {"X-Key": "secret"}
    bench.path.unlink()
    assert bench.file.variables() == {"TOKEN": "secret"}
    assert "secret" not in Path(bench.file.copy()).read_text()


def test_check_mods_reports_variables_without_a_value(bench: Bench) -> None:
    bench.path.write_text(json.dumps([{"url": A, "headers": {"X-Key": "${TOKEN}"}}]))
    assert check_mods(bench.path, {"TOKEN": "x"}) == []
    (problem,) = check_mods(bench.path, {})
    assert "TOKEN" in problem.expected


def test_mods_file_copy_is_removed_on_close(bench: Bench) -> None:
    copy = Path(bench.file.copy())
    assert copy.stat().st_mode & 0o777 == 0o600
    bench.file.close()
    assert not copy.exists()

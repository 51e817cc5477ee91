# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra command`` up to the first request to an engine, and the path of its file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import CommandRecord, State
from orcastra_runner import application, cli, commands
from orcastra_runner.command.file import CommandFile
from orcastra_runner.command.rehearsal import Rehearsal
from orcastra_runner.command.table import COMMANDS
from orcastra_runner.places import command_path
from orcastra_runner.settings import Settings, read_settings
from tests.support.builders import desired
from tests.unit.orcastra_runner.fakes import FakeSwarm, three_nodes, work_on


@pytest.fixture(autouse=True)
def reset_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSwarm:
    fake = three_nodes()
    work_on(fake, desired(), monkeypatch)
    monkeypatch.setattr(application, "connect", lambda _options: fake.connect())
    return fake


def test_command_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["command", "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for command in COMMANDS.values():
        assert f"  {command.usage.replace(':', ' ')}\n" in out
    assert "COMMAND_FILE" not in out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["restart_servce", "web"], "did you mean 'restart_service'?"),
        (["restart-service", "web"], "did you mean 'restart_service'?"),
        (["restrt"], "found 'restrt'; did you mean 'restart_service'?"),
        (["mods"], "did you mean 'refresh_mods'?"),
        (["Drain", "alpha"], "did you mean 'drain_node'?"),
        (["nonsense"], "expected a command, found 'nonsense'. `orcastra help command`"),
        (["restart_service"], "`orcastra command restart_service SERVICE`"),
        (["restart_service", ""], "`orcastra command restart_service SERVICE`"),
        (["reboot_node"], "expected the name of a node, found nothing"),
        (["drain_node:"], "`orcastra command drain_node NODE`"),
        (["relabel_all", "web"], "expected relabel_all without an argument, found 'web'"),
        (["relabel_all", "--id", ""], "--id: expected "),
    ],
)
def test_command_rejects_invalid_arguments(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["command", *arguments]) == cli.EXIT_USAGE
    assert expected in capsys.readouterr().err


def test_command_reports_missing_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["command", "relabel_all", "--config", str(tmp_path)]) == cli.EXIT_USAGE
    assert "expected a configuration file" in capsys.readouterr().err


@pytest.mark.parametrize("problem", [None, "there is no service web"])
def test_command_check_lists_steps(
    fake: FakeSwarm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    problem: str | None,
) -> None:
    found = Rehearsal(({"summary": "restart shop_web", "why": ["it was asked for"]},), problem=problem)
    monkeypatch.setattr(commands, "rehearse", lambda *_arguments: found)
    arguments = ["command", "restart_service", "web", "--check", "--config", str(tmp_path)]
    assert cli.main(arguments) == (cli.EXIT_OK if problem is None else cli.EXIT_FAILED)
    assert "  1. restart shop_web\n" in capsys.readouterr().out
    assert not fake.state.commands


def test_command_check_reports_a_used_id(
    fake: FakeSwarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = CommandRecord("relabel_all", "shell", "alpha", "i", 1.0, status="done")
    fake.state = State(commands={"id:once": record})
    monkeypatch.delattr(commands, "rehearse")
    arguments = ["command", "restart_service", "web", "--id", "once", "--check", "--config", str(tmp_path)]
    assert cli.main(arguments) == cli.EXIT_OK
    assert capsys.readouterr().out.startswith("restart_service web: already done")


def test_status_shows_the_command_file(
    fake: FakeSwarm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "commands" / "swarm-orch.command.yml"
    file.parent.mkdir()
    file.write_text("- relabel_all\n- 5\n")
    assert cli.main(["status", "--config", str(tmp_path)]) == cli.EXIT_OK
    out = capsys.readouterr().out
    assert "  relabel_all: waiting\n" in out
    assert f"  malformed: {file}:2: [1]: expected a command such as" in out


def test_command_path_follows_the_settings(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    usual = "commands/swarm-orch.command.yml"
    assert command_path(settings) == Path("/etc/swarm-orchestration") / usual
    assert command_path(replace(settings, config_dir=Path("/x"))) == Path("/x") / usual
    monkeypatch.setenv("COMMAND_FILE", "/y/c.yml")
    assert command_path(read_settings()) == Path("/y/c.yml")


def test_command_file_may_end_in_yaml(settings: Settings, tmp_path: Path) -> None:
    here = replace(settings, config_dir=tmp_path)
    file = CommandFile(lambda: command_path(here))
    folder = tmp_path / "commands"
    folder.mkdir()
    (folder / "swarm-orch.command.yaml").write_text("- relabel_all\n")
    assert file.refresh(at_once=True)
    assert file.content is not None
    assert [entry.words for entry in file.content.entries] == ["relabel_all"]
    (folder / "swarm-orch.command.yml").write_text("- rebalance\n")
    assert file.refresh(at_once=True)
    assert (file.content.entries, len(file.content.problems)) == ((), 1)
    assert not file.refresh(at_once=True)
    (folder / "swarm-orch.command.yaml").unlink()
    assert file.refresh(at_once=True)
    assert [entry.words for entry in file.content.entries] == ["rebalance"]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra notify``: the list of targets, the test message, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from orcastra_runner import cli
from orcastra_runner.application import Application
from orcastra_runner.files import Files
from orcastra_runner.local.mods_file import ModsFile
from orcastra_runner.rebalance import RebalanceFile
from orcastra_runner.settings import read_settings
from tests.support.inbox import Inbox, inbox
from tests.unit.orcastra_runner.conftest import Log

SECRET = "S3CRET"


@pytest.fixture(autouse=True)
def reset_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def receiver() -> Iterator[Inbox]:
    with inbox() as found:
        yield found


def test_test_message_reaches_each_target(
    receiver: Inbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTIFY_URLS", f"{receiver.url}/a {receiver.url}/b")
    assert cli.main(["notify", "--test"]) == cli.EXIT_OK
    assert [len(receiver.messages(path)) for path in ("/a", "/b")] == [1, 1]
    assert capsys.readouterr().out == "1 (json): sent\n2 (json): sent\n"


def test_test_message_reports_each_failure(
    receiver: Inbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.statuses[f"/{SECRET}"] = 410
    monkeypatch.setenv("NOTIFY_URLS", f"{receiver.url}/a {receiver.url}/{SECRET} json://127.0.0.1:1/{SECRET}")
    assert cli.main(["notify", "--test", "--format", "json"]) == cli.EXIT_FAILED
    printed = capsys.readouterr()
    targets = json.loads(printed.out)["targets"]
    assert [(one["position"], one["schema"], one["sent"]) for one in targets] == [
        (1, "json", True),
        (2, "json", False),
        (3, "json", False),
    ]
    assert "410" in targets[1]["error"]
    assert SECRET not in printed.out + printed.err
    assert len(receiver.messages("/a")) == 1


def test_targets_are_listed_without_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "urls").write_text(f"ntfy://{SECRET}\njson://host/{SECRET}\n")
    monkeypatch.setenv("NOTIFY_URLS_FILE", str(tmp_path / "urls"))
    monkeypatch.setenv("NOTIFY_LEVEL", "warning")
    assert cli.main(["notify", "--format", "json"]) == cli.EXIT_OK
    printed = capsys.readouterr().out
    assert json.loads(printed) == {
        "targets": [{"position": 1, "schema": "ntfy"}, {"position": 2, "schema": "json"}],
        "level": "warning",
        "moves": False,
        "interval_seconds": 60.0,
    }
    assert cli.main(["notify"]) == cli.EXIT_OK
    text = capsys.readouterr().out
    assert "2 (json)" in text
    assert SECRET not in printed + text


@pytest.mark.parametrize("arguments", [["notify"], ["notify", "--test"]])
def test_missing_configuration_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == cli.EXIT_USAGE
    assert "NOTIFY_URLS" in capsys.readouterr().err


def application() -> Application:
    settings = read_settings()
    rules = RebalanceFile(lambda: settings.config_dir / "rebalance_config.yml")
    return Application(settings, Files(None, rules, ModsFile(settings.mod_manager_config)))


def test_runner_notifies_only_with_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = application()
    assert runner._notify_job(()) is None
    assert not runner.status.events.is_on
    monkeypatch.setenv("NOTIFY_URLS", "json://host")
    runner = application()
    assert runner._notify_job(()) is not None
    assert runner.status.events.is_on


def test_dry_run_does_not_notify(monkeypatch: pytest.MonkeyPatch, logged: Log) -> None:
    monkeypatch.setenv("NOTIFY_URLS", "json://host")
    monkeypatch.setenv("DRY_RUN", "true")
    assert application()._notify_job(()) is None
    assert logged.events == ["notifications disabled"]

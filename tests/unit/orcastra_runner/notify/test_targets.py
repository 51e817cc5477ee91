# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The URLs of notifications: all errors at once, none of them with a secret, and real deliveries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from orcastra_runner import cli
from orcastra_runner.notify.targets import (
    MAX_BYTES,
    MAX_TARGETS,
    Letter,
    Target,
    configured_targets,
    parse_targets,
    send,
    send_to_all,
)
from orcastra_runner.settings import read_settings
from tests.support.inbox import Inbox, inbox
from tests.unit.orcastra_runner.conftest import Log

LETTER = Letter("Orcastra: node delta is down", "warning: node delta is down", "warning")
SECRET = "S3CRET"


@pytest.fixture
def receiver() -> Iterator[Inbox]:
    with inbox() as found:
        yield found


def refused(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[Problem]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as error:
        configured_targets(read_settings())
    return list(error.value.problems)


@pytest.mark.parametrize(
    "text",
    [
        "json://a/x,y ntfy://topic",
        "json://a/x,y,ntfy://topic",
        "json://a/x,y , ntfy://topic,",
        "\n  json://a/x,y\n\n  ntfy://topic\n",
        "# first\njson://a/x,y\n   # second: slack://no\nntfy://topic",
    ],
)
def test_targets_are_separated_by_white_space_or_commas(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("NOTIFY_URLS", text)
    found = configured_targets(read_settings())
    assert [(target.name, target.url) for target in found] == [
        ("1 (json)", "json://a/x,y"),
        ("2 (ntfy)", "ntfy://topic"),
    ]


def test_target_shows_neither_url_nor_secret() -> None:
    assert SECRET not in repr(Target(1, "json", f"json://{SECRET}"))


def test_settings_show_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_URLS", f"json://host/{SECRET}")
    assert SECRET not in repr(read_settings())


def test_no_targets_without_variables() -> None:
    assert configured_targets(read_settings()) == ()


@pytest.mark.parametrize("name", ["NOTIFY_URLS", "NOTIFY_URLS_FILE"])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"json://ok/{SECRET} {SECRET}", "text without a schema and :// at position 2"),
        (f"slack://{SECRET}", "an incomplete or invalid one at position 1"),
        (f"ntfi://{SECRET}", "ntfi:// at position 1; did you mean ntfy://?"),
        (f"json://ok/{SECRET},https://hooks.example.org/{SECRET}", "https:// at position 2"),
        (" ".join(f"json://ok/{SECRET}" for _ in range(MAX_TARGETS + 1)), str(MAX_TARGETS + 1)),
    ],
)
def test_wrong_url_is_named_by_position(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, text: str, found: str
) -> None:
    value = text
    if name == "NOTIFY_URLS_FILE":
        (tmp_path / "urls").write_text(text)
        value = str(tmp_path / "urls")
    (problem,) = refused(monkeypatch, **{name: value})
    assert (problem.key, problem.found) == (name, found)
    assert SECRET not in str(problem)


def test_all_wrong_urls_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(refused(monkeypatch, NOTIFY_URLS="x slack://y ntfi://z")) == 3


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "No such file or directory"),
        (b"", "nothing"),
        (b"# only a comment\n", "nothing"),
        (b"json://\xff", "bytes that are not UTF-8"),
        (b"json://x " * MAX_BYTES, f"more than {MAX_BYTES} bytes"),
    ],
)
def test_wrong_file_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, found: str
) -> None:
    path = tmp_path / "urls"
    if content is not None:
        path.write_bytes(content)
    (problem,) = refused(monkeypatch, NOTIFY_URLS_FILE=str(path))
    assert (problem.key, problem.found) == ("NOTIFY_URLS_FILE", found)


def test_url_and_file_exclude_each_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (problem,) = refused(monkeypatch, NOTIFY_URLS="json://x", NOTIFY_URLS_FILE=str(tmp_path))
    assert (problem.key, problem.found) == ("NOTIFY_URLS_FILE", "both")


def test_config_check_refuses_a_wrong_url(
    monkeypatch: pytest.MonkeyPatch, config_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORCASTRA_CONFIG_DIR", str(config_dir))
    assert cli.main(["config", "check"]) == cli.EXIT_OK
    monkeypatch.setenv("NOTIFY_URLS", f"slack://{SECRET}")
    assert cli.main(["config", "check"]) == cli.EXIT_USAGE
    printed = capsys.readouterr()
    assert "NOTIFY_URLS" in printed.err
    assert SECRET not in printed.err + printed.out


def test_message_arrives(receiver: Inbox) -> None:
    assert send(Target(1, "json", receiver.url), LETTER) is None
    (message,) = receiver.messages()
    assert (message["title"], message["message"], message["type"]) == (
        LETTER.title,
        LETTER.body,
        LETTER.level,
    )


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (404, "the service answered with HTTP status 404"),
        (500, "the service answered with HTTP status 500"),
        (None, "no connection to the service"),
    ],
)
def test_failure_is_named_without_the_url(
    receiver: Inbox, logged: Log, status: int | None, problem: str
) -> None:
    url = f"{receiver.url}/{SECRET}"
    if status is None:
        url = f"json://127.0.0.1:1/{SECRET}"
    else:
        receiver.statuses[f"/{SECRET}"] = status
    assert send(Target(1, "json", url), LETTER) == problem
    # not even a warning of the library
    assert logged.entries == []


def test_slow_target_delays_no_other() -> None:
    released = threading.Event()
    targets = [Target(1, "slow", "slow://x"), Target(2, "fast", "fast://x"), Target(3, "bad", "bad://x")]

    def sender(target: Target, _letter: Letter) -> str | None:
        if target.schema == "slow":
            released.wait(30)
        return "no" if target.schema == "bad" else None

    try:
        results = send_to_all([(target, LETTER) for target in targets], sender, seconds=0.5)
    finally:
        released.set()
    assert [results[target] for target in targets] == ["no result after 0.5 s", None, "no"]


def test_parsing_loads_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orcastra_runner.notify.targets._apprise", lambda: pytest.fail("loaded"))
    assert parse_targets("NOTIFY_URLS", "json://x")[1] == []

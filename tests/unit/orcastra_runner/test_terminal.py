# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands print untrusted text as text: it has no effect on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, text_of
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    Attempts,
    CommandRecord,
    Move,
    State,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import is_printable
from orcastra_runner import application, cli, commands, log
from orcastra_runner.command.results import write_results
from tests.support.builders import desired, node, service, task
from tests.unit.orcastra_runner.fakes import FakeSwarm, work_on

HOSTILE = {
    "escape": "\x1b[2J\x1b]0;x\x07",
    "c1": "\x9b2J\x90\x9c",
    "lines": "x\r\n1 change pending:\x0b\x0c\x85\u2028\u2029",
    "bidi": "\u202eabc\u2066\u200f\u061c",
    "invisible": "a\u200b\u2060\ufeff\u00ad\u3164",
    "surrogate": "\ud800\udfff",
    "tags": "\U000e0041\U000e007f",
    "other": "\x00\x08\x7f\t",
}


@pytest.fixture(params=HOSTILE)
def evil(request: pytest.FixtureRequest) -> str:
    return HOSTILE[request.param]


@pytest.fixture
def fake(evil: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeSwarm:
    """A swarm in which every value that others control is hostile."""
    name = f"bravo{evil}"
    snapshot = SwarmSnapshot(
        nodes=(
            node("alpha", role="manager", reachability="reachable", leader=True, labels={f"k{evil}": evil}),
            node(name, id="id-b", state="down", labels={"a": evil}),
            node(evil, id="id-c", address=evil, engine_labels={evil: evil}),
        ),
        services=(
            service(
                "app", update_state="paused", update_message=evil, constraints=(f"node.labels.x=={evil}",)
            ),
        ),
        tasks=(
            task("app", None, id="t1", state="pending", message=evil, error=evil),
            task("app", "b", id="t2", error=evil),
        ),
    )
    saved = Reason("saved_reason", text=evil)
    state = State(
        owned_labels={"id-c": frozenset({evil}), "gone": frozenset({evil})},
        moves={"id-app": Move(f"db{evil}", ("id-b",), 1.0)},
        attempts={"id-app": Attempts(1, 1.0, 1.0, saved, given_up=saved)},
        commands={f"id:{evil}": CommandRecord("relabel_all", "file", name, "i", 1.0, "failed", evil, 2.0)},
        other_sections={f"orcastra.{evil}": "1"},
    )
    fake = FakeSwarm(snapshot)
    fake.state, fake.damage = state, (f"label x: {evil}",)
    work_on(fake, desired({name: {"a": evil}, "ghost": {}}), monkeypatch)
    monkeypatch.setattr(application, "connect", lambda _options: fake.connect())
    monkeypatch.setenv("ORCASTRA_CONFIG_DIR", str(tmp_path))
    (tmp_path / "swarm.yml").write_text(
        "nodes: {alpha: {labels: [ssd]}, zulu: }\ndependencies: {db: [app]}\n"
    )
    return fake


@pytest.fixture(autouse=True)
def reset_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def assert_harmless(text: str) -> None:
    bad = {character for character in text if character != "\n" and not is_printable(character)}
    assert not bad, text
    text.encode()


@pytest.mark.parametrize(
    "arguments",
    [["plan", "--explain"], ["status"], ["what-if", "--lose", "any"], ["what-if", "--add", "x:1GB"]],
)
def test_commands_escape_text_and_json(
    fake: FakeSwarm, evil: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = {}
    for form in ("text", "json"):
        cli.main([*arguments, "--format", form])
        printed = capsys.readouterr()
        assert_harmless(printed.out)
        assert_harmless(printed.err)
        lines[form] = printed.out.splitlines()
    json.loads("\n".join(lines["json"]))
    # a line break in a value doesn't start a new line
    assert sum(line.startswith("1 change pending:") for line in lines["text"]) <= (arguments[0] == "plan")


@pytest.mark.parametrize("debug", [False, True])
def test_errors_are_escaped(
    evil: str, debug: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error in (OrcastraError(f"a{evil}b"), RuntimeError(evil)):

        def fail(*_arguments: Any, error: Exception = error) -> int:
            raise error

        monkeypatch.setattr(cli, "_status", fail)
        assert cli.main(["status", *(["--debug"] if debug else [])]) == 1
        printed = capsys.readouterr().err
        assert_harmless(printed)
        if not debug:
            assert printed.count("\n") == 1


def test_config_check_is_escaped(
    evil: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORCASTRA_CONFIG_DIR", str(tmp_path))
    for data in ({evil: 1}, {"nodes": {"a": {evil: evil}}}, {"leader": evil}, {"nodes": {f"x{evil}": None}}):
        (tmp_path / "swarm.yml").write_bytes(yaml.dump(data).encode(errors="replace"))
        assert cli.main(["config", "check"]) == 2
        printed = capsys.readouterr()
        assert_harmless(printed.out + printed.err)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_log_is_escaped(evil: str, log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(log_format, debug=True)
    logger = log.get_logger()
    event = f"done{evil}"
    logger.info(event, what=evil, why=[evil], a=evil)
    logger.error("oops", error=evil, traceback=f"Traceback\nx: {evil}")
    printed = capsys.readouterr().err
    assert_harmless(printed)
    assert log_format == "text" or all(json.loads(line) for line in printed.splitlines())


def test_command_results_are_escaped(evil: str, tmp_path: Path) -> None:
    path = tmp_path / "orch.command.yml"
    path.write_text("")
    write_results(path, [{"command": "relabel_all", "status": "failed", "message": evil, "line": 3}])
    assert_harmless((tmp_path / "orch.command.results.yml").read_text())


def test_step_of_a_result_is_escaped(fake: FakeSwarm, evil: str) -> None:
    seen = fake.observe(None)
    snapshot = replace(seen.snapshot, services=(), tasks=())
    plan = commands.plan_all(replace(seen, snapshot=snapshot), desired({f"bravo{evil}": {"a": "1"}}))
    for step in plan.steps:
        result = step.to_result()
        for text in (result["summary"], result["target"], *map(text_of, result["why"] + result["why_not"])):
            assert_harmless(text)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: one clear error message, the right exit code, no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import structlog

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import AccessDenied, NotAManager
from orcastra_runner import application, cli, commands
from orcastra_runner.settings import VARIABLES
from orcastra_runner.version import __version__
from tests.support.builders import desired, service, task
from tests.support.runner_process import environment, orcastra
from tests.unit.orcastra_runner.fakes import FakeSwarm, three_nodes, work_on

NO_ENGINE = "tcp://127.0.0.1:1"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSwarm:
    """The commands see this swarm."""
    fake = three_nodes()
    work_on(fake, desired(), monkeypatch)
    monkeypatch.setattr(application, "connect", lambda _options: fake.connect())
    return fake


@pytest.fixture(autouse=True)
def reset_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "command",
    [[], ["run"], ["plan"], ["what-if"], ["status"], ["command"], ["healthcheck"], ["config"],
     ["config", "check"], ["config", "schema"]],
)  # fmt: skip
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for arguments in ([*command, "--help"], ["help", *command]):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert shown[0].startswith(" ".join(["usage: orcastra", *command]))
    # the table of variables is a separate topic
    assert "MAX_MISMATCH_DURATION" not in shown[0]
    assert len(shown[0].splitlines()) < 80


def test_help_environment_lists_all_variables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # this help is most useful while a variable is invalid
    monkeypatch.setenv("RELABEL_TIME", "soon")
    assert cli.main(["help", "environment"]) == 0
    out = capsys.readouterr().out
    for variable in VARIABLES:
        assert f"  {variable.name}\n" in out


def test_main_without_command_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == cli.EXIT_USAGE
    err = capsys.readouterr().err
    assert "usage: orcastra" in err
    assert "what-if" in err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["plann"], "plan"),
        (["whatif"], "what-if"),
        (["staus"], "status"),
        (["config", "chek"], "check"),
        (["healtcheck"], "healthcheck"),
        (["run", "--onc"], "--once"),
        (["plan", "--fromat=json"], "--format"),
        (["help", "comand"], "command"),
    ],
)
def test_parser_suggests_similar_names(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == cli.EXIT_USAGE
    assert f"did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ending", "options", "code"),
    [
        (application.Ending.SUCCEEDED, [], cli.EXIT_OK),
        (application.Ending.FAILED, [], cli.EXIT_FAILED),
        (application.Ending.STANDBY, [], cli.EXIT_OK),
        (application.Ending.STANDBY, ["--detailed-exitcode"], cli.EXIT_STANDBY),
        (application.Ending.SUCCEEDED, ["--detailed-exitcode"], cli.EXIT_OK),
        (application.Ending.FAILED, ["--detailed-exitcode"], cli.EXIT_FAILED),
    ],
)
def test_run_once_exit_codes(
    monkeypatch: pytest.MonkeyPatch, ending: application.Ending, options: list[str], code: int
) -> None:
    monkeypatch.setattr(commands, "run", lambda _settings: ending)
    assert cli.main(["run", "--once", *options]) == code


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"orcastra {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["run", "--onc"], ["plan", "--format", "xml"], ["config"]]
)
def test_parser_rejects_invalid_command_lines(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == cli.EXIT_USAGE
    assert "orcastra" in capsys.readouterr().err


def test_main_reports_all_invalid_variables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELABEL_TIME", "soon")
    monkeypatch.setenv("DRY_RUN", "maybe")
    assert cli.main(["run"]) == cli.EXIT_USAGE
    first, second = capsys.readouterr().err.splitlines()
    assert (first.split(": ")[1], first.rpartition(" found ")[2]) == ("RELABEL_TIME", "'soon'")
    assert (second.split(": ")[1], second.rpartition(" found ")[2]) == ("DRY_RUN", "'maybe'")


@pytest.mark.parametrize("command", [["run"], ["run", "--once"], ["plan"], ["config", "check"]])
def test_main_reports_all_configuration_errors(
    command: list[str], config_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config_dir / "swarm.yml").write_text("nodes:\n  alpha: {labels: 3}\nfoo: 1\n")
    assert cli.main([*command, "--config", str(config_dir)]) == cli.EXIT_USAGE
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"orcastra: {config_dir}/swarm.yml:2: nodes.alpha.labels: expected ")
    assert second.startswith(f"orcastra: {config_dir}/swarm.yml:3: foo: expected ")


def test_main_names_the_paths_without_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["config", "check", "--config", str(tmp_path)]) == cli.EXIT_USAGE
    assert f"{tmp_path}/swarm.yml" in capsys.readouterr().err


def test_config_option_overrides_variables(
    monkeypatch: pytest.MonkeyPatch, config_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWARM_FILE", "/nowhere/swarm.yml")
    monkeypatch.setenv("ORCASTRA_CONFIG_DIR", "/nowhere")
    assert cli.main(["config", "check", "--config", str(config_dir)]) == 0
    assert f" {config_dir}/swarm.yml\n" in capsys.readouterr().out


def test_config_schema_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) >= {"nodes", "dependencies"}


def test_plan(fake: FakeSwarm, config_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "--config", str(config_dir)]) == 0
    assert "  1. set ssd=true on node alpha" in capsys.readouterr().out
    assert cli.main(["plan", "--config", str(config_dir), "--detailed-exitcode"]) == cli.EXIT_CHANGES
    fake.label("alpha", ssd="true")
    assert cli.main(["plan", "--config", str(config_dir), "--detailed-exitcode"]) == 0
    assert [engine.closed for engine in fake.engines] == [1, 1, 1]


def test_plan_as_json(fake: FakeSwarm, config_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "--config", str(config_dir), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"][0]["target"] == "node alpha"


def test_plan_includes_membership_repair(
    fake: FakeSwarm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "swarm.yml").write_text(
        "managers: 3\n"
        "nodes: {alpha: {}, bravo: {availability: active}, charlie: {}}\n"
        "swarm: {task_history_limit: 3}\n"
    )
    fake.settings = {"Spec": {"Orchestration": {"TaskHistoryRetentionLimit": 3}}}
    plan = ["plan", "--config", str(tmp_path)]
    fake.change_nodes(lambda one: replace(one, reachability="reachable"))
    assert cli.main([*plan, "--detailed-exitcode"]) == cli.EXIT_OK
    capsys.readouterr()

    fake.settings["Spec"]["Orchestration"]["TaskHistoryRetentionLimit"] = 5
    changes: dict[str, dict[str, Any]] = {
        "bravo": {"availability": "pause"},
        "charlie": {"role": "worker", "reachability": None},
    }
    fake.change_nodes(lambda one: replace(one, **changes.get(one.hostname, {})))
    assert cli.main([*plan, "--format", "json", "--detailed-exitcode"]) == cli.EXIT_CHANGES
    found = json.loads(capsys.readouterr().out)
    assert {step["action"] for step in found["plan"]} == {
        "update_swarm",
        "promote_node",
        "set_availability",
    }
    assert all(step["summary"] and step["why"] for step in found["plan"])
    assert fake.state == State()


def test_status_needs_no_configuration(fake: FakeSwarm, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status"]) == 0
    out = capsys.readouterr().out
    assert "Leader:    alpha" in out
    assert "Services:\n  shop_db  1 of 1 on bravo\n" in out
    assert cli.main(["status", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["leader"] == "alpha"


def test_status_shows_a_table_of_the_services(fake: FakeSwarm, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--services"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["SERVICE", "TASKS", "NODES"]
    assert [row.split() for row in rows] == [["shop_db", "1/1", "bravo"]]
    assert cli.main(["status", "--services", "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["services"]
    assert (found["name"], found["running"], found["nodes"]) == ("shop_db", 1, {"bravo": 1})
    assert (found["follows"], found["followers"], found["misplaced"]) == ([], [], False)


def test_status_shows_roles_with_a_configuration(
    fake: FakeSwarm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.snapshot = replace(
        fake.snapshot,
        services=(*fake.snapshot.services, service("shop_app")),
        tasks=(*fake.snapshot.tasks, task("shop_app", "alpha")),
    )
    (tmp_path / "swarm.yml").write_text("dependencies: {db: {stack: shop, services: [app]}}\n")
    assert cli.main(["status", "--services", "--format", "json", "--config", str(tmp_path)]) == 0
    app, db = json.loads(capsys.readouterr().out)["services"]
    assert (app["follows"], app["misplaced"], db["followers"]) == (["shop_db"], True, ["shop_app"])


@pytest.mark.parametrize("name", ["shop_db", "db", "id-shop_db"])
def test_plan_explains_a_service(
    name: str,
    fake: FakeSwarm,
    config_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STACK_NAME", "shop")
    explain = ["plan", "--explain", name, "--config", str(config_dir)]
    assert cli.main([*explain, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["node"], one["status"]) for one in found["nodes"]] == [
        ("alpha", "possible"), ("bravo", "runs"), ("charlie", "possible"),
    ]  # fmt: skip
    assert [reason["code"] for reason in found["why"]] == ["swarm_chose"]
    assert (found["service"], found["plan"], found["short_of_tasks"]) == ("shop_db", [], [])
    assert cli.main(explain) == 0
    assert capsys.readouterr().out.startswith("shop_db runs on bravo\n")


def test_plan_suggests_a_service_to_explain(
    fake: FakeSwarm, config_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["plan", "--explain", "shop_dd", "--config", str(config_dir)]) == cli.EXIT_USAGE
    assert "did you mean 'shop_db'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("plan",), ("status",), ("what-if", "--lose", "any"), ("init", "--output", "-"),
     ("config", "check", "--live"), ("command", "restart_service", "web")],
)  # fmt: skip
def test_main_ends_the_error_about_an_unreachable_engine_with_a_hint(
    arguments: tuple[str, ...], config_dir: Path
) -> None:
    result = orcastra(*arguments, "--config", config_dir, DOCKER_HOST=NO_ENGINE)
    assert result.returncode == cli.EXIT_FAILED
    error, hint = result.stderr.splitlines()
    assert error.startswith(f"orcastra: {NO_ENGINE}: ")
    assert hint == f"orcastra: {cli.DOCTOR_HINT}"


@pytest.mark.parametrize("error", [NotAManager("a worker"), AccessDenied("a proxy refuses")])
def test_main_hints_at_the_doctor_for_other_connection_errors(
    error: Exception, fake: FakeSwarm, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.errors = [error]
    assert cli.main(["status"]) == cli.EXIT_FAILED
    assert capsys.readouterr().err.splitlines() == [f"orcastra: {error}", f"orcastra: {cli.DOCTOR_HINT}"]


def test_once_with_an_unreachable_engine_fails(config_dir: Path) -> None:
    result = orcastra("run", "--once", "--config", config_dir, DOCKER_HOST=NO_ENGINE)
    assert result.returncode == cli.EXIT_FAILED
    assert NO_ENGINE in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_adds_the_traceback(config_dir: Path) -> None:
    result = orcastra("plan", "--debug", "--config", config_dir, DOCKER_HOST=NO_ENGINE)
    assert result.stderr.startswith(f"orcastra: {NO_ENGINE}: ")
    assert "Traceback" in result.stderr


def test_main_rejects_invalid_connection_settings(config_dir: Path) -> None:
    result = orcastra("run", "--config", config_dir, DOCKER_TIMEOUT="soon")
    assert result.returncode == cli.EXIT_USAGE
    assert "timeout" in result.stderr


@pytest.mark.parametrize("error", [OrcastraError("a clear sentence"), RuntimeError("a bug")])
def test_main_reports_any_error_without_traceback(
    error: Exception, fake: FakeSwarm, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.errors = [error]
    assert cli.main(["status"]) == cli.EXIT_FAILED
    err = capsys.readouterr().err
    assert str(error) in err
    assert "Traceback" not in err


def test_run_once_logs_json(config_dir: Path) -> None:
    result = orcastra(
        "run", "--once", "--log-format", "json", "--config", config_dir,
        DOCKER_HOST=NO_ENGINE, ORCASTRA_TYPO="1",
    )  # fmt: skip
    entries = [json.loads(line) for line in result.stderr.splitlines()]
    assert entries[0]["files"] == [f"{config_dir}/swarm.yml"]
    warnings = [entry for entry in entries if entry["level"] == "warning"]
    assert [(entry["event"], entry["summary"].partition(":")[0]) for entry in warnings] == [
        ("configuration warning", "ORCASTRA_TYPO")
    ]
    assert entries[-1]["level"] == "error"


def test_help_and_version_load_neither_ansible_nor_docker() -> None:
    code = (
        "import sys, orcastra_runner.cli as c; c.build_parser();"
        "print([m for m in ('docker', 'ansible', 'ansible_runner', 'jsonschema') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert out.stdout == "[]\n"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``config check`` and every other command report all errors at once, before they ask an engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from orcastra_runner import cli
from orcastra_runner.preflight import load
from orcastra_runner.settings import read_settings

COMMANDS = [
    ["config", "check"],
    ["plan"],
    ["what-if", "--lose", "any"],
    ["run"],
    ["run", "--once"],
    ["command", "relabel_all"],
]


@pytest.fixture(autouse=True)
def reset_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def folder(config_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORCASTRA_CONFIG_DIR", str(config_dir))
    monkeypatch.setenv("MOD_MANAGER_CONFIG", "/etc/mods/config.json")
    return config_dir


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Return the errors of the command, line by line."""
    assert cli.main(arguments) == cli.EXIT_USAGE
    err = capsys.readouterr().err
    assert all(line.startswith("orcastra: ") for line in err.splitlines())
    return [line.removeprefix("orcastra: ") for line in err.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "variable",
    [
        "SWARM_FILE",
        "NODES_FILE",
        "DEPENDENCIES_FILE",
        "REBALANCE_CONFIG",
        "MOD_MANAGER_CONFIG",
        "ORCASTRA_INVENTORY",
        "ORCASTRA_API_TOKEN_FILE",
    ],
)
def test_preflight_rejects_variables_with_missing_files(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    command: list[str],
) -> None:
    monkeypatch.setenv(variable, "/nonexistent/file.yml")
    (line,) = refused(capsys, *command)
    assert line.startswith(f"{variable}: expected ")
    assert "/nonexistent/file.yml" in line


@pytest.mark.parametrize("command", COMMANDS)
def test_preflight_reports_all_errors_at_once(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    missing = ("NODES_FILE", "REBALANCE_CONFIG", "ORCASTRA_INVENTORY", "ORCASTRA_API_TOKEN_FILE")
    for name in missing:
        monkeypatch.setenv(name, "/nonexistent/file.yml")
    file = tmp_path / "file"
    file.write_text("")
    for name in ("ORCASTRA_STATE_DIR", "ORCASTRA_ARTIFACTS_DIR", "MOD_MANAGER_DEST"):
        monkeypatch.setenv(name, str(file))
    monkeypatch.setenv("COMMAND_FILE", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1")
    monkeypatch.setenv("ORCASTRA_MANAGER_HOST", "mgr-a")
    assert {line.partition(":")[0] for line in refused(capsys, *command)} == {
        *missing,
        "ORCASTRA_STATE_DIR",
        "ORCASTRA_ARTIFACTS_DIR",
        "MOD_MANAGER_DEST",
        "COMMAND_FILE",
        "DOCKER_HOST",
        "ORCASTRA_MANAGER_HOST",
    }


def test_config_check_reports_variables_and_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "swarm.yml").write_text("nodes: 3\n")
    (folder / "rebalance_config.yml").write_text("servces: {}\n")
    (folder / "deploy_node_exporter.yml").write_text("imag: x\n")
    (folder / "node_exporter_deploy.yaml").write_text("")
    mods = tmp_path / "mods.json"
    mods.write_text('{"modz": []}')
    monkeypatch.setenv("MOD_MANAGER_CONFIG", str(mods))
    monkeypatch.setenv("TZ", '"Europe/Berlin"')
    monkeypatch.setenv("RELABEL_TIME", "60s")
    lines = refused(capsys, "config", "check")
    assert [line.partition(":")[0] for line in lines] == [
        "TZ",
        "RELABEL_TIME",
        f"{folder}/swarm.yml",
        f"{folder}/rebalance_config.yml",
        str(mods),
        f"{folder}/deploy_node_exporter.yml",
        f"{folder}/node_exporter_deploy.yaml",
    ]


@pytest.mark.parametrize(
    "address",
    [
        "tcp://",
        "tcp://10.0.0.1",
        "tcp://10.0.0.1:port",
        "tcp://10.0.0.1:99999",
        "10.0.0.1",
        "foo://10.0.0.1:2375",
        "/var/run/docker.sock",
        "'tcp://10.0.0.1:2375'",
        '"unix:///var/run/docker.sock"',
    ],
)
@pytest.mark.parametrize("variable", ["DOCKER_HOST", "ORCASTRA_MANAGER_HOST"])
def test_preflight_rejects_invalid_engine_addresses(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    address: str,
) -> None:
    monkeypatch.setenv(variable, address)
    (line,) = refused(capsys, "config", "check")
    assert line.startswith(f"{variable}: expected ")


@pytest.mark.parametrize(
    "address",
    [
        "unix:///var/run/docker.sock",
        "tcp://10.0.0.1:2375",
        "tcp://[::1]:2375",
        "ssh://root@mgr-a",
        "http://10.0.0.1:2375",
        "mgr-a:2375",
    ],
)
def test_preflight_accepts_valid_engine_addresses(
    folder: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    monkeypatch.setenv("ORCASTRA_MANAGER_HOST", address)
    assert cli.main(["config", "check"]) == 0


@pytest.mark.parametrize(
    ("name", "value"), [("DOCKER_TIMEOUT", "soon"), ("DOCKER_TLS", "perhaps"), ("DOCKER_TLS_VERIFY", '"1"')]
)
def test_preflight_checks_connection_variables(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert len(refused(capsys, "config", "check")) == 1


def test_preflight_accepts_variables_with_default_paths(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Compose file that sets all variables of the table, with another folder."""
    for name, file in (
        ("SWARM_FILE", "swarm.yml"),
        ("NODES_FILE", "nodes.yml"),
        ("DEPENDENCIES_FILE", "dependencies.yml"),
        ("REBALANCE_CONFIG", "rebalance_config.yml"),
        ("COMMAND_FILE", "commands/swarm-orch.command.yml"),
    ):
        monkeypatch.setenv(name, str(folder / file))
    monkeypatch.setenv("MOD_MANAGER_CONFIG", "/etc/mods/config.json")
    assert cli.main(["config", "check"]) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith(f"in {folder}/swarm.yml\n")
    assert [line.split(":")[2].strip() for line in captured.err.splitlines()] == [
        "DEPENDENCIES_FILE",
        "NODES_FILE",
        "REBALANCE_CONFIG",
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "nodes:\n"])
def test_config_check_warns_about_empty_files(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (folder / "swarm.yml").write_text(text)
    (folder / "rebalance_config.yml").write_text("")
    assert cli.main(["config", "check"]) == 0
    err = capsys.readouterr().err
    assert f"warning: {folder}/swarm.yml:" in err
    assert f"warning: {folder}/rebalance_config.yml:" in err


def test_config_check_warns_about_unknown_and_empty_variables(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORCASTRA_LEADR", "always")
    (folder / "deploy_node_exporter.yml").write_text("labels: {url: 'https://x.${TLD}'}\n")
    assert cli.main(["config", "check"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "did you mean 'ORCASTRA_LEADER'?" in lines[0]
    assert f"{folder}/deploy_node_exporter.yml:1: labels.url: expected the variable TLD" in lines[1]


def test_load_ignores_errors_in_other_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "deploy_node_exporter.yml").write_text("imag: x\n")
    mods = tmp_path / "mods.json"
    mods.write_text('{"modz": []}')
    monkeypatch.setenv("MOD_MANAGER_CONFIG", str(mods))
    configuration, _rules = load(read_settings())
    assert configuration.desired.nodes


def test_preflight_accepts_yaml_like_yml(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "swarm.yml").rename(folder / "swarm.yaml")
    for name in ("nodes", "dependencies", "rebalance_config", "deploy_node_exporter"):
        (folder / f"{name}.yaml").write_text("{}\n")
    assert cli.main(["config", "check"]) == 0
    out = capsys.readouterr().out
    for name in ("swarm", "nodes", "dependencies", "rebalance_config", "deploy_node_exporter"):
        assert f"{folder}/{name}.yaml" in out
    (folder / "commands").mkdir()
    for name in (
        "swarm", "nodes", "dependencies", "rebalance_config", "deploy_node_exporter",
        "commands/swarm-orch.command",
    ):  # fmt: skip
        for ending in ("yml", "yaml"):
            (folder / f"{name}.{ending}").write_text("{}\n")
        (line,) = refused(capsys, "config", "check")
        assert f"{Path(name).name}.yml and {Path(name).name}.yaml" in line
        (folder / f"{name}.yml").unlink()
    (folder / "swarm.yml").write_text("{}\n")
    with pytest.raises(ConfigError):
        load(read_settings())

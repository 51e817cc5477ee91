# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files and variables of the upstream project work unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter import (
    build_exporter,
    load_exporter,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import load_rebalance
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import Removals
from orcastra_runner import cli
from orcastra_runner.command.file import parse
from orcastra_runner.configuration import Configuration
from orcastra_runner.settings import Settings, collect_settings, unknown_variables

SWARM = """\
# everything in one
leader: mgr-a                      # host name of the first manager
advertise_addr: 10.0.0.11

nodes:
  mgr-a:
    ip: 10.0.0.11
    labels: [ mgr-a, lab, ubuntu, ext4 ]
  wrk-b:   {ip: 10.0.0.12, labels: [hdd]}
  # a physical host that is no node of the swarm
  host-1:
    ip: 10.0.0.1
    labels: [ host-1, zfs ]

options:
  prune_unknown_labels: false

# co-location dependencies
dependencies:

  ## APPS

  wiki_db:
    stack: apps
    restart_dependents: true
    retry_intervals: [ 2, 10, 60, 300, 900 ]
    services:
    - wiki
    - wiki_cache

  # old_db:
  #   stack: apps
  #   services:
  #   - old

  auth-db:
    stack: proxy
    restart_dependents: false
    retry_intervals: [ 2, 10, 60, 300, 900 ]
    services:
    - auth-server
    - auth-worker

  search: [indexer, crawler]
"""
NODES, _, DEPENDENCIES = SWARM.partition("# co-location dependencies\n")
REBALANCE = """\
comonitor_interval_seconds: 30  # how often

default:
  cooldown_minutes: 15
  sustained_high_minutes: 10
  memory_difference_gb: 2
  rebalance_buffer_gb: 1

node_exporter_nodes:
  host-1:
    exporter_url: http://10.0.0.1:9100/metrics

node_exporters:
  wrk-b: http://10.0.0.12:9100/metrics

node_map:
  mgr-a: host-1

services:
  wiki_db:
    cooldown_minutes: 30
    memory_difference_gb: 3
"""
EXPORTER = """\
name: node_exporter
image: prom/node-exporter:latest
args:
- --path.procfs=/host/proc
- --collector.filesystem.mount-points-exclude=^/(sys|proc)($$|/)
mounts:
- source: /proc
  target: /host/proc
  read_only: true
- source: /etc/localtime
  target: /etc/localtime
  read_only: true
timezone:
  bind_local: true
  env_tz: true
networks:
- monitoring
ports:
- published: 9100
  target: 9100
  protocol: tcp
  mode: host
deploy:
  mode: global
  endpoint_mode: vip
  placement:
    constraints:
    - node.platform.os == linux
  labels:
    compose.version: "full"
  restart_policy:
    condition: on-failure
    delay: 5s
    max_attempts: 2
    window: 60s
labels:
  probe.enabled: true
  probe.url: https://exporter.${TLD}
stop_grace_period: 30s
stop_signal: SIGTERM
healthcheck:
  test: [ "CMD-SHELL", "wget -qO- http://127.0.0.1:9100/metrics || exit 1" ]
  interval: 30s
  timeout: 10s
  retries: 5
  start_period: 20s
logging:
  driver: json-file
  options:
    max-size: 10m
    max-file: 5
"""
COMMANDS = """\
- relabel_all
- bootstrap_swarm
- update_dependents
- remove_all_labels
- restart_service:wiki
- reboot_node:wrk-b
- drain_node:wrk-b
- rebalance
- refresh_mods
- {command: restart_service, service: apps_wiki, id: monday, expires: 2099-02-02T06:00:00Z}
"""
# The variables of its table with its defaults, as a Compose file has them.
VARIABLES = {
    "STACK_NAME": "swarm-dev",
    "DEPENDENCIES_FILE": "/etc/swarm-orchestration/dependencies.yml",
    "REBALANCE_CONFIG": "/etc/swarm-orchestration/rebalance_config.yml",
    "NODES_FILE": "/etc/swarm-orchestration/nodes.yml",
    "SWARM_FILE": "/etc/swarm-orchestration/swarm.yml",
    "DEBUG": "false",
    "DRY_RUN": "false",
    "RUN_ONCE": "false",
    "EVENT_MODE": "false",
    "POLLING_MODE": "true",
    "MOD_MANAGER_CONFIG": "/etc/mods/config.json",
    "MOD_MANAGER_DEST": "/mnt/mods",
    "MOD_MANAGER_REFRESH_INTERVAL_MINUTES": "6",
    "RELABEL_TIME": "60",
    "LOOP_INTERVAL": "300",
    "RESTART_DEPENDENTS": "false",
    "MAX_MISMATCH_DURATION": "600",
    "AUTOHEAL_CHECK_INTERVAL": "30",
    "AUTOHEAL_GRACE_PERIOD": "60",
    "GC_CRON": "0 */4 * * *",
    "GC_FORCE_IMAGE_REMOVAL": "1",
    "GC_FORCE_CONTAINER_REMOVAL": "1",
    "GC_MINIMUM_IMAGES_TO_SAVE": "3",
    "GC_GRACE_PERIOD_SECONDS": "10800",
    "GC_DRY_RUN": "0",
    "GC_CLEAN_UP_VOLUMES": "1",
    "COMMAND_FILE": "/etc/swarm-orchestration/commands/swarm-orch.command.yml",
    "SENTRY_DSN": "https://key@sentry.example.org/1",
    "BOOTSTRAP_MODE": "watch",
    "PRUNE_UNKNOWN_LABELS": "false",
    "LOG_TO_FILE": "true",
    "TZ": "Europe/Berlin",
}


@pytest.fixture(autouse=True)
def reset_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def without_top(text: str, key: str) -> str:
    """Return the mapping under a key, as a separate file contains it."""
    lines = text.partition(f"{key}:\n")[2].splitlines(keepends=True)
    inner = []
    for line in lines:
        if line[:1] not in (" ", "\n", "#"):
            break
        inner.append(line.removeprefix("  "))
    return "".join(inner)


FOLDERS = {
    "all in one": {"swarm.yml": SWARM},
    "separate": {"nodes.yml": NODES, "dependencies.yml": DEPENDENCIES},
    "separate, without the top keys": {
        "nodes.yml": without_top(NODES, "nodes"),
        "dependencies.yml": without_top(DEPENDENCIES, "dependencies"),
    },
    "all of them": {"swarm.yml": SWARM, "nodes.yml": NODES, "dependencies.yml": DEPENDENCIES},
    "other endings": {"nodes.yaml": NODES, "dependencies.yaml": DEPENDENCIES},
}


@pytest.mark.parametrize("texts", FOLDERS.values(), ids=FOLDERS.keys())
def test_upstream_files_mean_the_same_in_every_arrangement(
    settings: Settings, tmp_path: Path, texts: dict[str, str]
) -> None:
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    desired = Configuration(replace(settings, config_dir=tmp_path)).desired
    assert desired.nodes["mgr-a"].labels == dict.fromkeys(("mgr-a", "lab", "ubuntu", "ext4"), "true")
    assert {name: node.ip for name, node in desired.nodes.items()} == {
        "mgr-a": "10.0.0.11",
        "wrk-b": "10.0.0.12",
        "host-1": "10.0.0.1",
    }
    assert {
        anchor: (one.stack, one.followers, one.restart_dependents)
        for anchor, one in desired.dependencies.items()
    } == {
        "wiki_db": ("apps", ("wiki", "wiki_cache"), True),
        "auth-db": ("proxy", ("auth-server", "auth-worker"), False),
        "search": ("swarm-dev", ("indexer", "crawler"), False),
    }
    assert (desired.node_removals, desired.dependency_removals) == (Removals.ALLOWED, Removals.ALLOWED)
    assert (desired.absent_sections, desired.warnings) == (frozenset(), ())


@pytest.mark.parametrize(
    "interval",
    [
        "comonitor_interval_seconds: 30",
        "monitor_interval_seconds: 30",
        "default: {check_interval_seconds: 30}",
    ],
)
def test_upstream_rebalancing_rules(tmp_path: Path, interval: str) -> None:
    text = REBALANCE.replace("comonitor_interval_seconds: 30", interval)
    if interval.startswith("default"):
        text = REBALANCE.replace("comonitor_interval_seconds: 30  # how often\n", "").replace(
            "default:\n", "default:\n  check_interval_seconds: 30\n"
        )
    path = tmp_path / "rebalance_config.yml"
    path.write_text(text)
    rebalance, _data = load_rebalance(path)
    assert rebalance.interval_seconds == 30
    assert rebalance.sources.node_map == {"mgr-a": "host-1"}
    assert set(rebalance.sources.node_exporters) == {"host-1", "wrk-b"}
    assert rebalance.rules.services["wiki_db"].cooldown_seconds == 1800


def test_upstream_node_exporter(tmp_path: Path) -> None:
    path = tmp_path / "deploy_node_exporter.yml"
    path.write_text(EXPORTER)
    found = load_exporter(path, {"TLD": "example.org"})
    desired = build_exporter(found.data, lambda: "Europe/Berlin")
    assert (desired.name, desired.port, found.warnings) == ("node_exporter", 9100, ())
    assert desired.spec["TaskTemplate"]["ContainerSpec"]["Env"] == ["TZ=Europe/Berlin"]


def test_upstream_command_file(tmp_path: Path) -> None:
    path = tmp_path / "swarm-orch.command.yml"
    path.write_text(COMMANDS)
    content = parse(*read_file(path))
    assert content.problems == ()
    assert len(content.entries) == len(COMMANDS.splitlines())


def test_upstream_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    settings, problems = collect_settings()
    assert (problems, unknown_variables()) == ([], [])
    assert (settings.stack_name, settings.relabel_time, settings.gc_dry_run) == ("swarm-dev", 60, False)


@pytest.mark.parametrize("texts", FOLDERS.values(), ids=FOLDERS.keys())
def test_upstream_files_pass_the_check_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], texts: dict[str, str]
) -> None:
    """Its Compose file sets all variables and mounts the folder; this test uses another folder."""
    files = {**texts, "rebalance_config.yml": REBALANCE, "deploy_node_exporter.yml": EXPORTER}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands" / "swarm-orch.command.yml").write_text(COMMANDS)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value.replace("/etc/swarm-orchestration", str(tmp_path)))
    monkeypatch.setenv("ORCASTRA_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("TLD", "example.org")
    assert cli.main(["config", "check"]) == 0
    out = capsys.readouterr().out
    assert "3 nodes and 3 dependencies" in out
    assert "deploy_node_exporter.yml" in out

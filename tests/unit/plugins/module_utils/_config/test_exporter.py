# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``deploy_node_exporter.yml`` and what Swarm is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter import (
    build_exporter,
    load_exporter,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError

SECOND = 1_000_000_000
WHOLE = """\
name: exporter
image: registry.example.org/exporter:1
args: ["--web.listen-address=:9101"]
mounts:
  - {source: /proc, target: /host/proc, read_only: true}
  - {source: data, target: /data}
networks: [monitoring]
ports: [{published: 9200, target: 9101, protocol: tcp, mode: host}]
deploy:
  mode: global
  endpoint_mode: dnsrr
  placement: {constraints: [node.role == worker]}
  labels: {owner: ops}
  restart_policy: {condition: on-failure, delay: 1m30s, max_attempts: 3, window: 10}
labels: [role=metrics]
healthcheck: {test: wget -q localhost:9101, interval: 10s, retries: 2}
logging: {driver: json-file, options: {max-size: 10m}}
stop_grace_period: 5s
stop_signal: SIGINT
timezone: {bind_local: true, env_tz: Europe/Berlin}
"""


def test_every_key(tmp_path: Path) -> None:
    path = tmp_path / "deploy_node_exporter.yml"
    path.write_text(WHOLE)
    wanted, data = load_exporter(path)
    assert (wanted.name, wanted.port, wanted.initial) == ("exporter", 9200, wanted.spec)
    assert wanted.spec == {
        "Name": "exporter",
        "Labels": {"owner": "ops"},
        "Mode": {"Global": {}},
        "EndpointSpec": {
            "Mode": "dnsrr",
            "Ports": [{"TargetPort": 9101, "PublishedPort": 9200, "Protocol": "tcp", "PublishMode": "host"}],
        },
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "registry.example.org/exporter:1",
                "Args": ["--web.listen-address=:9101"],
                "Env": ["TZ=Europe/Berlin"],
                "Labels": {"role": "metrics"},
                "Mounts": [
                    {"Type": "bind", "Source": "/proc", "Target": "/host/proc", "ReadOnly": True},
                    {"Type": "volume", "Source": "data", "Target": "/data", "ReadOnly": False},
                    {
                        "Type": "bind",
                        "Source": "/etc/localtime",
                        "Target": "/etc/localtime",
                        "ReadOnly": True,
                    },
                ],
                "Healthcheck": {
                    "Test": ["CMD-SHELL", "wget -q localhost:9101"],
                    "Interval": 10 * SECOND,
                    "Retries": 2,
                },
                "StopGracePeriod": 5 * SECOND,
                "StopSignal": "SIGINT",
            },
            "RestartPolicy": {
                "Condition": "on-failure",
                "Delay": 90 * SECOND,
                "MaxAttempts": 3,
                "Window": 10 * SECOND,
            },
            "Placement": {"Constraints": ["node.role == worker"]},
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "10m"}},
            "Networks": [{"Target": "monitoring"}],
        },
    }
    assert build_exporter(data) == wanted


def test_nothing_is_the_default() -> None:
    wanted = build_exporter({})
    assert (wanted.name, wanted.port, wanted.initial) == ("node-exporter", 9100, wanted.spec)
    template = wanted.spec["TaskTemplate"]
    assert template["ContainerSpec"]["Image"].startswith("prom/node-exporter:")
    assert all(mount["ReadOnly"] for mount in template["ContainerSpec"]["Mounts"])
    assert template["Networks"] == [{"Target": "host"}]


def test_what_is_not_said_is_as_in_the_default_only_at_the_start() -> None:
    wanted = build_exporter({"image": "mine", "ports": [{"target": 9100}]})
    assert wanted.spec["TaskTemplate"] == {"ContainerSpec": {"Image": "mine"}}
    assert wanted.initial["TaskTemplate"]["ContainerSpec"]["Args"]
    # ports and the host's network don't go together
    assert "Networks" not in wanted.initial["TaskTemplate"]


def test_the_time_zone_takes_no_mount_away() -> None:
    localtime = {"Type": "bind", "Source": "/etc/localtime", "Target": "/etc/localtime", "ReadOnly": True}
    wanted = build_exporter({"timezone": {"bind_local": True}})
    assert wanted.mounts == (localtime,)
    assert "Mounts" not in wanted.spec["TaskTemplate"]["ContainerSpec"]
    # at the start they are in the default's list
    assert wanted.initial["TaskTemplate"]["ContainerSpec"]["Mounts"][-1] == localtime
    assert len(wanted.initial["TaskTemplate"]["ContainerSpec"]["Mounts"]) == 4

    own = {"source": "/etc/zones/here", "target": "/etc/localtime", "read_only": True}
    wanted = build_exporter({"timezone": {"bind_local": True}, "mounts": [own]})
    assert wanted.mounts == ()
    (mount,) = wanted.spec["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert mount["Source"] == "/etc/zones/here"


def test_values_as_compose_files_have_them() -> None:
    options = {"max-size": "10m", "max-file": 3}
    wanted = build_exporter(
        {"ports": [{"published": "9200", "target": 9100}], "logging": {"options": options}}
    )
    assert wanted.port == 9200
    assert wanted.spec["EndpointSpec"]["Ports"][0]["PublishedPort"] == 9200
    assert wanted.spec["TaskTemplate"]["LogDriver"] == {"Options": {"max-size": "10m", "max-file": "3"}}
    for published in ("0", "65536", "http", "-1", 0, True):
        with pytest.raises(ConfigError, match="expected a port, 1 to 65535"):
            build_exporter({"ports": [{"published": published, "target": 9100}]})


def test_all_mistakes_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        build_exporter({"imag": "x", "args": [1], "stop_grace_period": "soon", "deploy": {"mode": "local"}})
    assert [problem.key for problem in caught.value.problems] == [
        "args[0]",
        "deploy.mode",
        "imag",
        "stop_grace_period",
    ]
    with pytest.raises(ConfigError) as caught:
        build_exporter(
            {
                "mounts": [
                    {"source": "proc", "target": "/p", "type": "bind"},
                    {"source": "/proc", "target": "/p"},
                ],
                "deploy": {"replicas": 2},
            }
        )
    assert [problem.key for problem in caught.value.problems] == [
        "deploy.replicas",
        "mounts[0].source",
        "mounts[1].target",
    ]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``deploy_node_exporter.yml`` and the service spec that it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter import (
    build_exporter,
    load_exporter,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from tests.support.problems import keyed, problems_of

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


def test_load_exporter_with_all_keys(tmp_path: Path) -> None:
    path = tmp_path / "deploy_node_exporter.yml"
    path.write_text(WHOLE)
    desired, data = load_exporter(path).desired, load_exporter(path).data
    assert (desired.name, desired.port, desired.initial) == ("exporter", 9200, desired.spec)
    assert desired.spec == {
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
    assert build_exporter(data) == desired


def test_build_exporter_without_content_gives_default() -> None:
    desired = build_exporter({})
    assert (desired.name, desired.port, desired.initial) == ("node-exporter", 9100, desired.spec)
    template = desired.spec["TaskTemplate"]
    assert template["ContainerSpec"]["Image"].startswith("prom/node-exporter:")
    assert all(mount["ReadOnly"] for mount in template["ContainerSpec"]["Mounts"])
    assert template["Networks"] == [{"Target": "host"}]


def test_build_exporter_uses_defaults_only_for_creation() -> None:
    desired = build_exporter({"image": "mine", "ports": [{"target": 9100}]})
    assert desired.spec["TaskTemplate"] == {"ContainerSpec": {"Image": "mine"}}
    assert desired.initial["TaskTemplate"]["ContainerSpec"]["Args"]
    # published ports and the host network exclude each other
    assert "Networks" not in desired.initial["TaskTemplate"]


def test_time_zone_keeps_other_mounts() -> None:
    localtime = {"Type": "bind", "Source": "/etc/localtime", "Target": "/etc/localtime", "ReadOnly": True}
    desired = build_exporter({"timezone": {"bind_local": True}})
    assert desired.mounts == (localtime,)
    assert "Mounts" not in desired.spec["TaskTemplate"]["ContainerSpec"]
    # on creation it is added to the default mounts
    assert desired.initial["TaskTemplate"]["ContainerSpec"]["Mounts"][-1] == localtime
    assert len(desired.initial["TaskTemplate"]["ContainerSpec"]["Mounts"]) == 4

    own = {"source": "/etc/zones/here", "target": "/etc/localtime", "read_only": True}
    desired = build_exporter({"timezone": {"bind_local": True}, "mounts": [own]})
    assert desired.mounts == ()
    (mount,) = desired.spec["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert mount["Source"] == "/etc/zones/here"


def test_build_exporter_accepts_quoted_ports_and_numbers_as_options() -> None:
    options = {"max-size": "10m", "max-file": 3}
    desired = build_exporter(
        {"ports": [{"published": "9200", "target": 9100}], "logging": {"options": options}}
    )
    assert desired.port == 9200
    assert desired.spec["EndpointSpec"]["Ports"][0]["PublishedPort"] == 9200
    assert desired.spec["TaskTemplate"]["LogDriver"] == {"Options": {"max-size": "10m", "max-file": "3"}}
    for published in ("0", "65536", "http", "-1", 0, True):
        data = {"ports": [{"published": published, "target": 9100}]}
        (problem,) = problems_of(lambda data=data: build_exporter(data))
        assert problem.key == "ports[0].published"


def test_build_exporter_reports_all_problems_at_once() -> None:
    data = {"imag": "x", "args": [1], "stop_grace_period": "soon", "deploy": {"mode": "local"}}
    assert keyed(problems_of(lambda: build_exporter(data))) == [
        ("wrong_type", "args[0]"),
        ("invalid_value", "deploy.mode"),
        ("unknown_key", "imag"),
        ("invalid_value", "stop_grace_period"),
    ]
    data = {
        "mounts": [
            {"source": "proc", "target": "/p", "type": "bind"},
            {"source": "/proc", "target": "/p"},
        ],
        "deploy": {"replicas": 2},
    }
    assert keyed(problems_of(lambda: build_exporter(data))) == [
        ("conflict", "deploy.replicas"),
        ("invalid_value", "mounts[0].source"),
        ("duplicate", "mounts[1].target"),
    ]


# The structure of the upstream project's file, with our own values.
UPSTREAM = """\
# runs on every node
name: metrics_of_nodes
image: prom/node-exporter:latest
args:
- --path.procfs=/host/proc
- --path.rootfs=/rootfs
- --collector.filesystem.mount-points-exclude=^/(sys|proc|dev)($$|/)
mounts:
- source: /proc
  target: /host/proc
  read_only: true
- source: /var/log
  target: /var/log
  read_only: false
- source: /etc/localtime
  target: /etc/localtime
  read_only: true
timezone:
  bind_local: true # of the host
  env_tz: true
networks:
- metrics-net
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
  restart_policy: {condition: on-failure, delay: 5s, max_attempts: 2, window: 60s}
labels:
  probe.enabled: true
  probe.url: https://node-exporter.${TLD}
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


def test_load_exporter_accepts_upstream_structure(tmp_path: Path) -> None:
    path = tmp_path / "deploy_node_exporter.yml"
    path.write_text(UPSTREAM)
    found = load_exporter(path, {"TLD": "example.org"})
    assert found.warnings == ()
    desired = build_exporter(found.data, lambda: "Europe/Berlin")
    container = desired.spec["TaskTemplate"]["ContainerSpec"]
    assert container["Env"] == ["TZ=Europe/Berlin"]
    assert container["Args"][-1].endswith("($|/)")
    assert container["Labels"] == {"probe.enabled": "true", "probe.url": "https://node-exporter.example.org"}
    assert [mount["Target"] for mount in container["Mounts"]] == ["/host/proc", "/var/log", "/etc/localtime"]
    assert (desired.name, desired.port) == ("metrics_of_nodes", 9100)


def test_load_exporter_warns_about_unset_variables(tmp_path: Path) -> None:
    path = tmp_path / "deploy_node_exporter.yml"
    path.write_text(UPSTREAM)
    found = load_exporter(path, {})
    assert found.data["labels"]["probe.url"] == "https://node-exporter.${TLD}"
    (warning,) = found.warnings
    assert (warning.code, warning.key, warning.file) == ("unset_variable", "labels.probe.url", str(path))
    assert warning.line == UPSTREAM.splitlines().index("  probe.url: https://node-exporter.${TLD}") + 1
    assert "TLD" in warning.expected


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n"])
def test_load_exporter_rejects_blank_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deploy_node_exporter.yml"
    path.write_text(text)
    assert keyed(problems_of(lambda: load_exporter(path))) == [("blank", "")]
    path.write_text("{}")
    assert load_exporter(path).desired == build_exporter({})


def test_env_tz_uses_time_zone_of_host() -> None:
    localtime = {"Type": "bind", "Source": "/etc/localtime", "Target": "/etc/localtime", "ReadOnly": True}
    for zone, environment, mounts in (
        (True, ["TZ=Asia/Tokyo"], []),
        ("Europe/Rome", ["TZ=Europe/Rome"], []),
        (False, None, []),
    ):
        definition = {"timezone": {"env_tz": zone}, "mounts": []}
        container = build_exporter(definition, lambda: "Asia/Tokyo").spec["TaskTemplate"]["ContainerSpec"]
        assert (container.get("Env"), container["Mounts"]) == (environment, mounts)
    definition = {"timezone": {"env_tz": True}, "mounts": []}
    container = build_exporter(definition, lambda: None).spec["TaskTemplate"]["ContainerSpec"]
    assert (container.get("Env"), container["Mounts"]) == (None, [localtime])


@pytest.mark.parametrize(
    ("args", "port"),
    [
        (["--web.listen-address=:9101"], 9101),
        (["--web.listen-address", ":9101"], 9101),
        (["--a", "--web.listen-address", "127.0.0.1:9101", "--b"], 9101),
        (["--web.listen-address", "[::]:9101"], 9101),
        (["-web.listen-address=:9101"], 9101),
        (["--web.listen-address=0.0.0.0:9101"], 9101),
        (["--web.listen-address"], 9100),
        (["--web.listen-address", "--web.other=:9101"], 9100),
        (["--web.other", ":9101"], 9100),
        ([], 9100),
    ],
)
def test_port_comes_from_listen_address(args: list[str], port: int) -> None:
    assert build_exporter({"args": args}).port == port
    assert build_exporter({"command": args}).port == port


@pytest.mark.parametrize(
    ("given", "desired"),
    [
        ("9100:9100", {"published": 9100, "target": 9100}),
        ("9200:9100/udp", {"published": 9200, "target": 9100, "protocol": "udp"}),
        ("9100", {"target": 9100}),
        (9100, {"target": 9100}),
        ({"target": "9100", "published": "9200"}, {"published": 9200, "target": 9100}),
    ],
)
def test_build_exporter_accepts_short_ports(given: object, desired: dict[str, object]) -> None:
    assert build_exporter({"ports": [given]}) == build_exporter({"ports": [desired]})


@pytest.mark.parametrize(
    "given",
    ["127.0.0.1:9100:9100", "9100-9102:9100-9102", ":9100", "9100:", "http", "9100/xdp", "0:9100", 70000],
)
def test_build_exporter_rejects_invalid_ports(given: object) -> None:
    (problem,) = problems_of(lambda: build_exporter({"ports": [given]}))
    assert problem.key == "ports[0]"


@pytest.mark.parametrize(
    ("given", "desired"),
    [
        ("/proc:/host/proc:ro", {"source": "/proc", "target": "/host/proc", "read_only": True}),
        ("/proc:/host/proc", {"source": "/proc", "target": "/host/proc"}),
        (
            "/:/rootfs:ro,rslave",
            {"source": "/", "target": "/rootfs", "read_only": True, "propagation": "rslave"},
        ),
        ("data:/data:rw", {"source": "data", "target": "/data"}),
        ("/x:/y:z", {"source": "/x", "target": "/y"}),
        (
            {"type": "bind", "source": "/x", "target": "/y", "bind": {"propagation": "rslave"}},
            {"source": "/x", "target": "/y", "propagation": "rslave"},
        ),
    ],
)
def test_build_exporter_accepts_volumes(given: object, desired: dict[str, object]) -> None:
    assert build_exporter({"volumes": [given]}) == build_exporter({"mounts": [desired]})
    first = {"source": "/a", "target": "/a"}
    assert build_exporter({"mounts": [first], "volumes": [given]}) == build_exporter(
        {"mounts": [first, desired]}
    )


@pytest.mark.parametrize(
    ("volume", "key"),
    [
        ("/data", "volumes[0]"),
        ("./data:/data", "volumes[0].source"),
        ("~/data:/data", "volumes[0].source"),
        ("/a:b", "volumes[0]"),
        ("/a:/b:nope", "volumes[0]"),
        ({"source": "/a"}, "volumes[0].target"),
        ({"type": "tmpfs", "source": "a", "target": "/b"}, "volumes[0].type"),
    ],
)
def test_build_exporter_rejects_invalid_volumes(volume: object, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_exporter({"mounts": [{"source": "/z", "target": "/z"}], "volumes": [volume]})
    assert [problem.key for problem in caught.value.problems] == [key]


def test_build_exporter_with_resources_updates_and_placement() -> None:
    desired = build_exporter(
        {
            "deploy": {
                "resources": {
                    "limits": {"cpus": "0.50", "memory": "128M", "pids": 100},
                    "reservations": {"cpus": 0.1, "memory": 1048576},
                },
                "update_config": {
                    "parallelism": 0,
                    "delay": "10s",
                    "failure_action": "rollback",
                    "monitor": 30,
                    "max_failure_ratio": 0.1,
                    "order": "stop-first",
                },
                "rollback_config": {"parallelism": 2},
                "placement": {"preferences": [{"spread": "node.labels.zone"}], "max_replicas_per_node": 1},
            },
            "hostname": "{{.Node.Hostname}}",
            "user": 65534,
            "read_only": True,
            "cap_add": ["SYS_TIME", "cap_net_raw"],
            "cap_drop": ["all"],
            "entrypoint": "/bin/node_exporter --no-x",
            "command": "--web.max-requests=1 '--collector.a=b c'",
        }
    )
    assert desired.spec["TaskTemplate"]["Resources"] == {
        "Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 128 * 1024**2, "Pids": 100},
        "Reservations": {"NanoCPUs": 100_000_000, "MemoryBytes": 1048576},
    }
    assert desired.spec["UpdateConfig"] == {
        "Parallelism": 0,
        "Delay": 10 * SECOND,
        "FailureAction": "rollback",
        "Monitor": 30 * SECOND,
        "MaxFailureRatio": 0.1,
        "Order": "stop-first",
    }
    assert desired.spec["RollbackConfig"] == {"Parallelism": 2}
    assert desired.spec["TaskTemplate"]["Placement"] == {
        "MaxReplicas": 1,
        "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}],
    }
    assert desired.spec["TaskTemplate"]["ContainerSpec"] == {
        "Hostname": "{{.Node.Hostname}}",
        "User": "65534",
        "ReadOnly": True,
        "CapabilityAdd": ["CAP_SYS_TIME", "CAP_NET_RAW"],
        "CapabilityDrop": ["ALL"],
        "Command": ["/bin/node_exporter", "--no-x"],
        "Args": ["--web.max-requests=1", "--collector.a=b c"],
    }


@pytest.mark.parametrize(
    ("size", "count"),
    [("1b", 1), ("1k", 1024), ("2kb", 2048), ("1.5M", 1572864), ("64m", 64 << 20), ("1GB", 1 << 30),
     ("1gib", 1 << 30), (4096, 4096), ("4096", 4096), ("1 GB", 1 << 30)],
)  # fmt: skip
def test_size_becomes_bytes(size: object, count: int) -> None:
    found = build_exporter({"deploy": {"resources": {"limits": {"memory": size}}}})
    assert found.spec["TaskTemplate"]["Resources"]["Limits"] == {"MemoryBytes": count}


@pytest.mark.parametrize(
    ("definition", "key"),
    [
        ({"deploy": {"resources": {"limits": {"memory": "lots"}}}}, "deploy.resources.limits.memory"),
        ({"deploy": {"resources": {"limits": {"memory": -1}}}}, "deploy.resources.limits.memory"),
        ({"deploy": {"resources": {"limits": {"cpus": "half"}}}}, "deploy.resources.limits.cpus"),
        ({"deploy": {"resources": {"limit": {}}}}, "deploy.resources.limit"),
        ({"deploy": {"update_config": {"order": "any"}}}, "deploy.update_config.order"),
        ({"deploy": {"update_config": {"max_failure_ratio": 2}}}, "deploy.update_config.max_failure_ratio"),
        ({"deploy": {"placement": {"preferences": ["spread"]}}}, "deploy.placement.preferences[0]"),
        ({"cap_add": ["SYS TIME"]}, "cap_add[0]"),
        ({"args": ["a"], "command": "b"}, "command"),
        ({"command": "it's"}, "command"),
        ({"timezone": {"env_tz": 3}}, "timezone.env_tz"),
        ({"pid": "host"}, "pid"),
    ],
)
def test_build_exporter_rejects_invalid_deploy_keys(definition: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_exporter(definition)
    assert [problem.key for problem in caught.value.problems] == [key]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node_exporter and memory_metrics playbooks, run from a control node over SSH."""

from __future__ import annotations

import http.client
from typing import Any

from tests.integration.memory import TEXTFILE_DIR, memory_user, running
from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab, image
from tests.lab.host import Host
from tests.lab.wait import wait_until
from tests.support.exporter_image import exporter_image

DEFINITION = """\
name: exporter
image: test/node-exporter:1
args:
  - --path.procfs=/host/proc
  - --web.listen-address=:9101
  - --collector.disable-defaults
  - --collector.meminfo
mounts:
  - {source: /proc, target: /host/proc, read_only: true}
networks: [host]
deploy: {mode: global}
"""


def metrics(host: Host, port: int = 9100) -> str:
    connection = http.client.HTTPConnection(host.ip, port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_node_exporter_service_from_a_file(run_playbook: Playbooks, swarm: Lab) -> None:
    archive = exporter_image("test/node-exporter:1")
    swarm.each(lambda host: image.load(host, archive))
    run_playbook.write("deploy_node_exporter.yml", DEFINITION)
    playbook = "orcastra.swarm.node_exporter"
    variables = {"orcastra_node_exporter_file": "deploy_node_exporter.yml", "orcastra_node_exporter_wait": 60}

    checked = run_playbook(playbook, "--check", "--diff", **variables)
    assert (checked.status, checked.changed) == (0, 1), checked.failure
    assert '"Image": "test/node-exporter:1"' in checked.output
    assert swarm["alpha"].api("GET", "/services") == []

    done = run_playbook(playbook, **variables)
    assert (done.status, done.changed) == (0, 1), done.failure
    assert all("node_memory_MemAvailable_bytes" in metrics(host, 9101) for host in swarm)

    again = run_playbook(playbook, **variables)
    assert (again.status, again.changed) == (0, 0), again.failure

    run_playbook.write("deploy_node_exporter.yml", "imag: x\n")
    refused = run_playbook(playbook, **variables)
    assert refused.status == 2, refused.failure
    assert "deploy_node_exporter.yml:1: imag: expected one of name, image," in refused.output


def test_node_exporter_package(run_playbook: Playbooks, swarm: Lab) -> None:
    """The hosts already have the package. The test first stops the exporter that the lab started."""
    host = swarm["alpha"]
    host.sh(
        "kill $(pidof prometheus-node-exporter); while pidof prometheus-node-exporter; do sleep 0.1; done"
    )
    # normally created by the package, but the hosts don't have this machine's logs
    host.sh("mkdir -p /var/log/prometheus; chown prometheus: /var/log/prometheus")
    playbook = "orcastra.swarm.node_exporter"
    # a string, as with `-e name=value`
    variables = {"orcastra_node_exporter_method": "package", "orcastra_node_exporter_wait": "30"}
    try:
        checked = run_playbook(playbook, "--check", **variables)
        assert (checked.status, checked.changed) == (0, 1), checked.failure

        done = run_playbook(playbook, **variables)
        assert (done.status, done.changed) == (0, 1), done.failure
        assert "node_memory_MemAvailable_bytes" in metrics(host)

        again = run_playbook(playbook, **variables)
        assert (again.status, again.changed) == (0, 0), again.failure
    finally:
        # restore the lab's exporter
        host.run(["service", "prometheus-node-exporter", "stop"], check=False)
        host.reboot()


def test_memory_of_tasks_reaches_the_exporter(run_playbook: Playbooks, swarm: Lab) -> None:
    swarm["alpha"].api("POST", "/services/create", memory_user("user", 30, Mode={"Global": {}}))
    swarm.wait_until(lambda: running(swarm), timeout=60, what="the service")
    playbook = "orcastra.swarm.memory_metrics"

    checked = run_playbook(playbook, "--check", "--diff")
    assert checked.status == 0, checked.failure
    assert checked.changed >= 1
    assert swarm["alpha"].run(["test", "-e", "/usr/local/lib/orcastra"], check=False).returncode

    done = run_playbook(playbook, limit="all")
    assert (done.status, done.recap("bravo")["failed"]) == (0, 0), done.failure
    for host in swarm:
        assert 'service_name="user"' in metrics(host)
        job: Any = host.sh("cat /etc/cron.d/orcastra-memory-metrics").splitlines()[-1]
        assert job.startswith("*/1 * * * * root ")
        host.sh(f"rm {TEXTFILE_DIR}/orcastra_memory.prom; {job.partition(' root ')[2]}")
        assert "orcastra_container_memory_interval_seconds 60" in metrics(host)

    again = run_playbook(playbook)
    assert (again.status, again.changed) == (0, 0), again.failure
    swarm.each(
        lambda host: host.sh(f"rm /etc/cron.d/orcastra-memory-metrics {TEXTFILE_DIR}/orcastra_memory.prom")
    )


# The upstream project's format, with other typical content.
UPSTREAM = """\
name: metrics_of_nodes
image: test/node-exporter:1
command:
  - --path.procfs=/host/proc
  - --web.listen-address
  - :9100
  - --collector.disable-defaults
  - --collector.meminfo
  - --collector.netdev.device-exclude=^(veth.*)$$
volumes:
  - /proc:/host/proc:ro
  - {type: bind, source: /sys, target: /host/sys, read_only: true}
mounts:
  - {source: /etc/localtime, target: /etc/localtime, read_only: true}
timezone: {bind_local: true, env_tz: true}
networks: [metrics-net]
ports:
  - {published: 9200, target: 9100, protocol: tcp, mode: host}
deploy:
  mode: global
  endpoint_mode: vip
  placement:
    constraints: [node.platform.os == linux]
    preferences: [{spread: node.labels.zone}]
  resources:
    limits: {cpus: "0.50", memory: 128M, pids: 100}
    reservations: {cpus: "0.01", memory: 16M}
  update_config: {parallelism: 2, delay: 1s, failure_action: pause, monitor: 1s, order: stop-first}
  labels: {compose.version: "full"}
  restart_policy: {condition: on-failure, delay: 5s, max_attempts: 2, window: 60s}
labels:
  probe.enabled: true
  probe.url: https://node-exporter.${NO_SUCH_DOMAIN}
hostname: "exporter-{{.Node.Hostname}}"
cap_add: [SYS_TIME]
stop_grace_period: 30s
stop_signal: SIGTERM
healthcheck: {disable: true}
logging: {driver: json-file, options: {max-size: 10m, max-file: 5}}
"""


def test_upstream_configuration_file_is_accepted(run_playbook: Playbooks, swarm: Lab) -> None:
    archive = exporter_image("test/node-exporter:1")
    swarm.each(lambda host: image.load(host, archive))
    network = {"Name": "metrics-net", "Driver": "overlay", "Attachable": True}
    swarm.leader().api("POST", "/networks/create", network)
    run_playbook.write("deploy_node_exporter.yml", UPSTREAM)
    playbook = "orcastra.swarm.node_exporter"
    variables = {"orcastra_node_exporter_file": "deploy_node_exporter.yml", "orcastra_node_exporter_wait": 90}
    try:
        done = run_playbook(playbook, **variables)
        assert (done.status, done.changed) == (0, 1), done.failure
        assert "labels.probe.url" in done.output
        assert all("node_memory_MemAvailable_bytes" in metrics(host, 9200) for host in swarm)

        spec = swarm.leader().api("GET", "/services/metrics_of_nodes")["Spec"]
        container = spec["TaskTemplate"]["ContainerSpec"]
        assert container["Args"][-1] == "--collector.netdev.device-exclude=^(veth.*)$"
        assert container["Labels"]["probe.url"] == "https://node-exporter.${NO_SUCH_DOMAIN}"
        assert spec["TaskTemplate"]["Resources"]["Limits"]["MemoryBytes"] == 128 << 20

        again = run_playbook(playbook, **variables)
        assert (again.status, again.changed) == (0, 0), again.failure
    finally:
        swarm.leader().api("DELETE", "/services/metrics_of_nodes")
        wait_until(
            lambda: swarm.leader().api("DELETE", "/networks/metrics-net") or True,
            60,
            "the network to be removed",
        )

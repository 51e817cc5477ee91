# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated swarms whose output the guides show.

A console block under ``<!-- swarm: NAME -->`` shows the output of its commands on the swarm of that name. The
test ``tests/unit/docs/test_output.py`` runs them; with ``UPDATE_DOCS=1`` it writes the current output.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import carry_out
from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources, RebalanceRules
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.availability import plan_availability
from tests.behaviour.balancing import Balance
from tests.behaviour.world import SimWorld, Swarm
from tests.sim import Behaviour, Sim, swarm
from tests.sim.objects import Json
from tests.support.documents import CommandLine
from tests.support.runner_process import command, environment
from tests.unit.sim.controller import Controller

CONFIG_DIR = "/etc/swarm-orchestration"
MIB, GIB = 1024**2, 1024**3

_LABELS = """
nodes:
  mgr-a: {labels: [ssd, zfs]}
  wrk-d: {labels: {disk: hdd, room: cellar}}
"""
_DEPENDENCIES = """
dependencies:
  wiki_db: {stack: apps, services: [wiki, wiki_cache]}
"""


@dataclass
class Scene:
    """A swarm with its configuration, the content of files by name."""

    sim: Sim
    files: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, line: CommandLine, folder: Path) -> str:
        """Return a command's output, with the usual folder of the configuration in place of ``folder``."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.lstrip("\n"), encoding="utf-8")
        program, *arguments = line.words
        given = {
            "DOCKER_HOST": self.sim.docker_host(),
            "ORCASTRA_CONFIG_DIR": str(folder),
            "ORCASTRA_STATE_DIR": str(folder / "state"),
            "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(sys.path),
            **self.environment,
            **line.environment,
        }
        words = command(*arguments) if program == "orcastra" else [_beside(program), *arguments]
        with self.sim.real_time():
            done = subprocess.run(
                words,
                env=environment(**given),
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=240,
            )
        return re.sub(rf"{re.escape(str(folder))}", CONFIG_DIR, done.stdout)


def _beside(program: str) -> str:
    return str(Path(sys.executable).with_name(program))


def service(name: str, **parts: Any) -> Json:
    """A service's spec. ``volume``, ``constraint``, ``labels`` and ``memory`` (reserved bytes) add to it."""
    container: Json = {"Image": "example.org/app", "Mounts": []}
    if "volume" in parts:
        container["Mounts"] = [{"Type": "volume", "Source": parts["volume"], "Target": "/data"}]
    template: Json = {"ContainerSpec": container, "Placement": {"Constraints": []}}
    if "constraint" in parts:
        template["Placement"]["Constraints"] = [parts["constraint"]]
    if "memory" in parts:
        template["Resources"] = {"Reservations": {"MemoryBytes": parts["memory"]}}
    return {"Name": name, "TaskTemplate": template, "Labels": parts.get("labels", {})}


def _nodes(**options: float) -> Sim:
    return swarm(("mgr-a", "mgr-b", "mgr-c"), ("wrk-d",), heartbeat_seconds=2, **options)


def _place(sim: Sim, spec: Json, *hostnames: str) -> None:
    sim.place(spec, [sim.node(hostname) for hostname in hostnames])


def _place_apps(sim: Sim) -> None:
    _place(sim, service("apps_wiki_db", volume="apps_wiki_db"), "wrk-d")
    _place(sim, service("apps_wiki"), "wrk-d", "mgr-b")
    _place(sim, service("apps_wiki_cache"), "mgr-c")
    _place(sim, service("infra_proxy"), "mgr-a", "mgr-b")


@contextmanager
def _labels() -> Iterator[Scene]:
    """Labels are configured for two nodes, and none is set."""
    with _nodes() as sim:
        _place(sim, service("infra_proxy"), "mgr-a", "mgr-b")
        yield Scene(sim, {"swarm.yml": _LABELS})


@contextmanager
def _labelled() -> Iterator[Scene]:
    """Orcastra has set the labels, and another user one more."""
    with _labels() as scene:
        _settle(scene.sim, yaml.safe_load(_LABELS))
        node = scene.sim.node("mgr-b")
        node.spec["Labels"] = {"rack": "4"}
        scene.sim.store.touch(node)
        yield scene


@contextmanager
def _apart() -> Iterator[Scene]:
    """The followers do not run on the database's node."""
    with _nodes() as sim:
        _place_apps(sim)
        yield Scene(sim, {"swarm.yml": _LABELS + _DEPENDENCIES})


@contextmanager
def _together() -> Iterator[Scene]:
    """Orcastra has moved the followers to the database."""
    with _apart() as scene:
        _settle(scene.sim, yaml.safe_load(_LABELS + _DEPENDENCIES))
        yield scene


@contextmanager
def _drained() -> Iterator[Scene]:
    """Like ``together``, and a node is out of service."""
    with _together() as scene:
        options = ConnectionOptions(docker_host=scene.sim.docker_host(), timeout=10)
        with closing(connect(options)) as engine:
            seen = observe(engine)
            carry_out(engine, plan_availability(seen.snapshot, seen.state, "mgr-c", "drain", scene.sim.now))
        yield scene


@contextmanager
def _unbalanced() -> Iterator[Scene]:
    """wrk-d has been short of memory for more than ten minutes."""
    lasted = 660.0
    with _nodes(now=time.time() - lasted) as sim:
        for node in sim.store.nodes.values():
            node.memory_bytes, node.base_memory_bytes = 16 * GIB, GIB
        for name, used in (("apps_search", 5 * GIB), ("apps_indexer", 3 * GIB), ("apps_wiki_db", 2 * GIB)):
            sim.behave(name, Behaviour(memory_bytes=used))
        _place_apps(sim)
        _place(sim, service("apps_search"), "wrk-d")
        _place(sim, service("apps_indexer"), "wrk-d")
        port = sim.docker_host().rpartition(":")[2]
        url = f"http://{{address}}:{port}/metrics"
        with ExitStack() as engines:

            def to_engine(docker_host: str) -> Engine:
                options = ConnectionOptions(docker_host=docker_host, timeout=10)
                return engines.enter_context(closing(connect(options)))

            balance = Balance(
                Swarm(SimWorld(sim, to_engine)), MetricSources(node_exporter_url=url), lambda: sim.now
            )
            balance.rules = RebalanceRules()
            balance.desired = parse_config(yaml.safe_load(_LABELS + _DEPENDENCIES), stack_name="")
            while not balance.plan().steps:
                balance.cycle()
                sim.advance(10)
        files = {
            "swarm.yml": _LABELS + _DEPENDENCIES,
            "rebalance_config.yml": f"metrics: {{node_exporter_url: '{url}'}}\n",
        }
        yield Scene(sim, files)


@contextmanager
def _broken() -> Iterator[Scene]:
    """The configuration has errors."""
    with _nodes() as sim:
        text = "nodes:\n  mgr-a: {rol: manager}\n  wrk-d: {ip: 10.0.0.300}\n"
        yield Scene(sim, {"swarm.yml": text})


def _settle(sim: Sim, data: Mapping[str, Any]) -> None:
    """Let Orcastra work until nothing is left to do."""
    controller = Controller(sim, data, "mgr-a")
    for _cycle in range(60):
        plan = controller.cycle()
        if plan is not None and plan.is_empty and plan.requeue_after is None:
            break
        sim.advance(2)
    controller.close()


_INVENTORY = """
plugin: orcastra.swarm.swarm
swarm_file: swarm.yml
"""


@contextmanager
def _listed() -> Iterator[Scene]:
    """One node is unknown to the configuration, and one configured node is missing."""
    with _together() as scene:
        nodes = "  mgr-b:\n  wrk-e: {labels: {disk: hdd}}\n"
        yield Scene(scene.sim, {"swarm.yml": _LABELS + nodes + _DEPENDENCIES, "orcastra.yml": _INVENTORY})


SCENES: Mapping[str, Callable[[], AbstractContextManager[Scene]]] = {
    "labels": _labels,
    "labelled": _labelled,
    "apart": _apart,
    "together": _together,
    "drained": _drained,
    "unbalanced": _unbalanced,
    "broken": _broken,
    "listed": _listed,
}

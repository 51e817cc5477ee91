# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Discovery of the mods that services and containers ask for, also if it is incomplete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mod_discovery import discover_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import Discovery, refresh_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mods import URL, ModRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import build_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineError, NotFound

PREFIX = "com.linuxserver.mod."


class FakeEngine:
    """An engine with services and containers; ``state`` is its state in the swarm."""

    def __init__(self, state: str = "active", manager: bool = True) -> None:
        self.swarm = {"LocalNodeState": state, "ControlAvailable": manager, "NodeID": "n1"}
        self.services: list[dict[str, Any]] = []
        self.containers: dict[str, dict[str, Any]] = {}
        self.broken = False

    def info(self) -> dict[str, Any]:
        return {"Swarm": self.swarm, "Architecture": "x86_64", "Name": "host"}

    def list_services(self) -> list[dict[str, Any]]:
        if self.broken:
            raise EngineError("the engine is busy")
        return self.services

    def list_nodes(self) -> list[dict[str, Any]]:
        return [{"Description": {"Platform": {"Architecture": name}}} for name in ("x86_64", "aarch64")]

    def list_containers(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = []
        for key, raw in self.containers.items():
            listed.append({"Id": key, "Labels": raw.get("Config", {}).get("Labels")})
        return listed

    def get_container(self, container_id: str) -> dict[str, Any]:
        found = self.containers[container_id]
        if not found:
            raise NotFound("gone")
        return found

    def service(self, name: str, env: list[str] | None, own: Any = None, inner: Any = None) -> None:
        container = {"Env": env, "Labels": inner}
        self.services.append(
            {"Spec": {"Name": name, "Labels": own, "TaskTemplate": {"ContainerSpec": container}}}
        )

    def container(self, name: str, env: list[str] | None, labels: Any = None) -> None:
        self.containers[name] = {"Name": f"/{name}", "Config": {"Env": env, "Labels": labels}}


def discover(engine: FakeEngine, rules: ModRules | None = None, **more: Any) -> Discovery:
    return discover_mods(engine, rules or ModRules(), **more)  # type: ignore[arg-type]


def asked(found: Discovery) -> dict[str, tuple[str, ...]]:
    return {entry.title: entry.asked_by for entry in found.entries}


def test_discovery_reads_services_and_plain_containers() -> None:
    engine = FakeEngine()
    engine.service("one", ["A=b", "DOCKER_MODS=user/a| user/b:2 ||"], {f"{PREFIX}x": "user/c"})
    engine.service("two", None, {f"{PREFIX}x": "user/a"}, {f"{PREFIX}x": "HTTPS://host.example/a.jar"})
    engine.service("none", ["DOCKER_MODS_X=user/z", "XDOCKER_MODS=user/z"], {"other": "user/z"})
    engine.container("plain", ["DOCKER_MODS=user/d"], {f"{PREFIX}y": "user/b:2"})
    engine.container("task", ["DOCKER_MODS=user/z"], {"com.docker.swarm.service.id": "s1"})
    engine.containers["gone"] = {}
    found = discover(engine)
    assert asked(found) == {
        "user/a": ("service one", "service two"),
        "user/b:2": ("service one", "container plain"),
        "user/c": ("service one",),
        "https://host.example/a.jar": ("service two",),
        "user/d": ("container plain",),
    }
    assert [entry.kind for entry in found.entries if entry.kind == URL] == [URL]
    assert not any(entry.trusted for entry in found.entries)
    assert (found.complete, found.warnings, found.architectures) == (True, (), ("aarch64", "x86_64"))


def test_discovery_names_the_source_of_an_invalid_wish() -> None:
    engine = FakeEngine()
    engine.service("bad", ["DOCKER_MODS=host/a/b/c|user/good|../x"], {f"{PREFIX}u": "http://user:pw@host/a"})
    found = discover(engine)
    assert list(asked(found)) == ["user/good"]
    assert len(found.warnings) == 3
    assert {(one.code, one.params["wisher"]) for one in found.warnings} == {
        ("mod_wish_invalid", "service bad")
    }  # type: ignore[union-attr]
    assert "pw" not in "".join(map(str, found.warnings))
    assert found.complete


def test_discovery_can_turn_off_each_kind() -> None:
    engine = FakeEngine()
    engine.service("one", ["DOCKER_MODS=user/a"], {f"{PREFIX}x": "user/b", "my.x": "user/c"})
    assert list(asked(discover(engine, ModRules(docker_mods=False)))) == ["user/b"]
    assert list(asked(discover(engine, ModRules(label_prefix=None)))) == ["user/a"]
    assert list(asked(discover(engine, ModRules(docker_mods=False, label_prefix="my.")))) == ["user/c"]
    assert not asked(discover(engine, ModRules(docker_mods=False, label_prefix=None)))


def test_failed_discovery_is_incomplete() -> None:
    engine = FakeEngine()
    assert discover(engine).complete
    engine.broken = True
    failed = discover(engine)
    assert not failed.complete
    assert failed.warnings[0].code == "mods_wanted_unknown"  # type: ignore[union-attr]
    assert "the engine is busy" in str(failed.warnings[0])
    # a worker does not know the services; an engine outside a swarm has none
    alone = discover(FakeEngine(manager=False))
    assert (alone.complete, alone.warnings) == (False, (Reason("mods_of_services_unknown"),))
    assert not discover(FakeEngine(manager=False), ModRules(docker_mods=False, label_prefix=None)).warnings
    assert discover(FakeEngine("inactive", manager=False)).complete
    assert not discover(FakeEngine("locked", manager=False)).complete


def test_discovery_on_a_worker_reads_its_tasks() -> None:
    engine = FakeEngine(manager=False)
    engine.container("task", ["DOCKER_MODS=user/a"], {"com.docker.swarm.service.id": "s1"})
    assert asked(discover(engine)) == {"user/a": ("container task",)}


def test_discovery_defers_images_without_architecture(tmp_path: Path) -> None:
    rules = build_mods({"mods": [{"image": "user/mod"}]}, {})
    done = refresh_mods(rules, tmp_path, Discovery(complete=False))
    assert [mod.status for mod in done.mods] == ["failed"]
    assert "architectures" in done.failures[0]
    assert (done.requests, done.removed) == (0, 0)


def test_failure_names_the_service_that_asked(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.service("one", ["DOCKER_MODS=127.0.0.1:1/user/mod"])
    done = refresh_mods(ModRules(), tmp_path, discover(engine, architectures=["amd64"]))
    assert done.failures[0].endswith("which is forbidden for URLs from labels (requested by service one)")
    assert done.mods[0].to_result()["asked_by"] == ["service one"]

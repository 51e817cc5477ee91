# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Healing and pruning one node: managers, skipped steps, notifications and locks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply import autoheal as autoheal_module
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.autoheal import heal_node
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.node_store import NodeStore
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.prune import Freed, Removed, prune_node
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import OtherSwarm
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.node import parse_container
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.autoheal import HealRules
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.prune.plan import PruneRules
from tests.unit.plugins.module_utils._apply.fake_node import SERVICE, FakeNode, container

TASK = {**SERVICE, "com.docker.swarm.task.id": "t1"}
HEAL = HealRules()
PRUNE = PruneRules(grace=0, keep_images=0, volumes="named", plain_containers=True)
ILL = container("ill", autoheal="true")


def engine(*containers: dict[str, Any], **fields: Any) -> Any:
    return FakeNode(*containers, **fields)


@pytest.fixture
def notified(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The messages to the webhook."""
    messages: list[Any] = []
    monkeypatch.setattr(autoheal_module, "notify_all", lambda _url, notified: messages.extend(notified) or ())
    return messages


def test_heal_node_saves_the_attempt_first_and_notifies_last(tmp_path: Path, notified: list[Any]) -> None:
    node = engine(ILL)
    healing = heal_node(node, HEAL, tmp_path, webhook_url="http://x")
    assert node.calls == [("restart", "ill")]
    assert healing.changed
    assert [(message["event"], message["node"], message["target"]) for message in notified] == [
        ("healed", "alpha", "container ill")
    ]
    assert NodeStore(tmp_path, "E1").read()[0].heals.keys() == {"ill"}
    assert heal_node(node, HEAL, tmp_path, webhook_url="http://x").results == ()
    assert len(notified) == 1


def test_heal_node_dry_run_writes_and_notifies_nothing(tmp_path: Path, notified: list[Any]) -> None:
    node = engine(ILL)
    healing = heal_node(node, HEAL, tmp_path / "new", webhook_url="http://x", dry_run=True)
    assert [step.summary for step in healing.heal.plan.steps] == ["restart ill"]
    assert (node.calls, notified, (tmp_path / "new").exists()) == ([], [], False)


@pytest.mark.parametrize(
    "meanwhile",
    [
        container("ill", health="healthy", autoheal="true"),
        container("ill", "exited", autoheal="true"),
        {**ILL, "State": {**ILL["State"], "StartedAt": "2026-11-23T11:59:00Z"}},
        None,
    ],
)
def test_heal_node_skips_containers_that_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notified: list[Any], meanwhile: dict[str, Any] | None
) -> None:
    node = engine(ILL)
    original = NodeStore.update

    def update(self: NodeStore, edits: Any) -> bool:
        node.containers = {} if meanwhile is None else {"ill": meanwhile}
        return original(self, edits)

    monkeypatch.setattr(NodeStore, "update", update)
    healing = heal_node(node, HEAL, tmp_path, webhook_url="http://x")
    assert node.calls == []
    assert healing.results[0].skipped
    assert (healing.changed, healing.errors, notified) == (False, (), [])


def test_heal_node_on_a_worker_asks_the_given_manager(tmp_path: Path, notified: list[Any]) -> None:
    ended = container("web.1.t1", "exited", **TASK)
    alone = heal_node(engine(ended), HEAL, tmp_path, webhook_url="http://x")
    assert [one.service for one in alone.heal.for_manager] == ["web"]
    assert [message["event"] for message in notified] == ["for_manager"]
    stranger: Callable[[], Any] = lambda: engine(is_manager=True)  # noqa: E731
    with pytest.raises(OtherSwarm):
        heal_node(engine(ended), HEAL, tmp_path, connect_manager=stranger)
    # a healthy node does not need the manager
    heal_node(engine(), HEAL, tmp_path, connect_manager=lambda: pytest.fail("asked"))


def test_node_runs_exclude_each_other(tmp_path: Path) -> None:
    node = engine(ILL)
    with NodeStore(tmp_path, "E1").alone("autoheal"), NodeStore(tmp_path, "E1").alone("prune"):
        healing = heal_node(node, HEAL, tmp_path)
        pruning = prune_node(node, PRUNE, tmp_path)
    assert healing.heal.plan.notes == (Reason("node_run_under_way", what="autoheal"),)
    assert pruning.plan.notes == (Reason("node_run_under_way", what="prune"),)
    assert node.calls == []


def test_prune_node_skips_objects_in_use_or_gone(tmp_path: Path) -> None:
    node = engine(container("one", "exited"), container("two", "exited"), is_manager=True)
    node.images = [
        {"Id": f"sha256:{name}", "RepoTags": [f"{name}:1", f"{name}:2"], "Size": 5} for name in ("a", "b")
    ]
    node.volumes = ["v", "w"]
    node.stubborn = {"one", "a:1", "v"}
    pruning = prune_node(node, PRUNE, tmp_path)
    assert node.calls == [("container", "two"), ("image", "b:1"), ("image", "b:2"), ("volume", "w")]
    assert [text.partition(":")[0] for text in pruning.kept] == ["container one", "image a", "volume v"]
    assert pruning.errors == ()
    assert pruning.freed == Freed(containers=1, images=1, volumes=1, size=7 + 200 + 1_000_000)
    assert pruning.removed == Removed(("two",), ("b:1", "b:2"), ("w",))


def with_volume(name: str, volume: str, **labels: str) -> dict[str, Any]:
    mount = {"Type": "volume", "Name": volume, "Driver": "local", "Destination": "/data"}
    return {**container(name, "exited", **labels), "Mounts": [mount]}


def test_prune_node_counts_volumes_removed_with_a_container(tmp_path: Path) -> None:
    node = engine(with_volume("web.1.t1", "v" * 64, **TASK), with_volume("mine", "m" * 64))
    node.volumes = ["v" * 64, "m" * 64]
    checked = prune_node(node, PruneRules(grace=0), tmp_path, dry_run=True)
    pruning = prune_node(node, PruneRules(grace=0), tmp_path)
    assert pruning.removed == checked.removed == Removed(("web.1.t1 of web",), (), ("v" * 64,))
    assert pruning.freed == Freed(containers=1, volumes=1, size=7 + 1_000_000)
    assert node.volumes == ["m" * 64]
    assert node.containers.keys() == {"mine"}


def test_prune_node_marks_unknown_sizes_as_inexact(tmp_path: Path) -> None:
    node = engine(with_volume("web.1.t1", "v" * 64, **TASK))
    node.volumes, node.volumes_busy = ["v" * 64], True
    pruning = prune_node(node, PruneRules(grace=0), tmp_path)
    assert pruning.freed == Freed(containers=1, volumes=1, size=7, is_exact=False)


def test_prune_node_ignores_volumes_the_engine_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = engine(with_volume("web.1.t1", "v" * 64, **TASK))
    node.volumes = ["v" * 64]
    original = node.delete_container
    monkeypatch.setattr(
        node, "delete_container", lambda cid, **more: original(cid, **{**more, "volumes": False})
    )
    pruning = prune_node(node, PruneRules(grace=0), tmp_path)
    assert (pruning.removed.volumes, pruning.freed.volumes, pruning.freed.size) == ((), 0, 7)


def test_prune_node_keeps_excluded_volumes(tmp_path: Path) -> None:
    raw = with_volume("web.1.t1", "v" * 64, **TASK)
    raw["Mounts"].append({"Type": "volume", "Name": "k" * 64, "Driver": "local", "Destination": "/kept"})
    node = engine(raw)
    node.volumes = ["v" * 64, "k" * 64]
    pruning = prune_node(node, PruneRules(grace=0, exclude_volumes=("kkk*",)), tmp_path)
    assert (pruning.removed.volumes, node.volumes) == (("v" * 64,), ["k" * 64])


@pytest.mark.parametrize(
    ("host_config", "expected"),
    [
        ({}, ("a", "b")),
        ({"Binds": None, "Mounts": None}, ("a", "b")),
        ({"Binds": ["b:/b:ro"]}, ("a",)),
        ({"Mounts": [{"Type": "volume"}, {"Type": "volume", "Source": "b"}]}, ("a",)),
        ({"Binds": ["/srv:/srv"]}, ("a", "b")),
    ],
)  # fmt: skip
def test_prune_node_removes_anonymous_volumes_only(
    host_config: dict[str, Any], expected: tuple[str, ...]
) -> None:
    raw = with_volume("x", "a")
    raw["Mounts"] += [{"Type": "volume", "Name": "b"}, {"Type": "bind", "Source": "/srv"}, {"Type": "tmpfs"}]
    assert parse_container({**raw, "HostConfig": host_config}).anonymous_volumes == expected


def test_prune_node_dry_run_saves_only_with_remember(tmp_path: Path) -> None:
    node = engine(is_manager=True)
    node.volumes = ["v"]
    prune_node(node, PRUNE, tmp_path / "new", dry_run=True, remember=False)
    assert not (tmp_path / "new").exists()
    prune_node(node, PRUNE, tmp_path / "new", dry_run=True)
    assert NodeStore(tmp_path / "new", "E1").read()[0].volumes.keys() == {"v"}
    assert node.calls == []


def test_prune_node_refuses_a_manager_of_another_swarm(tmp_path: Path) -> None:
    stranger = engine(is_manager=True)
    stranger.nodes = set()
    with pytest.raises(OtherSwarm):
        prune_node(engine(), PRUNE, tmp_path, connect_manager=lambda: stranger)

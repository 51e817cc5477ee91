# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Healing and pruning one node: who is asked, what is skipped, who is told, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply import autoheal as autoheal_module
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.autoheal import heal_node
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.node_store import NodeStore
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.prune import Freed, prune_node
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.autoheal import HealRules
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.prune import PruneRules
from tests.unit.plugins.module_utils._apply.fake_node import SERVICE, FakeNode, container

TASK = {**SERVICE, "com.docker.swarm.task.id": "t1"}
HEAL = HealRules()
PRUNE = PruneRules(grace=0, keep_images=0, volumes="named")
ILL = container("ill", autoheal="true")


def engine(*containers: dict[str, Any], **fields: Any) -> Any:
    return FakeNode(*containers, **fields)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the webhook was told."""
    messages: list[Any] = []
    monkeypatch.setattr(autoheal_module, "tell_all", lambda _url, told: messages.extend(told) or ())
    return messages


def test_it_is_remembered_before_it_is_done_and_told_after(tmp_path: Path, told: list[Any]) -> None:
    node = engine(ILL)
    healing = heal_node(node, HEAL, tmp_path, webhook_url="http://x")
    assert node.calls == [("restart", "ill")]
    assert healing.changed
    assert [(message["event"], message["node"], message["target"]) for message in told] == [
        ("healed", "alpha", "container ill")
    ]
    assert NodeStore(tmp_path, "E1").read()[0].heals.keys() == {"ill"}
    assert heal_node(node, HEAL, tmp_path, webhook_url="http://x").results == ()
    assert len(told) == 1


def test_a_dry_run_writes_nothing_and_tells_nobody(tmp_path: Path, told: list[Any]) -> None:
    node = engine(ILL)
    healing = heal_node(node, HEAL, tmp_path / "new", webhook_url="http://x", dry_run=True)
    assert [step.what for step in healing.heal.plan.steps] == ["restart ill"]
    assert (node.calls, told, (tmp_path / "new").exists()) == ([], [], False)


@pytest.mark.parametrize(
    "meanwhile",
    [
        container("ill", health="healthy", autoheal="true"),
        container("ill", "exited", autoheal="true"),
        {**ILL, "State": {**ILL["State"], "StartedAt": "2026-11-23T11:59:00Z"}},
        None,
    ],
)
def test_what_has_changed_since_the_plan_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[Any], meanwhile: dict[str, Any] | None
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
    assert (healing.changed, healing.errors, told) == (False, (), [])


def test_a_worker_asks_the_manager_that_it_was_told_of(tmp_path: Path, told: list[Any]) -> None:
    ended = container("old", "exited", **TASK)
    alone = heal_node(engine(ended), HEAL, tmp_path, webhook_url="http://x")
    assert [one.service for one in alone.heal.for_manager] == ["web"]
    assert [message["event"] for message in told] == ["for_manager"]
    stranger: Callable[[], Any] = lambda: engine(is_manager=True)  # noqa: E731
    with pytest.raises(
        OrcastraError, match="expected a manager of the swarm of node alpha, found one of another"
    ):
        heal_node(engine(ended), HEAL, tmp_path, connect_manager=stranger)
    # where all is well it is not even asked
    heal_node(engine(), HEAL, tmp_path, connect_manager=lambda: pytest.fail("asked"))


def test_only_one_heals_or_prunes_a_node_at_a_time(tmp_path: Path) -> None:
    node = engine(ILL)
    with NodeStore(tmp_path, "E1").alone("autoheal"), NodeStore(tmp_path, "E1").alone("prune"):
        healing = heal_node(node, HEAL, tmp_path)
        pruning = prune_node(node, PRUNE, tmp_path)
    assert healing.heal.plan.notes == ("another autoheal of this node is under way",)
    assert pruning.plan.notes == ("another prune of this node is under way",)
    assert node.calls == []


def test_what_is_in_use_or_gone_is_skipped_and_the_others_go_on(tmp_path: Path) -> None:
    node = engine(container("one", "exited"), container("two", "exited"), is_manager=True)
    node.images = [
        {"Id": f"sha256:{name}", "RepoTags": [f"{name}:1", f"{name}:2"], "Size": 5} for name in ("a", "b")
    ]
    node.volumes = ["v", "w"]
    node.stubborn = {"one", "a:1", "v"}
    pruning = prune_node(node, PRUNE, tmp_path)
    assert node.calls == [("container", "two"), ("image", "b:1"), ("image", "b:2"), ("volume", "w")]
    assert [text.partition(":")[0] for text in pruning.skipped] == ["container one", "image a", "volume v"]
    assert pruning.errors == ()
    assert pruning.freed == Freed(containers=1, images=1, volumes=1, size=7 + 200)
    assert str(pruning.freed) == "1 container, 1 image and 1 volume, 207 bytes"


def test_a_dry_run_remembers_only_if_it_may(tmp_path: Path) -> None:
    node = engine(is_manager=True)
    node.volumes = ["v"]
    prune_node(node, PRUNE, tmp_path / "new", dry_run=True, remember=False)
    assert not (tmp_path / "new").exists()
    prune_node(node, PRUNE, tmp_path / "new", dry_run=True)
    assert NodeStore(tmp_path / "new", "E1").read()[0].volumes.keys() == {"v"}
    assert node.calls == []


def test_a_manager_of_another_swarm_is_refused(tmp_path: Path) -> None:
    stranger = engine(is_manager=True)
    stranger.nodes = set()
    with pytest.raises(OrcastraError, match="manager_host: expected a manager of the swarm of node alpha"):
        prune_node(engine(), PRUNE, tmp_path, connect_manager=lambda: stranger)

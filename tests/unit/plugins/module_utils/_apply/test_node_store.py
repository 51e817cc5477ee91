# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The saved state of a node: reading, damage and locks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.node_store import Busy, NodeStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node_state import (
    Heal,
    NodeState,
    SetHeal,
    SetSeen,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason

EDITS = (SetHeal("s1", Heal((1.0, 2.5), given_up=3.0, seen=4.0)), SetSeen({"i": 1.0}, {"v": 2.0}))


def test_store_reads_its_own_file(tmp_path: Path) -> None:
    store = NodeStore(tmp_path / "new", "AB:CD")
    assert store.read() == (NodeState(), None)
    assert store.update(EDITS)
    assert not store.update(EDITS)
    expected = NodeState(
        heals={"s1": Heal((1.0, 2.5), given_up=3.0, seen=4.0)}, images={"i": 1.0}, volumes={"v": 2.0}
    )
    assert NodeStore(tmp_path / "new", "AB:CD").read() == (expected, None)
    assert NodeStore(tmp_path / "new", "AB:CE").read() == (NodeState(), None)
    assert not [path.name for path in (tmp_path / "new").iterdir() if path.suffix not in (".json", ".lock")]


EMPTY = '{"format": 1, "heals": {%s}, "images": {%s}, "volumes": {}}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": 9}',
        '{"format": 1, "heals": {"x": 1}}',
        "\0",
        "[" * 100_000,
        EMPTY % ("", '"i": 1e400'),
        EMPTY % ("", '"i": NaN'),
        EMPTY % ("", '"i": -1'),
        EMPTY % ("", '"i": ' + "9" * 400),
        EMPTY % ("", '"i": 1, "i": 2'),
        EMPTY % ('"s": {"attempts": 5, "given_up": null, "seen": 0}', ""),
        EMPTY % ('"s": {"attempts": ["now"], "given_up": null, "seen": 0}', ""),
        EMPTY % ('"s": {"attempts": [], "given_up": true, "seen": 0}', ""),
    ],
)
def test_store_sets_a_damaged_file_aside(tmp_path: Path, text: str) -> None:
    store = NodeStore(tmp_path, "e")
    store.path.write_text(text)
    state, damage = store.read()
    assert state == NodeState()
    assert damage is not None
    assert (damage.code, damage.params["path"]) == ("node_state_damaged", str(store.path))
    assert store.update(EDITS)
    assert store.read()[1] is None
    assert [path.read_text() for path in tmp_path.glob("*.damaged-*")] == [text]


def test_store_treats_future_times_as_now(tmp_path: Path) -> None:
    store = NodeStore(tmp_path, "e")
    store.update((SetSeen({"i": time.time() + 1e9}, {}),))
    state, damage = store.read()
    assert damage is None
    assert state.images["i"] <= time.time()


def test_store_lock_excludes_other_runs(tmp_path: Path) -> None:
    with NodeStore(tmp_path, "e").alone("prune"):
        with pytest.raises(Busy) as busy, NodeStore(tmp_path, "e").alone("prune"):
            pass
        assert busy.value.reason == Reason("node_run_under_way", what="prune")
        with NodeStore(tmp_path, "e").alone("autoheal"), NodeStore(tmp_path, "f").alone("prune"):
            pass
    with NodeStore(tmp_path, "e").alone("prune"):
        pass


def test_store_names_an_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = NodeStore(tmp_path / "file", "e")
    with pytest.raises(OrcastraError, match=r"state_dir: .*file"):
        store.update(EDITS)

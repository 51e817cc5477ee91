# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state object on real engines: no edit is lost, and damage is harmless."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    STATE_NAME,
    DisownLabels,
    OwnLabels,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import (
    MAX_BYTES,
    OWNED_LABELS_LABEL,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from tests.lab import Lab


@pytest.fixture
def engine(swarm: Lab) -> Iterator[Engine]:
    engine = connect(ConnectionOptions(docker_host=swarm["alpha"].docker_host))
    yield engine
    engine.close()


def state_object(engine: Engine) -> dict[str, Any]:
    found = engine.find_config(STATE_NAME)
    assert found is not None
    return found


def damage(engine: Engine, value: str) -> None:
    found = state_object(engine)
    spec = {**found["Spec"], "Labels": {**found["Spec"]["Labels"], OWNED_LABELS_LABEL: value}}
    engine.update_config(found["ID"], found["Version"]["Index"], spec)


def test_state_store_creates_no_object_without_state(engine: Engine) -> None:
    assert not StateStore(engine).update([DisownLabels("n1", frozenset({"a"}))])

    assert engine.get("/configs", filters={"name": [STATE_NAME]}) == []


def test_state_store_writes_for_the_next_observation(engine: Engine) -> None:
    store = StateStore(engine)

    assert store.update([OwnLabels("n1", frozenset({"a"}))])
    assert store.update([OwnLabels("n1", frozenset({"b"}))])
    assert not store.update([OwnLabels("n1", frozenset({"b"}))])

    seen = observe(engine)
    assert seen.state.owned_labels == {"n1": frozenset({"a", "b"})}
    assert seen.damage == ()


def test_state_store_keeps_concurrent_edits(swarm: Lab, engine: Engine) -> None:
    def write(number: int) -> None:
        own = connect(ConnectionOptions(docker_host=swarm.hosts[number % 3].docker_host))
        StateStore(own).update([OwnLabels(f"n{number}", frozenset({"a"}))])
        own.close()

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(write, range(12)))

    assert observe(engine).state.owned_labels.keys() == {f"n{number}" for number in range(12)}
    assert len(engine.get("/configs", filters={"name": [STATE_NAME]})) == 1


def test_state_store_sets_a_damaged_object_aside(engine: Engine) -> None:
    StateStore(engine).update([OwnLabels("n1", frozenset({"a"}))])
    damage(engine, '{"n1": ["a"')
    assert observe(engine).damage != ()

    StateStore(engine).update([OwnLabels("n2", frozenset({"b"}))])

    seen = observe(engine)
    assert seen.damage == ()
    assert seen.state.owned_labels == {"n2": frozenset({"b"})}
    found = engine.get("/configs", filters={"name": [STATE_NAME]})
    (aside,) = (config for config in found if config["Spec"]["Name"] != STATE_NAME)
    assert aside["Spec"]["Name"].startswith("orcastra.state.damaged-")
    kept = json.loads(base64.b64decode(aside["Spec"]["Data"]))
    assert kept[OWNED_LABELS_LABEL] == '{"n1": ["a"'


def test_state_store_refuses_oversized_state_and_keeps_old(engine: Engine) -> None:
    store = StateStore(engine)
    store.update([OwnLabels("n1", frozenset({"a"}))])

    with pytest.raises(OrcastraError, match=f"at most {MAX_BYTES} bytes of state"):
        store.update([OwnLabels("n2", frozenset({"x" * MAX_BYTES}))])

    assert observe(engine).state.owned_labels == {"n1": frozenset({"a"})}

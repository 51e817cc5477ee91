# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The saved state with several writers, another release, and damage: no write loses foreign entries."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ansible_collections.orcastra.swarm.plugins.module_utils._apply import write
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    REBALANCE,
    AddRelocation,
    AskAvailability,
    Attempts,
    DisownLabels,
    Move,
    OwnLabels,
    Relocation,
    SetAnchorTasks,
    SetAttempts,
    SetMove,
    SetPressure,
    State,
    StateEdit,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import (
    ANCHOR_LABELS_LABEL,
    ANCHOR_TASKS_LABEL,
    ATTEMPTS_LABEL,
    AVAILABILITY_LABEL,
    FORMAT_LABEL,
    MOVES_LABEL,
    OWNED_LABELS_LABEL,
    PRESSURE_LABEL,
    RELOCATIONS_LABEL,
    decode,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    NameInUse,
    NotFound,
    OutOfSequence,
)

NAME = "orcastra.state"
FIELDS = {
    ANCHOR_LABELS_LABEL: "anchor_labels",
    ANCHOR_TASKS_LABEL: "anchor_tasks",
    ATTEMPTS_LABEL: "attempts",
    AVAILABILITY_LABEL: "asked_availability",
    MOVES_LABEL: "moves",
    OWNED_LABELS_LABEL: "owned_labels",
    PRESSURE_LABEL: "pressure",
    RELOCATIONS_LABEL: "relocations",
}

ids = st.sampled_from(["a", "b", "c"])
keys = st.frozensets(st.sampled_from(["db", "ssd", "zone"]), min_size=1)
times = st.integers(1, 1_800_000_000).map(float)
nodes = st.tuples(ids)
moves = st.builds(
    Move, anchor=ids, nodes=nodes, since=times, replicas=st.none() | st.integers(0, 9)
) | st.builds(Move, anchor=st.just(""), nodes=nodes, since=times, kind=st.just(REBALANCE), source=ids)
attempts = st.builds(
    Attempts, count=st.integers(0, 9), last=times, since=times, reason=st.just(Reason("misplaced"))
)
relocations = st.builds(Relocation, source=ids, target=ids, at=times, memory_bytes=st.integers(0, 9))
edits = st.lists(
    st.one_of(
        st.builds(OwnLabels, ids, keys),
        keys.flatmap(lambda some: st.builds(OwnLabels, ids, st.just(some), st.just(some))),
        st.builds(DisownLabels, ids, keys),
        st.builds(SetMove, ids, st.none() | moves),
        st.builds(SetAttempts, ids, st.none() | attempts),
        st.builds(SetAnchorTasks, ids, st.none() | keys),
        st.builds(AskAvailability, ids, st.none() | times),
        st.builds(AddRelocation, ids, relocations),
        st.builds(SetPressure, st.dictionaries(ids, st.none() | times, max_size=2)),
    ),
    min_size=1,
    max_size=3,
)


class Configs:
    """The configs of a swarm. ``rival``: what another writer does just before the next write."""

    docker_host = "memory"

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.rival: Any = None
        self.version = 0

    def find_config(self, name: str) -> dict[str, Any] | None:
        return copy.deepcopy(self.objects.get(name))

    def create_config(self, spec: dict[str, Any]) -> str:
        self._meet_rival()
        name = spec["Name"]
        if name in self.objects:
            raise NameInUse(name)
        self.version += 1
        self.objects[name] = {"ID": f"{name}-{self.version}", "Spec": copy.deepcopy(spec)}
        self.objects[name]["Version"] = {"Index": self.version}
        return str(self.objects[name]["ID"])

    def update_config(self, config_id: str, version: int, spec: dict[str, Any]) -> None:
        self._meet_rival()
        found = next((one for one in self.objects.values() if one["ID"] == config_id), None)
        if found is None:
            raise NotFound(config_id)
        if found["Version"]["Index"] != version:
            raise OutOfSequence("update out of sequence")
        assert {**spec, "Labels": None} == {**found["Spec"], "Labels": None}
        self.version += 1
        found["Spec"], found["Version"] = copy.deepcopy(spec), {"Index": self.version}

    def _meet_rival(self) -> None:
        rival, self.rival = self.rival, None
        if rival is not None:
            rival()


class SavedState(RuleBasedStateMachine):
    """``model``: the state that all edits and the loss of damaged entries lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(write, "FIRST_PAUSE_SECONDS", 0.0)
        self.configs = Configs()
        self.store = StateStore(self.configs)  # type: ignore[arg-type]
        self.model = State()

    def teardown(self) -> None:
        self.patch.undo()

    @property
    def labels(self) -> dict[str, str] | None:
        found = self.configs.objects.get(NAME)
        return None if found is None else found["Spec"]["Labels"]

    def change_labels(self, **labels: str) -> None:
        """Write labels as another program."""
        found = self.configs.objects[NAME]
        self.configs.version += 1
        found["Version"] = {"Index": self.configs.version}
        found["Spec"]["Labels"] = {**found["Spec"]["Labels"], **labels}

    def save(self, some: Sequence[StateEdit]) -> None:
        self.model = apply_edits(self.model, some)
        self.store.update(some)

    @rule(some=edits)
    def edit(self, some: list[StateEdit]) -> None:
        self.save(some)
        if self.labels is not None:
            assert decode(self.labels)[1] == ()

    @rule(some=edits, others=edits)
    def edit_while_another_instance_writes(self, some: list[StateEdit], others: list[StateEdit]) -> None:
        self.configs.rival = lambda: self.save(others)
        before = self.model
        self.store.update(some)
        # without a write of its own, it has met no rival
        had_rival, self.configs.rival = self.configs.rival is None, None
        self.model = apply_edits(self.model if had_rival else before, some)

    @rule(some=edits)
    def edit_twice(self, some: list[StateEdit]) -> None:
        """The reply to a write was lost, so the same edits are made again."""
        self.save(some)
        self.save(some)

    @rule(section=st.sampled_from(["orcastra.future", "orcastra.other"]), text=st.text(max_size=9))
    def write_with_another_release(self, section: str, text: str) -> None:
        if self.labels is not None:
            self.change_labels(**{section: text})
            self.model = replace(self.model, other_sections={**self.model.other_sections, section: text})

    @rule(section=st.sampled_from(sorted(FIELDS)), text=st.sampled_from(["", "{", "[]", "null", "1e999"]))
    def damage_section(self, section: str, text: str) -> None:
        if self.labels is not None:
            self.change_labels(**{section: text})
            # any owned label may then be an anchor label
            left = self.model.owned_labels if section == ANCHOR_LABELS_LABEL else {}
            self.model = replace(self.model, **{FIELDS[section]: left})  # type: ignore[arg-type]
            self.repair()

    @rule(section=st.sampled_from(sorted(FIELDS)), key=ids)
    def damage_entry(self, section: str, key: str) -> None:
        if self.labels is not None and section in self.labels:
            entries = json.loads(self.labels[section])
            if key in entries:
                self.change_labels(**{section: json.dumps({**entries, key: {"x": None}})})
                before = getattr(self.model, FIELDS[section])
                left = {one: value for one, value in before.items() if one != key}
                self.model = replace(self.model, **{FIELDS[section]: left})  # type: ignore[arg-type]
                self.repair()

    def repair(self) -> None:
        """The next write keeps a copy of the damaged object."""
        assert self.labels is not None
        labels = dict(self.labels)
        state, damage = decode(labels)
        assert damage
        assert state == self.model
        self.store.update([])
        copies = [one for name, one in self.configs.objects.items() if name.startswith(f"{NAME}.damaged")]
        data = base64.b64decode(copies[-1]["Spec"]["Data"])
        assert json.loads(gzip.decompress(data) if data[:1] == b"\x1f" else data) == labels

    @rule()
    def lose_format(self) -> None:
        if self.labels is not None:
            self.change_labels(**{FORMAT_LABEL: "0"})
            self.repair()

    @rule()
    def remove_object(self) -> None:
        if self.configs.objects.pop(NAME, None) is not None:
            self.model = State()

    @invariant()
    def nothing_is_lost(self) -> None:
        state, damage = decode(self.labels or {FORMAT_LABEL: "1"})
        assert state == self.model
        assert damage == ()


SavedState.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestSavedState = SavedState.TestCase

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply import write
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.write import read_modify_write
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import OutOfSequence


class VersionedObject:
    """An object with Swarm's version check; another writer saves ``others`` after a read."""

    def __init__(self, spec: dict[str, Any], others: list[dict[str, Any]] | None = None) -> None:
        self.spec, self.version, self.writes = spec, 1, 0
        self.others = others or []

    def read(self) -> dict[str, Any]:
        seen = {"Version": {"Index": self.version}, "Spec": self.spec}
        if self.others:
            self.spec, self.version = self.others.pop(0), self.version + 1
        return seen

    def write(self, version: int, spec: dict[str, Any]) -> None:
        if version != self.version:
            raise OutOfSequence("update out of sequence")
        self.spec, self.version, self.writes = spec, version + 1, self.writes + 1


def set_mine(spec: dict[str, Any]) -> dict[str, Any]:
    spec["mine"] = True
    return spec


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write.time, "sleep", lambda seconds: None)


def test_write_keeps_all_other_fields() -> None:
    target = VersionedObject({"theirs": {"deep": [1, None]}})

    assert read_modify_write(target.read, target.write, set_mine)
    assert target.spec == {"theirs": {"deep": [1, None]}, "mine": True}


def test_write_skips_an_empty_change() -> None:
    target = VersionedObject({"mine": True})

    assert not read_modify_write(target.read, target.write, set_mine)
    assert target.writes == 0


def test_write_retries_after_a_conflict() -> None:
    target = VersionedObject({"theirs": 1}, others=[{"theirs": 2}, {"theirs": 3}])

    assert read_modify_write(target.read, target.write, set_mine)
    assert target.spec == {"theirs": 3, "mine": True}


def test_write_gives_up_after_repeated_conflicts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(write.time, "monotonic", lambda: float(next(clock)))
    target = VersionedObject({}, others=[{"theirs": number} for number in range(100)])

    with pytest.raises(OutOfSequence):
        read_modify_write(target.read, target.write, set_mine)
    assert "mine" not in target.spec

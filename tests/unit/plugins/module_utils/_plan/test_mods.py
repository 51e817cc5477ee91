# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mods: which are checked, and which are removed (only ours, only after a complete discovery, image mods
later)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.mods import (
    IMAGE,
    URL,
    ModEntry,
    ModFile,
    ModRecord,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, codes
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.mods import ModPlan, plan_mods

DAY = 86400.0
NOW = 100 * DAY
SUM = "0" * 64


def record(key: str, **fields: object) -> ModRecord:
    base = ModRecord(key, IMAGE, key, (ModFile(f"{key}.tar.xz", 1, SUM),), discovered=True, seen=NOW)
    return replace(base, **fields)  # type: ignore[arg-type]


def plan(*records: ModRecord, desired: tuple[ModEntry, ...] = (), **more: bool) -> ModPlan:
    state = {each.key: each for each in records}
    intact = {file.name: file.sha256 for each in records for file in each.files}
    return plan_mods(desired, state, intact, **{"complete": True, "prune": True, **more}, now=NOW)


@pytest.mark.parametrize(("days", "removed"), [(0, 0), (6.9, 0), (7.1, 1)])
def test_discovered_image_stays_for_seven_days(days: float, removed: int) -> None:
    found = plan(record("a", seen=NOW - days * DAY))
    assert len(found.removals) == removed
    left = Reason("mod_kept_for_now", mod="a", left=(7 - days) * DAY)
    assert codes(found.notes) == ([] if removed else [left.code])
    assert [removal.why for removal in found.removals] == [(Reason("mod_unused", mod="a"),)] * removed


def test_configured_mods_and_files_are_removed_immediately() -> None:
    found = plan(record("a", discovered=False), record("b", kind=URL))
    assert [removal.names for removal in found.removals] == [("a.tar.xz",), ("b.tar.xz",)]


def test_failed_discovery_removes_nothing() -> None:
    old = record("a", seen=NOW - 30 * DAY)
    assert plan(old).removals
    assert not plan(old, complete=False).removals
    assert plan(old, complete=False).notes == (Reason("mods_kept_use_unknown"),)
    assert not plan(old, prune=False).removals


def test_missing_configuration_keeps_earlier_mods() -> None:
    brought, wished = record("a", discovered=False), record("b", kind=URL)

    found = plan(brought, wished, is_given=False)

    assert [removal.names for removal in found.removals] == [("b.tar.xz",)]
    assert found.notes == (Reason("mod_kept_without_configuration", mod="a"),)


def test_present_pinned_image_needs_no_request() -> None:
    there = record("a", digests={"sha256": "ab", "layer": SUM})
    entry = ModEntry(IMAGE, "user/a", "user/a", "a", "a.tar.xz", digest="sha256:ab")
    assert plan(there, desired=(entry,)).lookups[0].is_settled
    # a tag may have moved
    assert not plan(there, desired=(replace(entry, digest=None),)).lookups[0].is_settled
    tampered = record("a", files=(ModFile("a.tar.xz", 1, "1" * 64),), digests={"sha256": "ab"})
    lookup = plan_mods(
        (entry,), {"a": tampered}, {"a.tar.xz": SUM}, complete=True, prune=True, now=NOW
    ).lookups[0]
    assert (lookup.is_settled, lookup.record) == (False, None)
    assert lookup.why == Reason("mod_files_changed")


def test_lookup_has_a_reason() -> None:
    there = record("a", digests={"sha256": "ab"})
    entry = ModEntry(URL, "http://a", "a", "a", "a.tar.xz", digest="sha256:ab")
    found = {
        "mod_missing": plan(desired=(entry,)),
        "mod_files_gone": plan_mods((entry,), {"a": there}, {}, complete=True, prune=True, now=NOW),
        "mod_has_pinned_digest": plan(there, desired=(entry,)),
        "mod_digest_differs": plan(there, desired=(replace(entry, digest="sha256:cd"),)),
        "mod_may_be_outdated": plan(there, desired=(replace(entry, digest=None),)),
    }
    assert {code: each.lookups[0].why.code for code, each in found.items()} == {code: code for code in found}


def test_second_entry_with_the_same_name_is_refused() -> None:
    first = ModEntry(URL, "http://a", "first", "a", "x")
    for name in ("x", "x/y"):
        second = ModEntry(URL, "http://b", "second", "b", name)
        refused = plan(desired=(first, second)).refused
        assert refused == ((second, Reason("mod_name_taken", name=name, other="first")),)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan which mods to check for updates, how, and which files to remove."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .._model.compat import dataclass
from .._model.mod_steps import RemoveMod
from .._model.mods import IMAGE, ModEntry, ModRecord, ModState
from .._model.reasons import Reason

KEEP_DISCOVERED_SECONDS = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Lookup:
    """The check of one entry. ``record``: its saved record if its files still match it, otherwise None.

    ``is_settled``: pinned and present, so no request is needed.
    """

    entry: ModEntry
    record: ModRecord | None
    is_settled: bool
    why: Reason

    @property
    def conditions(self) -> dict[str, str]:
        """The headers of a conditional request."""
        if self.record is None:
            return {}
        if self.record.etag:
            return {"If-None-Match": self.record.etag}
        return {"If-Modified-Since": self.record.last_modified} if self.record.last_modified else {}


@dataclass(frozen=True, slots=True)
class ModPlan:
    """The plan. ``refused``: entries with the reason. ``forgotten``: keys of records whose files now belong
    to others."""

    lookups: tuple[Lookup, ...]
    removals: tuple[RemoveMod, ...]
    notes: tuple[Reason, ...]
    refused: tuple[tuple[ModEntry, Reason], ...] = ()
    forgotten: tuple[str, ...] = ()


def plan_mods(
    entries: Iterable[ModEntry],
    state: ModState,
    intact: Mapping[str, str],
    *,
    complete: bool,
    prune: bool,
    now: float,
    is_given: bool = True,
) -> ModPlan:
    """Plan the checks and the removals.

    ``intact``: name → sha256 of the present files that the saved state lists. ``complete``: whether the mods
    of all services are known; otherwise nothing is removed. ``is_given``: whether there is a configuration;
    without one, mods from an earlier configuration stay.
    """
    desired, refused = _without_clashes(entries)
    lookups = tuple(_lookup(entry, state.get(entry.key), intact) for entry in desired)
    removals: list[RemoveMod] = []
    notes: list[Reason] = []
    forgotten: list[str] = []
    if prune:
        keys = {entry.key for entry in desired} | {entry.key for entry, _reason in refused}
        unwanted = [record for key, record in sorted(state.items()) if key not in keys]
        if unwanted and not complete:
            notes.append(Reason("mods_kept_use_unknown"))
        elif unwanted:
            kept = _names_in_use(desired, state)
            for record in unwanted:
                if not is_given and not record.discovered:
                    notes.append(Reason("mod_kept_without_configuration", mod=record.title))
                    continue
                left = record.seen + KEEP_DISCOVERED_SECONDS - now
                if record.discovered and record.kind == IMAGE and left > 0:
                    notes.append(Reason("mod_kept_for_now", mod=record.title, left=left))
                    continue
                removal = _removal(record, kept)
                if removal.names or removal.folder:
                    removals.append(removal)
                else:
                    forgotten.append(record.key)
    return ModPlan(lookups, tuple(removals), tuple(notes), refused, tuple(forgotten))


def _lookup(entry: ModEntry, record: ModRecord | None, intact: Mapping[str, str]) -> Lookup:
    if record is None:
        return Lookup(entry, None, False, Reason("mod_missing"))
    if not record.files or any(intact.get(file.name) != file.sha256 for file in record.files):
        gone = all(file.name not in intact for file in record.files)
        why = Reason("mod_files_gone") if gone else Reason("mod_files_changed")
        return Lookup(entry, None, False, why)
    if entry.digest is not None:
        algorithm, _colon, number = entry.digest.partition(":")
        if record.digests.get(algorithm) == number:
            return Lookup(entry, record, True, Reason("mod_has_pinned_digest"))
        if entry.kind != IMAGE:
            return Lookup(entry, None, False, Reason("mod_digest_differs"))
    return Lookup(entry, record, False, Reason("mod_may_be_outdated"))


def _without_clashes(
    entries: Iterable[ModEntry],
) -> tuple[list[ModEntry], tuple[tuple[ModEntry, Reason], ...]]:
    """Return each entry once; of two for the same place, the first."""
    found: dict[str, ModEntry] = {}
    refused: list[tuple[ModEntry, Reason]] = []
    places: dict[str, ModEntry] = {}
    for entry in entries:
        if entry.key in found:
            continue
        name = entry.name
        other = None if name is None else _clash(name, places)
        if other is not None:
            refused.append((entry, Reason("mod_name_taken", name=name, other=other.title)))
            continue
        found[entry.key] = entry
        if name is not None:
            places[name] = entry
    return list(found.values()), tuple(refused)


def _clash(name: str, places: Mapping[str, ModEntry]) -> ModEntry | None:
    for place, entry in places.items():
        if name == place or name.startswith(f"{place}/") or place.startswith(f"{name}/"):
            return entry
    return None


def _names_in_use(desired: Collection[ModEntry], state: ModState) -> frozenset[str]:
    names = {file.name for entry in desired if entry.key in state for file in state[entry.key].files}
    names |= {entry.name for entry in desired if entry.name is not None}
    return frozenset(names)


def _removal(record: ModRecord, kept: Collection[str]) -> RemoveMod:
    names = tuple(file.name for file in record.files if file.name not in kept)
    return RemoveMod(
        key=record.key,
        names=names,
        folder=None if record.folder in kept else record.folder,
        why=(Reason("mod_unused", mod=record.title),),
    )

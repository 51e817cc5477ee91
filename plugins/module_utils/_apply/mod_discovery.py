# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Discover the mods that services and containers ask for, and turn them into entries."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from .._config.urls import shown
from .._model.errors import OrcastraError
from .._model.mods import ModEntry, ModRules
from .._model.reasons import Reason
from .._mods.configuration import image_entry, url_entry
from .._observe.engine import Engine
from .._observe.mods import Wisher, Wishers, view_wishers
from .mods import Discovery


def discover_mods(
    engine: Engine,
    rules: ModRules,
    connect_manager: Callable[[], Engine] | None = None,
    *,
    wishes: Iterable[str] | None = None,
    architectures: Sequence[str] = (),
    containers: bool = True,
) -> Discovery:
    """Discover mods. ``wishes`` are the requests of services, if the caller knows them.

    ``architectures`` replaces the architectures that would be found. If the engine can't be reached, the
    discovery is incomplete. Raises no errors of its own.
    """
    given = [] if wishes is None else [Wisher("a service", wish) for wish in wishes]
    try:
        found = view_wishers(engine, connect_manager, containers=containers and rules.discovers)
    except OrcastraError as error:
        warning = Reason("mods_wanted_unknown", error=str(error))
        entries, _wishes, faults = _entries(given, rules)
        return Discovery(entries, tuple(architectures), (), False, (warning, *faults))
    entries, said, faults = _entries((*found.wishers, *given), rules)
    complete = not rules.discovers or found.knows_services or wishes is not None
    if not complete:
        faults = (Reason("mods_of_services_unknown"), *faults)
    return Discovery(
        entries=entries,
        architectures=tuple(architectures) or found.architectures,
        wishes=_of_services(found, said),
        complete=complete,
        warnings=faults,
    )


def _of_services(found: Wishers, said: dict[str, list[str]]) -> tuple[str, ...]:
    titles = [wisher.title for wisher in found.wishers if wisher.title.startswith("service ")]
    return tuple(dict.fromkeys(wish for title in titles for wish in said.get(title, ())))


def _entries(
    wishers: Iterable[Wisher], rules: ModRules
) -> tuple[tuple[ModEntry, ...], dict[str, list[str]], tuple[Reason, ...]]:
    """The entries, the requests of each service and container, and the faults of some."""
    entries: dict[str, ModEntry] = {}
    said: dict[str, list[str]] = {}
    faults: list[Reason] = []
    for wisher in wishers:
        for wish in _wishes(wisher, rules):
            said.setdefault(wisher.title, []).append(wish)
            try:
                entry = _entry(wish)
            except OrcastraError as error:
                faults.append(Reason("mod_wish_invalid", wisher=wisher.title, error=str(error)))
                continue
            known = entries.setdefault(entry.key, entry)
            if wisher.title not in known.asked_by:
                entries[entry.key] = replace(known, asked_by=(*known.asked_by, wisher.title))
    return tuple(entries.values()), said, tuple(dict.fromkeys(faults))


def _wishes(wisher: Wisher, rules: ModRules) -> list[str]:
    wishes = wisher.docker_mods.split("|") if rules.docker_mods else []
    if rules.label_prefix is not None:
        wishes += [
            value for label, value in sorted(wisher.labels.items()) if label.startswith(rules.label_prefix)
        ]
    return [wish.strip() for wish in wishes if wish.strip()]


def _entry(wish: str) -> ModEntry:
    if wish.lower().startswith(("http://", "https://")):
        try:
            return url_entry(wish, trusted=False)
        except OrcastraError as error:
            raise OrcastraError(f"{shown(wish)}: {error}") from error
    return image_entry(wish, trusted=False)

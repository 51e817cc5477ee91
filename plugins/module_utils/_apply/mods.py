# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refresh a folder of mods: compare desired and current mods, ask servers, store, remove, save the state.

The module and the runner share this code. Only a server knows whether there is a new version, and it sends
the file in the same answer. So the plan names the servers to ask, and the steps follow from their answers.
Check mode asks the same questions and writes nothing.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._model.errors import OrcastraError
from .._model.mod_steps import RemoveMod, StoreMod
from .._model.mods import IMAGE, ModEntry, ModRecord, ModRules
from .._model.reasons import Reason
from .._model.steps import Plan
from .._mods.configuration import image_entry
from .._mods.folder import FolderBusy, ModFolder
from .._mods.http import Fetcher
from .._mods.platforms import parse_platform
from .._plan.mods import Lookup, ModPlan, plan_mods
from .executor import StepResult
from .mod_entry import EntryUpdater, Progress, Updated

USER_AGENT = "orcastra (mod manager for Docker Swarm)"
TIMEOUT_SECONDS = 60.0

CURRENT = "current"
STORED = "stored"
FAILED = "failed"


@dataclass(frozen=True)
class Discovery:
    """The mods that services and containers ask for. ``complete``: all of them could be read.

    ``architectures`` are those that need images; if there are several, each has its own folder. ``wishes``
    are the requests of services as written, for nodes that can't read them.
    """

    entries: tuple[ModEntry, ...] = ()
    architectures: tuple[str, ...] = ()
    wishes: tuple[str, ...] = ()
    complete: bool = True
    warnings: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class ModOutcome:
    """The result for one entry. ``status`` is CURRENT, STORED (in check mode: would be stored) or FAILED."""

    title: str
    status: str
    names: tuple[str, ...] = ()
    size: int = 0
    sha256: str | None = None
    error: str | None = None
    optional: bool = False
    discovered: bool = False
    asked_by: tuple[str, ...] = ()

    def to_result(self) -> dict[str, Any]:
        return {
            "mod": self.title,
            "status": self.status,
            "files": list(self.names),
            "bytes": self.size,
            "sha256": self.sha256,
            "error": self.error,
            "optional": self.optional,
            "discovered": self.discovered,
            "asked_by": list(self.asked_by),
        }


@dataclass(frozen=True)
class Refreshing:
    """The plan and its results. ``results`` is empty in check mode.

    ``downloaded`` is in bytes; ``requests`` counts HTTP requests. ``busy``: another refresh was running.
    """

    plan: Plan = field(default_factory=Plan)
    results: tuple[StepResult, ...] = ()
    mods: tuple[ModOutcome, ...] = ()
    warnings: tuple[Reason, ...] = ()
    requests: int = 0
    downloaded: int = 0
    busy: bool = False

    @property
    def stored(self) -> int:
        return sum(result.changed and isinstance(result.step, StoreMod) for result in self.results)

    @property
    def removed(self) -> int:
        return sum(result.changed and isinstance(result.step, RemoveMod) for result in self.results)

    @property
    def failures(self) -> tuple[str, ...]:
        """Failures of required mods."""
        failed = [mod.error for mod in self.mods if mod.error is not None and not mod.optional]
        return (*failed, *(r.error for r in self.results if r.error and isinstance(r.step, RemoveMod)))

    @property
    def tolerated(self) -> tuple[Reason, ...]:
        """Failures of optional mods."""
        errors = [mod.error for mod in self.mods if mod.error is not None and mod.optional]
        return tuple(Reason("optional_mod_failed", error=error) for error in errors)


def refresh_mods(
    rules: ModRules,
    dest: Path,
    discovery: Discovery,
    *,
    check: bool = False,
    fetcher: Fetcher | None = None,
    now: Callable[[], float] = time.time,
    progress: Progress | None = None,
) -> Refreshing:
    """Update the folder ``dest``. A mod that fails keeps its old file and doesn't stop the others.

    ``progress`` is called from several threads with a title, the bytes received and the bytes expected.
    Raises OrcastraError if the folder can't be used at all.
    """
    folder = ModFolder(dest.resolve())
    if not rules.entries and not discovery.entries and not folder.path.exists():
        # no mods now, and none before
        return Refreshing(warnings=discovery.warnings)
    with ExitStack() as stack:
        if not check:
            try:
                stack.enter_context(folder.alone())
            except FolderBusy:
                return Refreshing(
                    Plan(notes=(Reason("mods_refresh_under_way", folder=str(folder.path)),)),
                    warnings=discovery.warnings,
                    busy=True,
                )
        if fetcher is None:
            fetcher = Fetcher(TIMEOUT_SECONDS, USER_AGENT, rules.allow_private)
            stack.callback(fetcher.close)
        return _Refresh(rules, folder, discovery, check, fetcher, now(), progress).run()


def for_architectures(entries: Iterable[ModEntry], architectures: Sequence[str]) -> list[ModEntry]:
    """The entries: for an image one per architecture, each in its own folder if there are several."""
    platforms = dict.fromkeys(parse_platform(name) for name in architectures)
    found = []
    for entry in entries:
        if entry.kind != IMAGE:
            found.append(entry)
            continue
        for platform in platforms:
            for_one = image_entry(
                entry.source,
                trusted=entry.trusted,
                optional=entry.optional,
                arch=str(platform),
                folder=f"{platform.folder}/" if len(platforms) > 1 else "",
            )
            found.append(replace(for_one, asked_by=entry.asked_by))
    return found


class _Refresh:
    def __init__(
        self,
        rules: ModRules,
        folder: ModFolder,
        discovery: Discovery,
        check: bool,
        fetcher: Fetcher,
        now: float,
        progress: Progress | None,
    ) -> None:
        self._rules = rules
        self._folder = folder
        self._discovery = discovery
        self._check = check
        self._fetcher = fetcher
        self._now = now
        self._progress = progress
        self._lock = threading.Lock()
        self._state: dict[str, ModRecord] = {}
        self._damage: Reason | None = None

    def run(self) -> Refreshing:
        began_with = self._fetcher.requests_made
        self._state, self._damage = self._folder.read_state()
        if not self._check:
            self._prepare()
        before = dict(self._state)
        plan = self._plan()
        places = {lookup.entry.name: lookup.entry.key for lookup in plan.lookups if lookup.entry.name}
        updater = EntryUpdater(
            self._folder,
            self._fetcher,
            places,
            max_bytes=self._rules.max_bytes,
            check=self._check,
            now=self._now,
            progress=self._progress,
        )
        outcomes: list[ModOutcome] = [_refusal(entry, reason) for entry, reason in plan.refused]
        steps: list[StoreMod | RemoveMod] = []
        results: list[StepResult] = []
        downloaded = 0
        for lookup, found in self._all(updater, plan.lookups):
            if isinstance(found, OrcastraError):
                outcomes.append(_failure(lookup.entry, found))
                continue
            downloaded += found.downloaded
            outcomes.append(_outcome(lookup.entry, found))
            if found.step is not None:
                steps.append(found.step)
                results.append(StepResult(found.step, changed=True))
        removals = (*self._old_versions(before, updater.places), *plan.removals)
        steps += removals
        if not self._check:
            results += [self._remove(step, forget=step in plan.removals) for step in removals]
            self._finish(plan)
        warnings = [*self._discovery.warnings, *([self._damage] if self._damage else [])]
        return Refreshing(
            plan=Plan(steps=tuple(steps), notes=plan.notes),
            results=() if self._check else tuple(results),
            mods=tuple(outcomes),
            warnings=tuple(warnings),
            requests=self._fetcher.requests_made - began_with,
            downloaded=downloaded,
        )

    def _prepare(self) -> None:
        try:
            if self._damage is not None and self._damage.code == "mod_state_damaged":
                self._folder.set_state_aside()
            self._folder.clear_up(self._state)
        except OSError as error:
            reason = error.strerror or error
            raise OrcastraError(f"{self._folder.path}: it can't be written: {reason}") from error

    def _plan(self) -> ModPlan:
        entries = (*self._rules.entries, *self._discovery.entries)
        architectures = self._discovery.architectures
        images = [entry for entry in entries if entry.kind == IMAGE]
        plan = plan_mods(
            for_architectures(entries, architectures),
            self._state,
            self._folder.intact(self._state),
            complete=self._discovery.complete
            and self._damage is None
            and (not images or bool(architectures)),
            prune=self._rules.prune,
            now=self._now,
            is_given=self._rules.is_given,
        )
        if architectures:
            return plan
        # a layer for another architecture, or in another place, would be worse than the old one
        reason = Reason("mod_architecture_unknown")
        return replace(plan, refused=(*plan.refused, *((entry, reason) for entry in images)))

    def _all(
        self, updater: EntryUpdater, lookups: Iterable[Lookup]
    ) -> list[tuple[Lookup, Updated | OrcastraError]]:
        """Update all entries, a few at a time, in the order of the configuration."""
        waiting: queue.SimpleQueue[tuple[int, Lookup]] = queue.SimpleQueue()
        found: dict[int, Updated | OrcastraError] = {}
        ordered = list(lookups)
        for number, lookup in enumerate(ordered):
            waiting.put((number, lookup))

        def work() -> None:
            while True:
                try:
                    number, lookup = waiting.get_nowait()
                except queue.Empty:
                    return
                found[number] = self._try(updater, lookup)

        threads = [
            # daemons: a thread that waits for a server must not keep the process alive
            threading.Thread(target=work, name=f"mods {number}", daemon=True)
            for number in range(min(self._rules.concurrency, len(ordered)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [(lookup, found[number]) for number, lookup in enumerate(ordered)]

    def _try(self, updater: EntryUpdater, lookup: Lookup) -> Updated | OrcastraError:
        try:
            updated = updater.update(lookup)
            if not self._check:
                self._remember(updated)
        except OrcastraError as error:
            self._still_wanted(lookup.entry)
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            self._still_wanted(lookup.entry)
            return OrcastraError(f"{lookup.entry.title}: unexpected {type(error).__name__}: {error}")
        return updated

    def _remember(self, updated: Updated) -> None:
        """Save a new record at once, so that the next run knows our files even if this one is killed."""
        with self._lock:
            self._state[updated.record.key] = updated.record
            if updated.step is not None:
                self._folder.write_state(self._state)

    def _still_wanted(self, entry: ModEntry) -> None:
        with self._lock:
            record = self._state.get(entry.key)
            if record is not None:
                self._state[entry.key] = replace(record, seen=self._now)

    def _old_versions(
        self, before: Mapping[str, ModRecord], places: Mapping[str, str]
    ) -> tuple[RemoveMod, ...]:
        """Files that entries had under earlier names."""
        if not self._rules.prune:
            return ()
        removals = []
        for key, record in sorted(self._state.items()):
            old = before.get(key)
            if old is None or old is record:
                continue
            kept = {file.name for file in record.files}
            names = tuple(
                file.name for file in old.files if file.name not in kept and file.name not in places
            )
            # the files of an unpacked folder were removed with it
            gone = record.folder is not None and record.folder == old.folder
            if names and not gone:
                why = (Reason("mod_renamed", mod=record.title),)
                removals.append(RemoveMod(key=key, names=names, folder=old.folder, why=why))
        return tuple(removals)

    def _remove(self, step: RemoveMod, *, forget: bool) -> StepResult:
        try:
            changed = self._folder.remove(step.names)
        except OSError as error:
            return StepResult(step, error=f"{step.target}: can't be removed: {error.strerror or error}")
        if forget:
            self._state.pop(step.key, None)
        return StepResult(step, changed=changed)

    def _finish(self, plan: ModPlan) -> None:
        for key in plan.forgotten:
            self._state.pop(key, None)
        self._folder.write_state(self._state)


def _outcome(entry: ModEntry, found: Updated) -> ModOutcome:
    record = found.record
    names = (record.folder,) if record.folder else tuple(file.name for file in record.files)
    if not names and found.step is not None and found.step.name:
        names = (found.step.name,)
    return ModOutcome(
        entry.title,
        CURRENT if found.step is None else STORED,
        names,
        record.size,
        record.files[0].sha256 if len(record.files) == 1 else record.digests.get("sha256"),
        optional=entry.optional,
        discovered=not entry.trusted,
        asked_by=entry.asked_by,
    )


def _failure(entry: ModEntry, error: OrcastraError) -> ModOutcome:
    return ModOutcome(
        entry.title,
        FAILED,
        (entry.name,) if entry.name else (),
        error=f"{error} (requested by {', '.join(entry.asked_by)})" if entry.asked_by else str(error),
        optional=entry.optional,
        discovered=not entry.trusted,
        asked_by=entry.asked_by,
    )


def _refusal(entry: ModEntry, reason: Reason) -> ModOutcome:
    return _failure(entry, OrcastraError(f"{entry.title}: {reason}"))

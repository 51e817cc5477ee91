# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reloads changed configuration files in the loop, and logs the result."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner.command.accept import Acceptances
from orcastra_runner.configuration import Configuration
from orcastra_runner.dedup import OnceFilter
from orcastra_runner.jobs import Work
from orcastra_runner.kept import STABLE_SECONDS
from orcastra_runner.log import get_logger

# Why an instance without a configuration is read-only.
ABSENT = (
    "there is no configuration, so this instance only shows the swarm and changes nothing; "
    "next step: run `orcastra init` to write a swarm.yml"
)

log = get_logger()


class Reloader:
    """Reloads changed configuration files, and reports changes, errors and retained configuration."""

    def __init__(self, configuration: Configuration, work: Work, on_change: Callable[[], None]) -> None:
        self._configuration = configuration
        self._work = work
        self._on_change = on_change
        self._once = OnceFilter()
        self._refused: tuple[Problem, ...] = ()
        self._acceptances = Acceptances()

    def reload(self, *, at_once: bool) -> None:
        """Reload the files if they have changed and are valid."""
        changes: str | None = None
        problems: tuple[Problem, ...] = ()
        try:
            changes = self._configuration.reload(at_once=at_once)
        except ConfigError as error:
            problems = self._refused = error.problems
        for problem in problems:
            log.error("configuration rejected", summary=str(problem))
        if problems:
            log.error("keeping the previous configuration", problems=len(problems))
        if changes is not None:
            self._refused = ()
            self._use(changes)
        self._report_state()

    def observed(self, seen: Observation) -> None:
        """Accept removals if another process was asked to do so."""
        if not self._acceptances.is_new(seen.state, self._work.acceptances):
            return
        kept: tuple[str, ...] = ()
        problem: str | None = None
        try:
            kept = self._work.accept_removals()
        except ConfigError as error:
            problem = str(error)
        if problem is not None:
            log.error("removals not accepted", summary=problem)
            return
        for text in kept:
            log.info("removal accepted", summary=text)
        self._on_change()
        self._report_state()

    def _use(self, changes: str) -> None:
        self._work.desired = self._configuration.desired
        self._work.status.configured(self._work.desired)
        if changes:
            log.info("configuration changed", changes=changes)
        elif not self._configuration.kept:
            log.info("configuration files changed without effect")
        self._on_change()

    def _report_state(self) -> None:
        kept = [str(one) for one in self._configuration.kept]
        for text in self._once.fresh("kept", kept):
            log.warning("configuration missing", summary=text)
        waiting = self._configuration.waiting
        for text in self._once.fresh("waiting", [", ".join(waiting)] if waiting else []):
            log.info(
                "removals delayed until the files are stable", summary=text, seconds=round(STABLE_SECONDS)
            )
        refused = [f"rejected the new configuration: {problem}" for problem in self._refused]
        absent = [ABSENT] if self._configuration.is_absent else []
        self._work.status.problem("configuration", "; ".join([*absent, *refused, *kept]) or None)

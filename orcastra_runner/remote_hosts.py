# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps remote hosts, which run no instance of their own, healthy: over SSH, with the playbooks.

ORCASTRA_REMOTE_HOSTS names them. Only the active instance does this.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import text_of
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.autoheal import HealRules
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.prune.plan import PruneRules
from orcastra_runner.cron import Cron
from orcastra_runner.dedup import OnceFilter
from orcastra_runner.execute import PlaybookResult, PlaybookRunner
from orcastra_runner.jobs import played_fields
from orcastra_runner.local.autoheal import heal_rules
from orcastra_runner.local.mods_file import ModsFile
from orcastra_runner.local.prune import prune_rules
from orcastra_runner.log import get_logger
from orcastra_runner.settings import Settings
from orcastra_runner.status import StatusStore

# Rotating is up to the hosts' own logrotate; this only keeps its configuration right.
LOG_ROTATE_SECONDS = 86400.0
STAND_BY_SECONDS = 10.0
MANAGERS_GROUP = "managers"
DEFAULT_MODS_DEST = "/mnt/mods"

log = get_logger()


@dataclass
class _Chore:
    """``next_after``: when it is due after a moment. ``due`` and moments are seconds since the epoch.

    ``at_fixed_times``: what was due while another instance acted was up to that one.
    """

    name: str
    variables: Callable[[], Mapping[str, Any]]
    next_after: Callable[[float], float]
    due: float
    at_fixed_times: bool = False

    @property
    def playbook(self) -> str:
        return f"orcastra.swarm.{self.name}"


class RemoteHostsJob:
    """Runs the playbooks for the named hosts, one at a time."""

    name = "remote_hosts"

    def __init__(
        self,
        settings: Settings,
        hosts: str,
        inventory: Path,
        playbooks: PlaybookRunner,
        status: StatusStore,
        should_stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.time,
        mods_file: ModsFile | None = None,
    ) -> None:
        """``hosts`` is a pattern for ``inventory``; ``clock`` returns seconds since the epoch.

        ``mods_file`` holds the mods, by default the one that ``settings`` name.
        """
        self.woken = threading.Event()
        self.interval = settings.loop_interval
        self._settings = settings
        self._mods_file = mods_file or ModsFile(settings.mod_manager_config)
        self._hosts = hosts
        self._inventory = inventory
        self._playbooks = playbooks
        self._status = status
        self._should_stop = should_stop
        self._clock = clock
        self._asked_for_mods = threading.Event()
        self._stood_by_at = 0.0
        self._once = OnceFilter()
        self._chores = self._all_chores(clock())

    def ask_for_mods(self) -> None:
        """Make a refresh of the hosts' mods due now. May be called from any thread."""
        self._asked_for_mods.set()
        self.woken.set()

    def seconds_to_next(self) -> float:
        if not self._status.view().acts:
            # another instance looks after them; we may have to go on at any time
            self._stood_by_at = self._clock()
            self._asked_for_mods.clear()
            return STAND_BY_SECONDS
        if self._asked_for_mods.is_set():
            return 0.0
        return max(0.0, min(chore.due for chore in self._chores) - self._clock())

    def run(self, engine: Engine) -> None:  # noqa: ARG002 - the playbooks find their own engines
        asked = self._asked_for_mods.is_set()
        self._asked_for_mods.clear()
        failures = []
        for chore in self._chores:
            now = self._clock()
            if chore.due > now and not (asked and chore.name == "mods"):
                continue
            missed = chore.at_fixed_times and chore.due <= self._stood_by_at
            # from its beginning: what takes long is not to be done ever less often
            chore.due = chore.next_after(now)
            if missed or self._should_stop():
                continue
            try:
                # managers only tell what the services use, unless they are named, too
                hosts = {
                    "orcastra_hosts": f"{self._hosts}:{MANAGERS_GROUP}",
                    "orcastra_remote_hosts": self._hosts,
                }
                variables = {**hosts, **chore.variables()}
                result = self._playbooks.run(chore.playbook, variables, self._should_stop, self._inventory)
            except OrcastraError as error:
                failures.append(f"{chore.name}: {error}")
                continue
            self._tell(chore, result)
            if not result.ok and result.status != "canceled":
                failures.append(result.problem)
        if failures:
            raise OrcastraError("; ".join(failures))

    def _tell(self, chore: _Chore, result: PlaybookResult) -> None:
        done = 0
        said = []
        for task in result.tasks:
            said += [f"{task.host}: {text_of(one)}" for one in (*task.warnings, *task.notes)]
            for step in task.plan if task.changed else ():
                done += 1
                self._status.playbook_stepped(
                    self.name, {**step, "what": f"{step.get('what')} on {task.host}"}, None
                )
                log.info("done", **played_fields(step), host=task.host)
        for text in self._once.fresh(chore.name, said):
            log.info("message from remote host", message=text, job=chore.name)
        log.debug("remote hosts finished", what=chore.name, steps=done, seconds=result.seconds)

    def _all_chores(self, now: float) -> list[_Chore]:
        settings = self._settings
        chores = []
        if settings.autoheal_interval_seconds > 0:
            every = max(settings.autoheal_interval_seconds, settings.loop_interval)
            first = now + settings.autoheal_start_period
            chores.append(_Chore("autoheal", self._autoheal_variables, lambda at: at + every, first))
        if settings.prunes:
            cron = Cron(settings.gc_cron)
            first = cron.next_after(now)
            chores.append(_Chore("prune", self._prune_variables, cron.next_after, first, at_fixed_times=True))
        if settings.mod_manager_refresh_interval_minutes > 0:
            pause = max(settings.mod_manager_refresh_interval_minutes * 60, settings.loop_interval)
            chores.append(_Chore("mods", self._mods_variables, lambda at: at + pause, now))
        rotate = {"orcastra_hosts": self._hosts, "orcastra_log_rotate_skip_unconfigured": True}
        chores.append(_Chore("log_rotate", lambda: rotate, lambda at: at + LOG_ROTATE_SECONDS, now))
        return chores

    def _autoheal_variables(self) -> Mapping[str, Any]:
        said = _heal_variables(heal_rules(self._settings))
        if self._settings.webhook_url:
            said["orcastra_autoheal_webhook_url"] = self._settings.webhook_url
        return _other_than(_heal_variables(HealRules()), said)

    def _prune_variables(self) -> Mapping[str, Any]:
        said = _prune_variables(prune_rules(self._settings))
        if self._settings.gc_dry_run:
            said["orcastra_prune_dry_run"] = True
        return _other_than(_prune_variables(PruneRules()), said)

    def _mods_variables(self) -> Mapping[str, Any]:
        dest = str(self._settings.mod_manager_dest)
        found: dict[str, Any] = _other_than(
            {"orcastra_mods_dest": DEFAULT_MODS_DEST}, {"orcastra_mods_dest": dest}
        )
        copy = self._mods_file.copy()
        if copy:
            found["orcastra_mods_file"] = copy
            found["orcastra_mods_variables"] = self._mods_file.variables()
        return found


def _heal_variables(rules: HealRules) -> dict[str, Any]:
    return {
        "orcastra_autoheal_grace_period": round(rules.grace),
        "orcastra_autoheal_container_label": rules.label,
        "orcastra_autoheal_default_stop_timeout": round(rules.stop_timeout),
        "orcastra_autoheal_backoff": round(rules.backoff),
        "orcastra_autoheal_max_attempts": rules.attempts,
        "orcastra_autoheal_window": round(rules.window),
    }


def _prune_variables(rules: PruneRules) -> dict[str, Any]:
    return {
        "orcastra_prune_grace_period": round(rules.grace),
        "orcastra_prune_plain_containers": rules.plain_containers,
        "orcastra_prune_keep_images": rules.keep_images,
        "orcastra_prune_multiple_repositories": rules.multiple_repositories,
        "orcastra_prune_force_containers": rules.force_containers,
        "orcastra_prune_volumes": rules.volumes,
        "orcastra_prune_exclude_labels": list(rules.exclude_labels),
        "orcastra_prune_exclude_containers": list(rules.exclude_containers),
        "orcastra_prune_exclude_images": list(rules.exclude_images),
        "orcastra_prune_exclude_volumes": list(rules.exclude_volumes),
    }


def _other_than(default: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What our environment says: where it says nothing, the inventory's variables count."""
    return {name: value for name, value in said.items() if name not in default or value != default[name]}

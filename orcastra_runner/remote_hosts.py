# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Maintains the hosts in ORCASTRA_REMOTE_HOSTS, which run no instance of their own, over SSH with the
playbooks.

Only the active instance does this.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import text_of
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

# The hosts' own logrotate rotates the files; this job only keeps its configuration correct.
LOG_ROTATE_SECONDS = 86400.0
STANDBY_SECONDS = 10.0
MANAGERS_GROUP = "managers"
MODS = "mods"
DEFAULT_MODS_DEST = "/mnt/mods"

log = get_logger()


class RemoteJob:
    """Runs one playbook for the remote hosts while this instance is active.

    ``next_after`` returns when it is due next after a moment, both in seconds since the epoch.
    ``at_fixed_times``: a run that was due while another instance was active was done by that one.
    """

    def __init__(
        self,
        hosts: RemoteHosts,
        chore: str,
        variables: Callable[[], Mapping[str, Any]],
        next_after: Callable[[float], float],
        due: float,
        *,
        at_fixed_times: bool = False,
    ) -> None:
        self.name = f"remote_{chore}"
        self.interval = next_after(due) - due
        self.woken = threading.Event()
        self._hosts = hosts
        self._playbook = f"orcastra.swarm.{chore}"
        self._variables = variables
        self._next_after = next_after
        self._due = due
        self._at_fixed_times = at_fixed_times
        self._asked = threading.Event()
        self._once = OnceFilter()

    def ask(self) -> None:
        """Make the job due now. Thread-safe."""
        self._asked.set()
        self.woken.set()

    def seconds_to_next(self) -> float:
        now = self._hosts.clock()
        if not self._hosts.status.view().acts:
            # this instance may become the active one at any time
            self._asked.clear()
            if self._at_fixed_times and self._due <= now:
                self._due = self._next_after(now)
            return STANDBY_SECONDS
        return 0.0 if self._asked.is_set() else max(0.0, self._due - now)

    def run(self) -> None:
        """Run the playbook as soon as no other playbook runs for the remote hosts."""
        with self._hosts.one_at_a_time:
            self._asked.clear()
            # counted from the start, so that a slow run doesn't stretch the interval
            self._due = self._next_after(self._hosts.clock())
            result = self._hosts.play(self._playbook, self._variables())
        if result is None:
            return
        self._report(result)
        if not result.ok and result.status != "canceled":
            raise OrcastraError(result.problem)

    def close(self) -> None:
        """Do nothing: no resource is open between two runs."""

    def _report(self, result: PlaybookResult) -> None:
        done = 0
        messages: list[str] = []
        for task in result.tasks:
            messages += [f"{task.host}: {text_of(one)}" for one in (*task.warnings, *task.notes)]
            for step in task.plan if task.changed else ():
                done += 1
                named = {**step, "summary": f"{step.get('summary')} on {task.host}"}
                self._hosts.status.playbook_stepped(self.name, named, None)
                log.info("done", **played_fields(step), host=task.host)
        for text in self._once.fresh("messages", messages):
            log.info("message from remote host", message=text, job=self.name)
        log.debug("remote hosts finished", summary=self.name, steps=done, seconds=result.seconds)


class RemoteHosts:
    """The hosts in ORCASTRA_REMOTE_HOSTS, and the jobs for them."""

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
        """``hosts`` is a host pattern for ``inventory``; ``clock`` returns seconds since the epoch.

        ``mods_file`` is by default the file that ``settings`` name.
        """
        self.status = status
        self.clock = clock
        self.one_at_a_time = threading.Lock()
        self.mods_file = mods_file or ModsFile(settings.mod_manager_config)
        self._settings = settings
        self._hosts = hosts
        self._inventory = inventory
        self._playbooks = playbooks
        self._should_stop = should_stop

    def play(self, playbook: str, variables: Mapping[str, Any]) -> PlaybookResult | None:
        """Run a playbook; None if the process is shutting down, or another instance is active by now."""
        if self._should_stop() or not self.status.view().acts:
            return None
        # managers are only asked which images and mods the services use, unless they are remote hosts
        # themselves
        hosts = {
            "orcastra_hosts": f"{self._hosts}:{MANAGERS_GROUP}",
            "orcastra_remote_hosts": self._hosts,
        }
        return self._playbooks.run(playbook, {**hosts, **variables}, self._should_stop, self._inventory)

    def jobs(self) -> list[RemoteJob]:
        """Return the jobs that the settings enable."""
        settings, now = self._settings, self.clock()
        jobs = []
        if settings.autoheal_interval_seconds > 0:
            every = max(settings.autoheal_interval_seconds, settings.loop_interval)
            first = now + settings.autoheal_start_period
            jobs.append(RemoteJob(self, "autoheal", self._autoheal_variables, lambda at: at + every, first))
        if settings.prunes:
            cron = Cron(settings.gc_cron)
            first, after = cron.next_after(now), cron.next_after
            jobs.append(RemoteJob(self, "prune", self._prune_variables, after, first, at_fixed_times=True))
        if settings.mod_manager_refresh_interval_minutes > 0:
            pause = max(settings.mod_manager_refresh_interval_minutes * 60, settings.loop_interval)
            jobs.append(RemoteJob(self, MODS, self._mods_variables, lambda at: at + pause, now))
        rotate = {"orcastra_hosts": self._hosts, "orcastra_log_rotate_skip_unconfigured": True}
        jobs.append(RemoteJob(self, "log_rotate", lambda: rotate, lambda at: at + LOG_ROTATE_SECONDS, now))
        return jobs

    def _autoheal_variables(self) -> Mapping[str, Any]:
        given = _heal_variables(heal_rules(self._settings))
        if self._settings.webhook_url:
            given["orcastra_autoheal_webhook_url"] = self._settings.webhook_url
        return _other_than(_heal_variables(HealRules()), given)

    def _prune_variables(self) -> Mapping[str, Any]:
        given = _prune_variables(prune_rules(self._settings))
        if self._settings.gc_dry_run:
            given["orcastra_prune_dry_run"] = True
        return _other_than(_prune_variables(PruneRules()), given)

    def _mods_variables(self) -> Mapping[str, Any]:
        dest = str(self._settings.mod_manager_dest)
        found: dict[str, Any] = _other_than(
            {"orcastra_mods_dest": DEFAULT_MODS_DEST}, {"orcastra_mods_dest": dest}
        )
        copy = self.mods_file.copy()
        if copy:
            found["orcastra_mods_file"] = copy
            found["orcastra_mods_variables"] = self.mods_file.variables()
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


def _other_than(default: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that differ from the default. For the others, the inventory's variables apply."""
    return {name: value for name, value in given.items() if name not in default or value != default[name]}

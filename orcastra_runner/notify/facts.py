# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The problems that one instance sees, and which of them it can judge to be over."""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.orcastra.swarm.plugins.module_utils._model.notices import ERROR, WARNING
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.notices import (
    CONFIGURATION,
    JOB,
    Findings,
    Trouble,
    find_trouble,
)
from orcastra_runner.status import JobState, View
from orcastra_runner.swarm import node_name

# The job that notifies, and the number of failures in a row after which a job counts as failing.
NOTIFY = "notify"
FAILURES = 3
TOPICS = ("configuration", "rebalance configuration", "mods configuration")


class Facts:
    """What an instance knows at the moment of ``view``.

    ``local_jobs`` are the jobs that each instance runs for its own node. ``acts_since``: when this instance
    became the active one (seconds since the epoch), or None.
    """

    def __init__(
        self, view: View, seen: Observation, local_jobs: Collection[str], acts_since: float | None
    ) -> None:
        self._view = view
        self._seen = seen
        self._local = local_jobs
        self._acts_since = acts_since
        self._node = node_name(seen)

    def findings(self) -> Findings:
        """Return the problems that hold now. Only the active instance sees those of the whole swarm."""
        own = Findings({**self._configuration(), **self._jobs()})
        if self._acts_since is None:
            return own
        return own + find_trouble(self._seen.snapshot, self._view.short, self._seen.state)

    def knows(self, key: str) -> bool:
        """Return whether this instance can judge that the problem with this key is over."""
        own = self._seen.local_node_id
        if key.startswith(CONFIGURATION):
            return key.startswith(f"{CONFIGURATION}{own}/")
        if key.startswith(JOB):
            name = key.removeprefix(f"{JOB}{own}/")
            if name != key:
                return name not in self._local or self._succeeds(name)
            name = key.removeprefix(JOB)
            return "/" not in name and self._acts_since is not None and self._succeeds(name)
        return self._acts_since is not None

    def _configuration(self) -> dict[str, Trouble]:
        found = {}
        for topic in TOPICS:
            problem = self._view.problems.get(topic)
            if problem is not None:
                reason = Reason("notify_configuration_rejected", node=self._node, problem=problem.text)
                key = f"{CONFIGURATION}{self._seen.local_node_id}/{topic}"
                found[key] = Trouble(reason, self._node, ERROR)
        return found

    def _jobs(self) -> dict[str, Trouble]:
        found = {}
        for job in self._view.jobs.values():
            if job.name == NOTIFY or job.failures < FAILURES or not self._ran(job):
                continue
            problem = self._view.problems.get(f"job {job.name}")
            reason = Reason(
                "notify_job_failing",
                job=job.name,
                failures=job.failures,
                node=self._node,
                error=None if problem is None else problem.text,
            )
            place = f"{self._seen.local_node_id}/" if job.name in self._local else ""
            found[f"{JOB}{place}{job.name}"] = Trouble(reason, job.name, WARNING)
        return found

    def _succeeds(self, name: str) -> bool:
        job = self._view.jobs.get(name)
        return job is not None and job.failures == 0 and self._ran(job)

    def _ran(self, job: JobState) -> bool:
        """Return whether the job has ended; a job of the active instance, since it became active."""
        if job.ended_at is None:
            return False
        if job.name in self._local:
            return True
        return self._acts_since is not None and job.ended_at >= self._acts_since

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics, in a registry of our own. Metrics without our prefix keep the names of the upstream project.

Label values come from fixed lists: names of jobs, kinds of steps, commands, states. No label contains names
of services or nodes, and none is called ``job``, which Prometheus reserves.
"""

from __future__ import annotations

from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, generate_latest
from prometheus_client.process_collector import ProcessCollector

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.autoheal import Healing
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import Refreshing
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.prune import Pruning
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner.version import __version__

NODE_STATES = ("ready", "down", "unknown", "disconnected")


class Metrics:
    """All metrics of one process."""

    def __init__(self) -> None:
        # the creation time of each series is useless here and doubles their number
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        gauge, counter = self._gauge, self._counter
        gauge("orcastra_build_info", "Always 1; the version is in the label.", "version").labels(
            __version__
        ).set(1)
        self.leader = gauge("swarm_orch_leader", "1 if this instance's engine is the swarm leader.")
        self.acts = gauge("orcastra_acting", "1 if this instance is active, 0 if it is on standby.")
        self.dry_run = gauge("orcastra_dry_run", "1 if this instance only plans (DRY_RUN).")
        self.beat = gauge("orcastra_loop_idle_seconds", "Seconds since the last loop iteration.")
        self.observed_at = gauge(
            "orcastra_last_observation_timestamp_seconds", "When the swarm was last observed."
        )
        self.observation_seconds = gauge(
            "orcastra_last_observation_duration_seconds", "Duration of the last observation, in seconds."
        )
        self.observation_requests = gauge(
            "orcastra_last_observation_requests", "Engine requests of the last observation."
        )
        self.nodes = gauge("orcastra_nodes", "Nodes of the swarm by state.", "state")
        self.services = gauge("orcastra_services", "Services of the swarm.")
        self.tasks = gauge("orcastra_running_tasks", "Running tasks.")
        self.missing_tasks = gauge("orcastra_missing_tasks", "Tasks that should be running but are not.")
        self.moves = gauge("orcastra_moves_under_way", "Moves in progress.")
        self.given_up = gauge("orcastra_given_up_services", "Services that Orcastra has given up on.")
        self.problems = gauge("orcastra_open_errors", "Current problems.")
        self.plan_steps = gauge("orcastra_plan_steps", "Steps in the last plan of a job.", "name")
        self.plan_warnings = gauge("orcastra_plan_warnings", "Warnings in the last plan of a job.", "name")
        self.runs = counter("orcastra_job_runs_total", "Runs of a job.", "name", "result")
        self.run_seconds = gauge(
            "orcastra_job_last_duration_seconds", "Duration of a job's last run, in seconds.", "name"
        )
        self.run_success = gauge(
            "orcastra_job_last_success_timestamp_seconds", "When a job last succeeded.", "name"
        )
        self.failures = gauge("orcastra_job_consecutive_failures", "Consecutive failures of a job.", "name")
        self.steps = counter("orcastra_steps_total", "Steps carried out, by kind.", "action", "result")
        self.notifications = counter(
            "orcastra_notifications_total", "Attempts to send notifications to a URL.", "result"
        )
        self.notifications_waiting = gauge(
            "orcastra_notifications_waiting", "Notifications that not all URLs have received."
        )
        self.commands = counter("orcastra_commands_total", "Commands carried out.", "command", "status")
        self.requests = counter("orcastra_http_requests_total", "HTTP requests.", "path", "code")
        self.anchor_updates = counter("anchor_updates_total", "Changes to anchor labels.")
        self.dependent_updates = counter("dependent_updates_total", "Changes to followers.")
        self.sync_errors = counter("anchor_sync_errors_total", "Failed syncs of anchors and labels.")
        self.sync_seconds = gauge(
            "anchor_sync_last_duration_seconds", "Duration of the last sync, in seconds."
        )
        self.rebalance_attempts = counter(
            "rebalance_attempts_total", "Rebalancing cycles that had work or failed."
        )
        self.rebalance_success = counter("rebalance_success_total", "Rebalancing cycles that succeeded.")
        self.rebalance_failures = counter("rebalance_failures_total", "Rebalancing cycles that failed.")
        self.rebalance_seconds = gauge(
            "rebalance_last_duration_seconds", "Duration of the last rebalancing cycle, in seconds."
        )
        self.autoheal_attempts = counter("autoheal_attempts_total", "Attempts to heal a container.")
        self.autoheal_success = counter(
            "autoheal_success_total", "Unhealthy containers that were restarted or stopped."
        )
        self.autoheal_failures = counter("autoheal_failures_total", "Failed attempts to heal a container.")
        self.prune_runs = counter("gc_prune_runs_total", "Prune runs on this node.")
        self.prune_errors = counter(
            "gc_prune_errors_total", "Objects that could not be pruned, and failed prune runs."
        )
        self.prune_seconds = gauge(
            "gc_prune_last_duration_seconds", "Duration of the last prune run, in seconds."
        )
        self.mod_downloads = counter("mod_downloads_total", "Downloaded mods.")
        self.mod_errors = counter("mod_download_errors_total", "Failed mods, and failed refreshes.")
        self.mod_seconds = gauge(
            "mod_refresh_last_duration_seconds", "Duration of the last mods refresh, in seconds."
        )
        self.prune_freed = counter(
            "orcastra_prune_freed_bytes_total", "Upper bound of the bytes freed by pruning."
        )

    def text(self, idle_seconds: float) -> bytes:
        """Return all metrics in the text format of Prometheus.

        ``idle_seconds``: since the last loop iteration.
        """
        self.beat.set(idle_seconds)
        return generate_latest(self.registry)

    def observed(self, seen: Observation, seconds: float, missing: int) -> None:
        """Record an observation, which took ``seconds``. ``missing``: the number of missing tasks."""
        self.observed_at.set_to_current_time()
        self.observation_seconds.set(seconds)
        self.observation_requests.set(seen.requests)
        states = Tally(node.state if node.state in NODE_STATES else "unknown" for node in seen.snapshot.nodes)
        for state in NODE_STATES:
            self.nodes.labels(state).set(states[state])
        self.services.set(len(seen.snapshot.services))
        self.tasks.set(sum(task.is_running for task in seen.snapshot.tasks))
        self.missing_tasks.set(missing)
        self.moves.set(len(seen.state.moves))
        self.notifications_waiting.set(len(seen.state.outbox))
        self.given_up.set(sum(tried.given_up is not None for tried in seen.state.attempts.values()))

    def leads(self, *, leads: bool, acts: bool) -> None:
        self.leader.set(leads)
        self.acts.set(acts)
        if not acts:
            # another instance plans now
            self.plan_steps.clear()
            self.plan_warnings.clear()

    def planned(self, job: str, plan: Plan) -> None:
        self.plan_steps.labels(job).set(len(plan.steps))
        self.plan_warnings.labels(job).set(len(plan.warnings))

    def job_ended(self, job: str, seconds: float, *, now: float, failures: int, acted: bool) -> None:
        """Record a run that ended at ``now`` after ``seconds``; ``failures`` is the number of consecutive
        failures.
        """
        ok = failures == 0
        self.runs.labels(job, "ok" if ok else "failed").inc()
        self.run_seconds.labels(job).set(seconds)
        self.failures.labels(job).set(failures)
        if ok:
            self.run_success.labels(job).set(now)
        if job == "sync":
            self.sync_seconds.set(seconds)
            self.sync_errors.inc(not ok)
        elif job == "prune":
            self.prune_runs.inc()
            self.prune_errors.inc(not ok)
            self.prune_seconds.set(seconds)
        elif job == "mods":
            self.mod_errors.inc(not ok)
            self.mod_seconds.set(seconds)
        elif job == "rebalance" and (acted or not ok):
            self.rebalance_attempts.inc()
            self.rebalance_success.inc(ok)
            self.rebalance_failures.inc(not ok)
            self.rebalance_seconds.set(seconds)

    def healed(self, healing: Healing) -> None:
        for result in healing.results:
            if result.skipped is None:
                self.autoheal_attempts.inc()
                self.autoheal_success.inc(result.error is None)
                self.autoheal_failures.inc(result.error is not None)

    def pruned(self, pruning: Pruning) -> None:
        self.prune_errors.inc(len(pruning.errors))
        self.prune_freed.inc(pruning.freed.size)

    def refreshed(self, done: Refreshing) -> None:
        self.mod_downloads.inc(done.stored)
        self.mod_errors.inc(len(done.failures) + len(done.tolerated))

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name.removesuffix("_total"), text, labels, registry=self.registry)

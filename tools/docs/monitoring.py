# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference pages of metrics and alerts, from the runner's registry and ``monitoring/alerts.yml``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.metrics import MetricWrapperBase

from orcastra_runner.command.job import CommandJob
from orcastra_runner.heal import HealJob
from orcastra_runner.jobs import ResyncJob, SyncJob
from orcastra_runner.local.autoheal import AutohealJob
from orcastra_runner.local.handover import HandoverJob
from orcastra_runner.local.logs import LogsJob
from orcastra_runner.local.mod_requests import ModRequestsJob
from orcastra_runner.local.mods import ModsJob
from orcastra_runner.local.prune import PruneJob
from orcastra_runner.metrics import Metrics
from orcastra_runner.rebalance import RebalanceJob
from tools.docs.markdown import code, escape, page, sentence, table

ROOT = Path(__file__).resolve().parents[2]
JOBS = (
    SyncJob,
    ResyncJob,
    HealJob,
    RebalanceJob,
    CommandJob,
    AutohealJob,
    PruneJob,
    ModsJob,
    ModRequestsJob,
    LogsJob,
    HandoverJob,
)
REMOTE_JOBS = ("remote_autoheal", "remote_prune", "remote_mods", "remote_log_rotate")
INTRODUCTION = """\
`GET /metrics` serves these metrics, and the usual `process_…` metrics. Metrics that start with `orcastra_`
are new; the others have the names of the upstream project, so that existing dashboards keep working. No
label holds the name of a service or node. Counters start at 0 when the instance starts.

Files for Prometheus and Grafana are in [monitoring](../../monitoring/README.md); the [alerts](alerts.md)
have a page of their own."""


def metrics() -> str:
    rows = [[code(name), kind, escape(text)] for name, kind, text in all_metrics()]
    return page(
        "Metrics",
        INTRODUCTION,
        table(["Metric", "Type", "Meaning"], rows),
        "## Jobs",
        "The label `name` holds the name of a job. The label `result` is `ok` or `failed` for jobs, and "
        "`done` or `failed` for steps.",
        table(["Job", "Task"], jobs()),
    )


def all_metrics() -> Iterator[tuple[str, str, str]]:
    """Yield name with labels, type and description of each metric except those of the process."""
    found = Metrics()
    for metric in vars(found).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = ", ".join(metric._labelnames)
            yield f"{name}{{{labels}}}" if labels else name, family.type, family.documentation
    for family in found.registry.collect():
        if family.name == "orcastra_build_info":
            yield f"{family.name}{{version}}", family.type, family.documentation


def jobs() -> Iterator[list[str]]:
    for job in JOBS:
        text = re.sub(r"\s+", " ", (job.__doc__ or "").split("\n\n")[0]).replace("``", "`")
        yield [code(job.name), escape(sentence(text))]
    for name in REMOTE_JOBS:
        text = f"As `{name.removeprefix('remote_')}`, over SSH on the hosts of `ORCASTRA_REMOTE_HOSTS`."
        yield [code(name), text]


def alerts() -> str:
    rules = yaml.safe_load((ROOT / "monitoring" / "alerts.yml").read_text(encoding="utf-8"))
    blocks = []
    for group in rules["groups"]:
        for rule in group["rules"]:
            notes = rule.get("annotations", {})
            blocks += [
                f"## {rule['alert']}",
                f"Severity: {rule['labels']['severity']}. Fires {_delay(rule)}.",
                escape(sentence(_placeholders(notes.get("summary", "")))),
                escape(notes.get("description", "")),
                f"```promql\n{rule['expr'].strip()}\n```",
            ]
    return page(
        "Alerts",
        "These are the rules in [monitoring/alerts.yml](../../monitoring/alerts.yml).",
        *blocks,
    )


def _delay(rule: dict[str, Any]) -> str:
    return f"after {rule['for']}" if "for" in rule else "at once"


def _placeholders(text: str) -> str:
    """Replace the template expressions of Prometheus with readable placeholders."""
    text = re.sub(r"{{ *\$value.*?}}", "*N*", text)
    return re.sub(r"{{ *\$labels\.(\w+).*?}}", r"<\1>", text)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules and dashboard in ``monitoring/`` use existing metrics and labels."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from orcastra_runner.metrics import Metrics

FOLDER = Path(__file__).resolve().parents[3] / "monitoring"
# words of PromQL that look like metrics; `up` belongs to Prometheus itself
WORDS = {
    "absent", "and", "by", "count", "increase", "label_values", "max", "min_over_time", "rate", "sum", "up",
}  # fmt: skip
ADDED_BY_PROMETHEUS = {"job", "instance"}


def known() -> dict[str, set[str]]:
    """Return the labels of each sample that an instance exports, by name."""
    metrics = Metrics()
    found: dict[str, set[str]] = {}
    for collector, names in metrics.registry._collector_to_names.items():
        for name in names:
            found[name] = set(getattr(collector, "_labelnames", ()))
    # the process collector lists its names only together with values
    for family in metrics.registry.collect():
        if family.name.startswith("process_"):
            found |= {sample.name: set() for sample in family.samples}
    assert found["orcastra_plan_steps"] == {"name"}
    return found


def alert_rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    found = [rule["expr"] for rule in alert_rules()]
    for panel in dashboard["panels"]:
        found += [target["expr"] for target in panel["targets"]]
    return found + [
        variable["definition"] for variable in dashboard["templating"]["list"] if "definition" in variable
    ]


@pytest.mark.parametrize("expression", expressions())
def test_metrics_exist_with_all_labels(expression: str) -> None:
    metrics = known()
    labels = set(re.findall(r"(\w+)\s*=~?\s*\"", expression))
    for group in re.findall(r"by \(([^)]*)\)", expression):
        labels |= set(re.split(r",\s*", group))
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|by \([^)]*\)|, job\)", " ", expression)
    names = set(re.findall(r"[a-z_]{2,}", bare)) - WORDS
    assert names or "up" in bare
    for name in names:
        assert name in metrics, expression
    allowed = ADDED_BY_PROMETHEUS.union(*(metrics[name] for name in names))
    assert labels <= allowed, expression


def test_legends_and_texts_use_existing_labels() -> None:
    every = ADDED_BY_PROMETHEUS.union(*known().values())
    text = (FOLDER / "dashboard.json").read_text(encoding="utf-8")
    text += (FOLDER / "alerts.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"\{\{\s*(?:\$labels\.)?([a-z]+)\s*\}\}", text))
    assert {"name", "instance"} <= used <= every


def test_dashboard_has_room_for_all_panels() -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        across = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in across for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_example_scrapes_under_the_job_name_of_the_rules() -> None:
    example = yaml.safe_load((FOLDER / "scrape.yml").read_text(encoding="utf-8"))
    (job,) = example["scrape_configs"]
    assert all(f'job="{job["job_name"]}"' in rule["expr"] for rule in alert_rules())
    assert all((FOLDER / name).is_file() for name in example["rule_files"])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing (package prometheus)")
def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    for name in ("alerts.yml", "scrape.yml"):
        shutil.copy(FOLDER / name, tmp_path)
    for command in (["check", "rules", "alerts.yml"], ["check", "config", "scrape.yml"]):
        done = subprocess.run(
            ["promtool", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``rebalance_config.yml``: all forms of its keys, and all problems at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import (
    build_rebalance,
    load_rebalance,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    MetricSources,
    Rebalance,
    ServiceRules,
    SpreadRules,
)
from tests.conftest import CHECKOUT
from tests.support.problems import keyed, placed, problems_of

UPSTREAM = """\
monitor_interval_seconds: 45
default:
  cooldown_minutes: 20
  sustained_high_minutes: 5
  memory_difference_gb: 2.5
  rebalance_buffer_gb: 0.5
node_exporter_nodes:
  host-1: {exporter_url: "http://10.0.0.1:9100/metrics"}
node_exporters:
  mgr-a: http://10.0.0.11:9100/metrics
node_map: {mgr-a: host-1}
services:
  wiki_db: {cooldown_minutes: 30, memory_difference_gb: 3}
  wiki:
x-anything: [1]
"""


def test_load_rebalance_accepts_upstream_keys(tmp_path: Path) -> None:
    path = tmp_path / "rebalance_config.yml"
    path.write_text(UPSTREAM)
    found, data = load_rebalance(path)
    assert found.interval_seconds == 45
    assert found.rules.default == ServiceRules(1200, int(2.5 * GB), GB // 2)
    assert found.rules.services == {
        "wiki_db": ServiceRules(1800, 3 * GB, GB // 2, may_leave_data=True),
        "wiki": ServiceRules(1200, int(2.5 * GB), GB // 2, may_leave_data=True),
    }
    assert (found.rules.sustained_seconds, found.rules.max_moves_per_cycle) == (300, 1)
    assert found.sources == MetricSources(
        node_exporters={"host-1": "http://10.0.0.1:9100/metrics", "mgr-a": "http://10.0.0.11:9100/metrics"},
        node_map={"mgr-a": "host-1"},
        scrape_interval_seconds=45,
    )
    assert build_rebalance(data) == found


def test_load_rebalance_without_file_gives_defaults(tmp_path: Path) -> None:
    sources = MetricSources(node_exporter_url="http://{address}:9100/metrics")
    assert load_rebalance(tmp_path / "none.yml") == (Rebalance(sources=sources), {})
    assert build_rebalance({"default": None, "metrics": None}) == Rebalance(sources=sources)


@pytest.mark.parametrize(
    "data", [{"comonitor_interval_seconds": 7}, {"default": {"check_interval_seconds": 7}}]
)
def test_interval_has_three_names(data: dict[str, Any]) -> None:
    assert build_rebalance(data).interval_seconds == 7


def test_default_url_is_not_used_with_endpoints_or_server() -> None:
    named = {"node_exporters": {"a": "http://a/"}}
    assert build_rebalance(named).sources.node_exporter_url is None
    template = {"node_exporter_url": "https://{hostname}/metrics"}
    assert (
        build_rebalance({**named, "metrics": template}).sources.node_exporter_url
        == template["node_exporter_url"]
    )
    server = {"prometheus_url": "http://p:9090"}
    assert build_rebalance({"metrics": server}).sources.node_exporter_url is None


def test_load_rebalance_reports_all_problems_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.yml"
    path.write_text(
        "monitor_interval_seconds: 30\n"
        "comonitor_interval_seconds: 31\n"
        "default: {cooldown_minutes: soon, memory_difference: 2}\n"
        "node_exporters: {a: '10.0.0.11:9100', b: {exporter: x}, c: 'http://u:secret@h/'}\n"
        "node_exporter_nodes: {a: 'http://a/', d: 'http://d/'}\n"
        "services: [wiki]\n"
        "metrics: {timeout_seconds: 0, prometheus_url: 'ftp://x', node_exporter_url: 'http://x/'}\n"
        "max_moves_per_cycle: 1.5\n"
    )
    found = problems_of(lambda: load_rebalance(path))
    assert placed(found) == [
        ("conflict", "r.yml:2", "comonitor_interval_seconds"),
        ("wrong_type", "r.yml:3", "default.cooldown_minutes"),
        ("unknown_key", "r.yml:3", "default.memory_difference"),
        ("invalid_value", "r.yml:4", "node_exporters.a"),
        ("unknown_key", "r.yml:4", "node_exporters.b.exporter"),
        ("missing", "r.yml:4", "node_exporters.b.exporter_url"),
        ("invalid_value", "r.yml:4", "node_exporters.c"),
        ("wrong_type", "r.yml:6", "services"),
        ("invalid_value", "r.yml:7", "metrics.node_exporter_url"),
        ("invalid_value", "r.yml:7", "metrics.prometheus_url"),
        ("out_of_range", "r.yml:7", "metrics.timeout_seconds"),
        ("wrong_type", "r.yml:8", "max_moves_per_cycle"),
    ]
    assert all("secret" not in str(problem) for problem in found)


def test_build_rebalance_rejects_two_urls_for_one_name() -> None:
    data = {"node_exporter_nodes": {"a": "http://a/"}, "node_exporters": {"a": "http://b/"}}
    found = problems_of(lambda: build_rebalance(data))
    assert keyed(found) == [("conflict", "node_exporters.a")]


def test_example_matches_defaults() -> None:
    found, _data = load_rebalance(CHECKOUT / "inventory" / "example" / "rebalance_config.yml")
    nothing = build_rebalance({})
    assert replace(found.rules, services={}) == nothing.rules
    assert found.interval_seconds == nothing.interval_seconds
    assert replace(found.sources, node_exporters={}, node_map={}) == nothing.sources


@pytest.mark.parametrize(
    ("given", "rules"),
    [
        (None, None),
        (False, None),
        (True, SpreadRules()),
        ({}, SpreadRules()),
        (
            {"topology": "node.labels.zone", "even_tasks": False, "settle_minutes": 0},
            SpreadRules("node.labels.zone", even_tasks=False, settle_seconds=0),
        ),
    ],
)
def test_build_rebalance_reads_spread(given: Any, rules: SpreadRules | None) -> None:
    assert build_rebalance({"spread": given}).rules.spread == rules
    assert build_rebalance({}).rules.spread is None


def test_build_rebalance_refuses_unknown_spread_options() -> None:
    data = {"spread": {"topology": "zone", "settle_minutes": -1, "even_task": True}}
    found = problems_of(lambda: build_rebalance(data))
    assert {key for _code, key in keyed(found)} == {
        "spread.topology",
        "spread.settle_minutes",
        "spread.even_task",
    }


@pytest.mark.parametrize(
    ("given", "is_optional"),
    [
        ({}, False),
        ({"spread": {}}, True),
        ({"spread": False}, False),
        ({"spread": {}, "node_exporters": {"a": "http://a/"}}, False),
        ({"spread": {}, "metrics": {"node_exporter_url": "http://{address}:9100/metrics"}}, False),
    ],
)
def test_build_rebalance_expects_no_exporters_if_only_spreading_is_configured(
    given: dict[str, Any], is_optional: bool
) -> None:
    assert build_rebalance(given).sources.is_optional is is_optional

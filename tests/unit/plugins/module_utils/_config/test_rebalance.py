# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``rebalance_config.yml``: all spellings, and all mistakes at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import (
    build_rebalance,
    load_rebalance,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    MetricSources,
    Rebalance,
    ServiceRules,
)
from tests.conftest import CHECKOUT

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


def test_every_key_that_people_bring(tmp_path: Path) -> None:
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


def test_nothing_at_all_is_the_default(tmp_path: Path) -> None:
    sources = MetricSources(node_exporter_url="http://{address}:9100/metrics")
    assert load_rebalance(tmp_path / "none.yml") == (Rebalance(sources=sources), {})
    assert build_rebalance({"default": None, "metrics": None}) == Rebalance(sources=sources)


@pytest.mark.parametrize(
    "data", [{"comonitor_interval_seconds": 7}, {"default": {"check_interval_seconds": 7}}]
)
def test_other_spellings_of_the_interval(data: dict[str, Any]) -> None:
    assert build_rebalance(data).interval_seconds == 7


def test_where_an_endpoint_is_named_the_others_are_not_guessed() -> None:
    named = {"node_exporters": {"a": "http://a/"}}
    assert build_rebalance(named).sources.node_exporter_url is None
    template = {"node_exporter_url": "https://{hostname}/metrics"}
    assert (
        build_rebalance({**named, "metrics": template}).sources.node_exporter_url
        == template["node_exporter_url"]
    )
    server = {"prometheus_url": "http://p:9090"}
    assert build_rebalance({"metrics": server}).sources.node_exporter_url is None


def test_all_mistakes_at_once(tmp_path: Path) -> None:
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
    with pytest.raises(ConfigError) as caught:
        load_rebalance(path)
    told = [(problem.line, problem.key) for problem in caught.value.problems]
    assert told == [
        (2, "comonitor_interval_seconds"),
        (3, "default.cooldown_minutes"),
        (3, "default.memory_difference"),
        (4, "node_exporters.a"),
        (4, "node_exporters.b.exporter"),
        (4, "node_exporters.b.exporter_url"),
        (4, "node_exporters.c"),
        (6, "services"),
        (7, "metrics.node_exporter_url"),
        (7, "metrics.prometheus_url"),
        (7, "metrics.timeout_seconds"),
        (8, "max_moves_per_cycle"),
    ]
    assert "secret" not in str(caught.value)
    assert "did you mean 'memory_difference_gb'?" in str(caught.value)


def test_one_name_with_two_urls() -> None:
    with pytest.raises(
        ConfigError, match=r"node_exporters.a: expected the same URL as node_exporter_nodes.a"
    ):
        build_rebalance({"node_exporter_nodes": {"a": "http://a/"}, "node_exporters": {"a": "http://b/"}})


def test_the_example_says_what_the_defaults_are() -> None:
    found, _data = load_rebalance(CHECKOUT / "inventory" / "example" / "rebalance_config.yml")
    nothing = build_rebalance({})
    assert replace(found.rules, services={}) == nothing.rules
    assert found.interval_seconds == nothing.interval_seconds
    assert replace(found.sources, node_exporters={}, node_map={}) == nothing.sources

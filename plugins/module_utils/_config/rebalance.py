# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From ``rebalance_config.yml``, or the same as plain data, to the checked rules of rebalancing."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import in_order, plain_document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.check import check_against
from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance_schema import REBALANCE_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.sections import refuse_blank
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._config.urls import url_fault
from ansible_collections.orcastra.swarm.plugins.module_utils._config.words import KeyPath, describe, dotted
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    MetricSources,
    Rebalance,
    RebalanceRules,
    ServiceRules,
)

DEFAULT_NODE_EXPORTER_URL = "http://{address}:9100/metrics"

# the interval in its three spellings
_INTERVALS: tuple[KeyPath, ...] = (
    ("monitor_interval_seconds",),
    ("comonitor_interval_seconds",),
    ("default", "check_interval_seconds"),
)
_EXPORTERS = ("node_exporter_nodes", "node_exporters")


def load_rebalance(path: Path) -> tuple[Rebalance, Mapping[str, Any]]:
    """Read and check the file; also returns its data, for ``build_rebalance`` elsewhere.

    An absent file gives the defaults, and so does ``{}``. Raises ConfigError with all problems, for one that
    is there and says nothing, too: it may be half written.
    """
    document, problems = read_file(path)
    return _build(document, refuse_blank(document, problems)), document.data or {}


def build_rebalance(data: Mapping[str, Any]) -> Rebalance:
    """Check plain data, a mapping as in the file. Raises ConfigError with all problems."""
    document, problems = plain_document(data)
    return _build(document, problems)


def _build(document: Document, met: Iterable[Problem]) -> Rebalance:
    shape = check_against(document, REBALANCE_SCHEMA)
    values = _Values(document, shape)
    interval = _interval(values)
    rebalance = Rebalance(
        rules=_rules(values),
        sources=_sources(values, interval),
        interval_seconds=interval,
    )
    problems = [*met, *shape.values(), *values.problems]
    if problems:
        raise ConfigError(in_order(problems))
    return rebalance


class _Values:
    """The document's values that have the right shape, and what else is wrong with them."""

    def __init__(self, document: Document, refused: Collection[KeyPath]) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._refused = refused

    def get(self, *path: str, default: Any = None) -> Any:
        """The value at ``path``; ``default`` where there is none, or one that was refused."""
        value = self._document.data
        for length, key in enumerate(path, start=1):
            if path[: length - 1] in self._refused or not isinstance(value, Mapping):
                return default
            value = value.get(key)
        return default if value is None or path in self._refused else value

    def names(self, *path: str) -> list[str]:
        """The keys of the mapping at ``path``, without those that are for other tools."""
        found = self.get(*path, default={})
        return [name for name in found if not name.startswith("x-") and (*path, name) not in self._refused]

    def tell(self, path: KeyPath, expected: str, found: str) -> None:
        self.problems.append(self._document.problem(path, expected, found))

    def place(self, path: KeyPath) -> str:
        return self._document.place(path)


def _interval(values: _Values) -> float:
    given = [path for path in _INTERVALS if values.get(*[str(part) for part in path]) is not None]
    if not given:
        return Rebalance.interval_seconds
    numbers = [float(values.get(*[str(part) for part in path])) for path in given]
    for path, number in zip(given[1:], numbers[1:]):
        if number != numbers[0]:
            first = f"{numbers[0]:g} as {dotted(given[0])} says ({values.place(given[0])})"
            values.tell(path, first, f"{number:g}")
    return numbers[0]


def _rules(values: _Values) -> RebalanceRules:
    default = _limits(values, ("default",), ServiceRules())
    return RebalanceRules(
        default=default,
        services={
            name: _limits(values, ("services", name), default, may_leave_data=True)
            for name in values.names("services")
        },
        sustained_seconds=60 * values.get("default", "sustained_high_minutes", default=10),
        max_moves_per_cycle=values.get("max_moves_per_cycle", default=RebalanceRules.max_moves_per_cycle),
    )


def _limits(
    values: _Values, path: tuple[str, ...], other: ServiceRules, *, may_leave_data: bool = False
) -> ServiceRules:
    def number(key: str, otherwise: float, unit: int) -> float:
        given = values.get(*path, key)
        return otherwise if given is None else float(given) * unit

    return ServiceRules(
        cooldown_seconds=number("cooldown_minutes", other.cooldown_seconds, 60),
        memory_difference_bytes=int(number("memory_difference_gb", other.memory_difference_bytes, GB)),
        rebalance_buffer_bytes=int(number("rebalance_buffer_gb", other.rebalance_buffer_bytes, GB)),
        may_leave_data=may_leave_data,
    )


def _sources(values: _Values, interval: float) -> MetricSources:
    exporters = _exporters(values)
    prometheus = _url(values, ("metrics", "prometheus_url"))
    template = _url(values, ("metrics", "node_exporter_url"), is_template=True)
    if template is None and not exporters and prometheus is None:
        template = DEFAULT_NODE_EXPORTER_URL
    paths = {
        name: _url(values, ("metrics", "cadvisors", name)) for name in values.names("metrics", "cadvisors")
    }
    return MetricSources(
        node_exporters=exporters,
        node_map={name: values.get("node_map", name) for name in values.names("node_map")},
        node_exporter_url=template,
        cadvisors={name: url for name, url in paths.items() if url is not None},
        cadvisor_url=_url(values, ("metrics", "cadvisor_url"), is_template=True),
        prometheus_url=prometheus,
        scrape_interval_seconds=float(values.get("metrics", "scrape_interval_seconds", default=interval)),
        timeout_seconds=float(
            values.get("metrics", "timeout_seconds", default=MetricSources.timeout_seconds)
        ),
        ca_path=values.get("metrics", "ca_path"),
        validate_certs=values.get("metrics", "validate_certs", default=True),
        use_proxy=values.get("metrics", "use_proxy", default=False),
    )


def _exporters(values: _Values) -> dict[str, str]:
    """Both spellings in one."""
    found: dict[str, str] = {}
    places: dict[str, KeyPath] = {}
    for part in _EXPORTERS:
        for name in values.names(part):
            path: tuple[str, ...] = (part, name)
            if isinstance(values.get(*path), Mapping):
                path = (*path, "exporter_url")
            url = _url(values, path)
            if url is None:
                continue
            if name in found and found[name] != url:
                place = f"{dotted(places[name])} ({values.place(places[name])})"
                values.tell(path, f"the same URL as {place}", describe(url))
            found[name], places[name] = url, path
    return found


def _url(values: _Values, path: tuple[str, ...], *, is_template: bool = False) -> str | None:
    text = values.get(*path)
    if text is None:
        return None
    fault = url_fault(text, is_template=is_template)
    if fault is not None:
        values.tell(path, *fault)
        return None
    return str(text)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From ``rebalance_config.yml``, or the same as plain data, to the checked rules of rebalancing."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from .._model.errors import ConfigError, Problem
from .._model.rules import GB, MetricSources, Rebalance, RebalanceRules, ServiceRules
from .build import in_order, plain_document
from .check import check_against
from .document import Document
from .logins import Apart, has_login, login_headers, ours
from .rebalance_schema import REBALANCE_SCHEMA
from .sections import refuse_blank
from .source import read_file
from .urls import url_fault
from .words import KeyPath, describe, dotted

DEFAULT_NODE_EXPORTER_URL = "http://{address}:9100/metrics"

# the interval in its three spellings
_INTERVALS: tuple[KeyPath, ...] = (
    ("monitor_interval_seconds",),
    ("comonitor_interval_seconds",),
    ("default", "check_interval_seconds"),
)
_EXPORTERS = ("node_exporter_nodes", "node_exporters")
_LOGINS = ("node_exporter_auth", "cadvisor_auth", "prometheus_auth")
# where user and password go instead of a URL
_HINT = "write a mapping, with username and password beside the URL"
_HINTS = {
    "exporter_url": "they have keys of their own here: username and password",
    "url": "they have keys of their own here: username and password",
    "node_exporter_url": "they go in metrics.node_exporter_auth: username and password",
    "cadvisor_url": "they go in metrics.cadvisor_auth: username and password",
    "prometheus_url": "they go in metrics.prometheus_auth: username and password",
}


def load_rebalance(
    path: Path, environment: Mapping[str, str] | None = None
) -> tuple[Rebalance, Mapping[str, Any]]:
    """Read and check the file; also returns its data, for ``build_rebalance`` elsewhere.

    ``environment`` has the values of ``${VAR}``; without one they stay as they are. An absent file gives the
    defaults, and so does ``{}``. Raises ConfigError with all problems, also if the file is blank: it
    may be half written.
    """
    document, problems = read_file(path)
    return rebalance_of(document, refuse_blank(document, problems), environment), document.data or {}


def rebalance_of(
    document: Document, problems: Iterable[Problem] = (), environment: Mapping[str, str] | None = None
) -> Rebalance:
    """Check what a file holds; ``problems`` were met while it was read. Raises ConfigError with all."""
    return _build(document, problems, environment)


def build_rebalance(
    data: Mapping[str, Any], environment: Mapping[str, str] | None = None, *, may_be_literal: bool = True
) -> Rebalance:
    """Check plain data, a mapping as in the file. Raises ConfigError with all problems.

    ``may_be_literal``: whether secrets may stand in it as they are.
    """
    document, problems = plain_document(data)
    return _build(document, problems, environment, may_be_literal=may_be_literal)


def take_apart(
    data: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Valid data in which ``${…}`` stands for each secret, and the values of these variables.

    What is for other tools is left out: secrets can be anywhere in it.
    So that the secrets can be handed on apart from the rest. A ``${VAR}`` that ``environment`` doesn't have
    counts where the data is used. Raises OrcastraError if a file that holds a value can't be read.
    """
    apart = Apart(environment)
    found = ours(data)
    for part in _EXPORTERS:
        if isinstance(found.get(part), Mapping):
            found[part] = _each_apart(apart, found[part])
    if isinstance(found.get("metrics"), Mapping):
        metrics = found["metrics"] = ours(found["metrics"])
        for key in (*_LOGINS, "cadvisors"):
            if isinstance(metrics.get(key), Mapping):
                each = _each_apart if key == "cadvisors" else Apart.login
                metrics[key] = each(apart, metrics[key])
    return found, apart.variables


def _each_apart(apart: Apart, entries: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: apart.login(entry) if isinstance(entry, Mapping) else entry
        for name, entry in ours(entries).items()
    }


def _build(
    document: Document,
    met: Iterable[Problem],
    environment: Mapping[str, str] | None,
    *,
    may_be_literal: bool = True,
) -> Rebalance:
    shape = check_against(document, REBALANCE_SCHEMA)
    values = _Values(document, shape, environment, may_be_literal=may_be_literal)
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

    def __init__(
        self,
        document: Document,
        refused: Collection[KeyPath],
        environment: Mapping[str, str] | None,
        *,
        may_be_literal: bool,
    ) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._refused = refused
        self._environment = environment
        self._may_be_literal = may_be_literal

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

    def login(self, *path: str) -> dict[str, str] | None:
        """The headers of the login at ``path``; None if there is none."""
        given = self.get(*path, default={})
        refused = any(wrong[: len(path)] == path and len(wrong) > len(path) for wrong in self._refused)
        if not isinstance(given, Mapping) or refused or not has_login(given):
            return None

        def tell(below: KeyPath, expected: str, found: str) -> None:
            self.tell((*path, *below), expected, found)

        return login_headers(given, self._environment, tell, may_be_literal=self._may_be_literal)

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
    headers = _Headers(values)
    exporters = _exporters(values, headers)
    prometheus = _url(values, ("metrics", "prometheus_url"))
    template = _url(values, ("metrics", "node_exporter_url"), is_template=True)
    if template is None and not exporters and prometheus is None:
        template = DEFAULT_NODE_EXPORTER_URL
    cadvisors = {}
    for name in values.names("metrics", "cadvisors"):
        path = _entry(values, ("metrics", "cadvisors", name), "url")
        url = _url(values, path)
        if url is not None:
            cadvisors[name] = url
            headers.add(url, ("metrics", "cadvisors", name), "cadvisor_auth")
    cadvisor_template = _url(values, ("metrics", "cadvisor_url"), is_template=True)
    headers.add(template, None, "node_exporter_auth")
    headers.add(cadvisor_template, None, "cadvisor_auth")
    headers.add(prometheus, None, "prometheus_auth")
    return MetricSources(
        node_exporters=exporters,
        node_map={name: values.get("node_map", name) for name in values.names("node_map")},
        node_exporter_url=template,
        cadvisors=cadvisors,
        cadvisor_url=cadvisor_template,
        prometheus_url=prometheus,
        headers=headers.found,
        scrape_interval_seconds=float(values.get("metrics", "scrape_interval_seconds", default=interval)),
        timeout_seconds=float(
            values.get("metrics", "timeout_seconds", default=MetricSources.timeout_seconds)
        ),
        ca_path=values.get("metrics", "ca_path"),
        validate_certs=values.get("metrics", "validate_certs", default=True),
        use_proxy=values.get("metrics", "use_proxy", default=False),
    )


class _Headers:
    """The headers that go to each URL."""

    def __init__(self, values: _Values) -> None:
        self.found: dict[str, dict[str, str]] = {}
        self._values = values
        self._defaults = {key: values.login("metrics", key) for key in _LOGINS}
        self._places: dict[str, KeyPath] = {}

    def add(self, url: str | None, path: tuple[str, ...] | None, default: str) -> None:
        """Note the login at ``path``, or else the default one, for a URL or a template of URLs."""
        if url is None:
            return
        headers = None if path is None else self._values.login(*path)
        if headers is None:
            headers = self._defaults[default]
        place = path or ("metrics", default)
        if self.found.get(url, headers) != headers:
            other = self._places[url]
            self._values.tell(place, f"the same login for the same URL as {dotted(other)} has", "another")
        if headers:
            self.found[url] = headers
        self._places.setdefault(url, place)


def _exporters(values: _Values, headers: _Headers) -> dict[str, str]:
    """Both spellings in one."""
    found: dict[str, str] = {}
    places: dict[str, KeyPath] = {}
    for part in _EXPORTERS:
        for name in values.names(part):
            path = _entry(values, (part, name), "exporter_url")
            url = _url(values, path)
            if url is None:
                continue
            if name in found and found[name] != url:
                place = f"{dotted(places[name])} ({values.place(places[name])})"
                values.tell(path, f"the same URL as {place}", describe(url))
            found[name], places[name] = url, path
            headers.add(url, (part, name), "node_exporter_auth")
    return found


def _entry(values: _Values, path: tuple[str, ...], key: str) -> tuple[str, ...]:
    """Where the URL of an entry is: the entry itself, or a key of it."""
    return (*path, key) if isinstance(values.get(*path), Mapping) else path


def _url(values: _Values, path: tuple[str, ...], *, is_template: bool = False) -> str | None:
    text = values.get(*path)
    if text is None:
        return None
    fault = url_fault(text, is_template=is_template)
    if fault is not None:
        expected, found = fault
        if "@" in text:
            expected += f" ({_HINTS.get(path[-1], _HINT)})"
        values.tell(path, expected, found)
        return None
    return str(text)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the checked rebalancing rules from ``rebalance_config.yml``, or from the same as plain data."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from .._model.errors import ConfigError, Problem, ProblemCode
from .._model.rules import GB, MetricSources, Rebalance, RebalanceRules, ServiceRules, SpreadRules
from .build import in_order, plain_document
from .check import check_against
from .document import Document
from .logins import SecretExtractor, has_login, login_headers, without_extensions
from .rebalance_schema import REBALANCE_SCHEMA
from .sections import refuse_blank
from .source import read_file
from .urls import url_fault
from .words import KeyPath, describe, dotted

DEFAULT_NODE_EXPORTER_URL = "http://{address}:9100/metrics"

# the three names of the interval
_INTERVALS: tuple[KeyPath, ...] = (
    ("monitor_interval_seconds",),
    ("comonitor_interval_seconds",),
    ("default", "check_interval_seconds"),
)
_EXPORTERS = ("node_exporter_nodes", "node_exporters")
_LOGINS = ("node_exporter_auth", "cadvisor_auth", "prometheus_auth")
# where to write credentials that are part of a URL, by the key of the URL
_HINT = "use a mapping with the URL, username and password"
_HINTS = {
    "exporter_url": "use the keys username and password",
    "url": "use the keys username and password",
    "node_exporter_url": "use metrics.node_exporter_auth",
    "cadvisor_url": "use metrics.cadvisor_auth",
    "prometheus_url": "use metrics.prometheus_auth",
}


def load_rebalance(
    path: Path, environment: Mapping[str, str] | None = None
) -> tuple[Rebalance, Mapping[str, Any]]:
    """Read and check the file. Also returns its data, which another process can pass to ``build_rebalance``.

    ``environment`` has the values of ``${VAR}``; if it is None, variables are not replaced. A missing file
    and ``{}`` give the defaults. Raises ConfigError with all problems. A blank file is one of them, because
    it may be incomplete.
    """
    document, problems = read_file(path)
    return rebalance_of(document, refuse_blank(document, problems), environment), document.data or {}


def rebalance_of(
    document: Document, problems: Iterable[Problem] = (), environment: Mapping[str, str] | None = None
) -> Rebalance:
    """Check a document that has been read, with ``problems``. Raises ConfigError with all problems."""
    return _build(document, problems, environment)


def build_rebalance(
    data: Mapping[str, Any], environment: Mapping[str, str] | None = None, *, may_be_literal: bool = True
) -> Rebalance:
    """Check plain data: a mapping with the structure of the file. Raises ConfigError with all problems.

    If ``may_be_literal`` is False, each secret must contain a variable.
    """
    document, problems = plain_document(data)
    return _build(document, problems, environment, may_be_literal=may_be_literal)


def extract_secrets(
    data: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Replace the secrets in valid data with variables. Returns the data and the values of the variables.

    The secrets can then be passed separately from the rest. Extensions (``x-``) are removed, because secrets
    can be anywhere in them. A ``${VAR}`` that ``environment`` does not have is kept, so that the reader of
    the data can replace it. Raises OrcastraError if the file of a variable cannot be read.
    """
    extractor = SecretExtractor(environment)
    found = without_extensions(data)
    for part in _EXPORTERS:
        if isinstance(found.get(part), Mapping):
            found[part] = _extract_each(extractor, found[part])
    if isinstance(found.get("metrics"), Mapping):
        metrics = found["metrics"] = without_extensions(found["metrics"])
        for key in (*_LOGINS, "cadvisors"):
            if isinstance(metrics.get(key), Mapping):
                extract = _extract_each if key == "cadvisors" else SecretExtractor.login
                metrics[key] = extract(extractor, metrics[key])
    return found, extractor.variables


def _extract_each(extractor: SecretExtractor, entries: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: extractor.login(entry) if isinstance(entry, Mapping) else entry
        for name, entry in without_extensions(entries).items()
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
    """The values of the document that match the schema, and further problems with them."""

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
        """The value at ``path``; ``default`` if there is none or if it was rejected."""
        value = self._document.data
        for length, key in enumerate(path, start=1):
            if path[: length - 1] in self._refused or not isinstance(value, Mapping):
                return default
            value = value.get(key)
        return default if value is None or path in self._refused else value

    def names(self, *path: str) -> list[str]:
        """The keys of the mapping at ``path``, without extensions and rejected values."""
        found = self.get(*path, default={})
        return [name for name in found if not name.startswith("x-") and (*path, name) not in self._refused]

    def login(self, *path: str) -> dict[str, str] | None:
        """The headers of the login at ``path``; None if there is none."""
        given = self.get(*path, default={})
        refused = any(wrong[: len(path)] == path and len(wrong) > len(path) for wrong in self._refused)
        if not isinstance(given, Mapping) or refused or not has_login(given):
            return None

        def report(below: KeyPath, expected: str, found: str, code: ProblemCode) -> None:
            self.report((*path, *below), expected, found, code)

        return login_headers(given, self._environment, report, may_be_literal=self._may_be_literal)

    def report(self, path: KeyPath, expected: str, found: str, code: ProblemCode) -> None:
        self.problems.append(self._document.problem(path, expected, found, code))

    def reference(self, path: KeyPath) -> str:
        """The key at ``path``, with its location if the document is a file."""
        key, place = dotted(path), self._document.place(path)
        return key if place == key else f"{key} ({place})"


def _interval(values: _Values) -> float:
    given = [path for path in _INTERVALS if values.get(*[str(part) for part in path]) is not None]
    if not given:
        return Rebalance.interval_seconds
    numbers = [float(values.get(*[str(part) for part in path])) for path in given]
    for path, number in zip(given[1:], numbers[1:]):
        if number != numbers[0]:
            first = f"{numbers[0]:g}, the value of {values.reference(given[0])}"
            values.report(path, first, f"{number:g}", "conflict")
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
        spread=_spread(values),
    )


def _spread(values: _Values) -> SpreadRules | None:
    """The rules for spreading; None if the section is missing, blank or false."""
    if not _has_spread(values):
        return None
    minutes = values.get("spread", "settle_minutes")
    return SpreadRules(
        topology=values.get("spread", "topology", default=""),
        even_tasks=values.get("spread", "even_tasks", default=True),
        settle_seconds=SpreadRules().settle_seconds if minutes is None else 60.0 * minutes,
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
    is_assumed = template is None and not exporters and prometheus is None
    if is_assumed:
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
        # spreading needs no exporters, and the configuration names none
        is_optional=is_assumed and _has_spread(values),
        headers=headers.found,
        scrape_interval_seconds=float(values.get("metrics", "scrape_interval_seconds", default=interval)),
        timeout_seconds=float(
            values.get("metrics", "timeout_seconds", default=MetricSources.timeout_seconds)
        ),
        ca_path=values.get("metrics", "ca_path"),
        validate_certs=values.get("metrics", "validate_certs", default=True),
        use_proxy=values.get("metrics", "use_proxy", default=False),
    )


def _has_spread(values: _Values) -> bool:
    return values.get("spread", default=False) is not False


class _Headers:
    """The request headers for each URL."""

    def __init__(self, values: _Values) -> None:
        self.found: dict[str, dict[str, str]] = {}
        self._values = values
        self._defaults = {key: values.login("metrics", key) for key in _LOGINS}
        self._places: dict[str, KeyPath] = {}

    def add(self, url: str | None, path: tuple[str, ...] | None, default: str) -> None:
        """Use the login at ``path``, or the default one if there is none, for a URL or a URL template."""
        if url is None:
            return
        headers = None if path is None else self._values.login(*path)
        if headers is None:
            headers = self._defaults[default]
        place = path or ("metrics", default)
        if self.found.get(url, headers) != headers:
            other = self._places[url]
            expected = f"the login of {dotted(other)}, which has the same URL"
            self._values.report(place, expected, "a different one", "conflict")
        if headers:
            self.found[url] = headers
        self._places.setdefault(url, place)


def _exporters(values: _Values, headers: _Headers) -> dict[str, str]:
    """The exporters from both keys, ``node_exporter_nodes`` and ``node_exporters``."""
    found: dict[str, str] = {}
    places: dict[str, KeyPath] = {}
    for part in _EXPORTERS:
        for name in values.names(part):
            path = _entry(values, (part, name), "exporter_url")
            url = _url(values, path)
            if url is None:
                continue
            if name in found and found[name] != url:
                expected = f"the same URL as {values.reference(places[name])}"
                values.report(path, expected, describe(url), "conflict")
            found[name], places[name] = url, path
            headers.add(url, (part, name), "node_exporter_auth")
    return found


def _entry(values: _Values, path: tuple[str, ...], key: str) -> tuple[str, ...]:
    """The path of an entry's URL: the entry itself, or its key ``key``."""
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
        values.report(path, expected, found, "invalid_value")
        return None
    return str(text)

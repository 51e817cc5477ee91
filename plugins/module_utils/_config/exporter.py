# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From ``deploy_node_exporter.yml``, a service in Compose's words, to a spec of the engine's API."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._model.errors import ConfigError, Problem
from .._model.exporter import ExporterConfig
from .build import in_order, plain_document
from .check import check_against
from .compose import long_mount, mount_of, port_of, words_of
from .document import Document
from .exporter_schema import EXPORTER_SCHEMA
from .exporter_spec import DEFAULT_NAME, mount_type, service_spec
from .interpolation import interpolate
from .sections import refuse_blank
from .source import read_file
from .words import KeyPath, describe

Json = dict[str, Any]

DEFAULT_PORT = 9100
TEXTFILE_DIR = "/var/lib/prometheus/node-exporter"

# The exporter sees the host, not its container: the host's network, and its files to be read.
DEFAULT_DEFINITION: Json = {
    "name": DEFAULT_NAME,
    "image": "prom/node-exporter:v1.9.1",
    "args": [
        "--path.procfs=/host/proc",
        "--path.sysfs=/host/sys",
        "--path.rootfs=/rootfs",
        f"--collector.textfile.directory=/rootfs{TEXTFILE_DIR}",
        "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|run|var/lib/docker)($|/)",
    ],
    "mounts": [
        {"source": "/proc", "target": "/host/proc", "read_only": True},
        {"source": "/sys", "target": "/host/sys", "read_only": True},
        # what is mounted and unmounted on the host later is seen, and is not held fast
        {"source": "/", "target": "/rootfs", "read_only": True, "propagation": "rslave"},
    ],
    "networks": ["host"],
    "deploy": {"mode": "global", "restart_policy": {"condition": "any", "delay": "5s"}},
}

_LISTEN_FLAG = re.compile(r"--?web\.listen-address")
_LISTEN_PORT = re.compile(r"(?!-)[^\s=]*:([0-9]{1,5})")


@dataclass(frozen=True)
class ExporterFile:
    """What the file holds. ``data`` has the values of variables; ``warnings`` are of those that have none."""

    desired: ExporterConfig
    data: Mapping[str, Any]
    warnings: tuple[Problem, ...] = ()


def load_exporter(path: Path, environment: Mapping[str, str] | None = None) -> ExporterFile:
    """Read and check the file. An absent one gives the default service; one without any data is an error.

    ``environment`` has the values of ``${VAR}``, by default that of this process. Raises ConfigError with all
    problems.
    """
    document, problems = read_file(path)
    problems = refuse_blank(document, problems)
    document, warnings, faults = interpolate(document, os.environ if environment is None else environment)
    return ExporterFile(
        _build(document, [*problems, *faults], lambda: None), document.data or {}, tuple(warnings)
    )


def build_exporter(data: Mapping[str, Any], zone: Callable[[], str | None] = lambda: None) -> ExporterConfig:
    """Check plain data, a mapping as in the file; an empty one gives the default service.

    ``zone`` returns the time zone of the host, None if it isn't known. Raises ConfigError with all problems.
    """
    document, problems = plain_document(data)
    return _build(document, problems, zone)


def _build(document: Document, met: Iterable[Problem], zone: Callable[[], str | None]) -> ExporterConfig:
    shape = check_against(document, EXPORTER_SCHEMA)
    problems = [*met, *shape.values()]
    if problems:
        raise ConfigError(in_order(problems))
    given, problems = _in_long_form(document, _without_nothing(document.data or {}))
    problems += _check(document, given)
    if problems:
        raise ConfigError(in_order(problems))
    _put_zone(given, zone)
    whole = _filled_in(given)
    said = given or whole
    spec, beside = service_spec(said), ()
    if "mounts" not in said:
        # it is the time zone's; a list would be all that the service has
        beside = spec["TaskTemplate"].get("ContainerSpec", {}).pop("Mounts", ())
    return ExporterConfig(
        name=whole["name"],
        spec=spec,
        initial=service_spec(whole),
        port=_port(whole),
        mounts=tuple(beside),
    )


def _in_long_form(document: Document, given: Json) -> tuple[Json, list[Problem]]:
    """The definition with ``args``, ``mounts`` and ``ports`` alone, each in its long form."""
    problems: list[Problem] = []
    result = {key: value for key, value in given.items() if key not in ("command", "volumes", "ports")}
    for key, name in (("command", "args"), ("entrypoint", "entrypoint")):
        if key not in given:
            continue
        if key != name and name in given:
            problems.append(document.problem((key,), f"one of {key} and {name}", "both"))
        try:
            result[name] = words_of(given[key])
        except ValueError:
            problems.append(document.problem((key,), "each quote in pairs", describe(given[key])))
    for index, entry in enumerate(given.get("volumes", [])):
        mount, unknown = mount_of(entry) if isinstance(entry, str) else (long_mount(entry), [])
        for option in unknown:
            problems.append(document.problem(("volumes", index), "a known option", describe(option)))
        result["mounts"] = [*result.get("mounts", []), mount]
    if "ports" in given:
        result["ports"] = [entry if isinstance(entry, dict) else port_of(entry) for entry in given["ports"]]
    return result, problems


def _put_zone(given: Json, zone: Callable[[], str | None]) -> None:
    """Put the host's zone in the place of ``env_tz: true``; if it isn't known, mount what tells it."""
    timezone = given.get("timezone", {})
    if timezone.get("env_tz") is True:
        name = zone()
        given["timezone"] = {**timezone, "env_tz": name} if name else {**timezone, "bind_local": True}


def _filled_in(given: Json) -> Json:
    """The definition with the default's parts where it says nothing, as far as they go together."""
    whole = dict(given)
    for parts in (("name",), ("image",), ("args", "mounts"), ("networks", "ports"), ("deploy",)):
        if not any(part in given for part in parts):
            whole |= {part: DEFAULT_DEFINITION[part] for part in parts if part in DEFAULT_DEFINITION}
    return whole


def _without_nothing(value: Any) -> Any:
    """Without keys that are for other tools or have no value."""
    if isinstance(value, Mapping):
        return {
            key: _without_nothing(item)
            for key, item in value.items()
            if item is not None and not key.startswith("x-")
        }
    return [_without_nothing(item) for item in value] if isinstance(value, list) else value


def _check(document: Document, given: Json) -> list[Problem]:
    problems = []
    listed = len((document.data or {}).get("mounts") or [])
    for part in ("mounts", "ports"):
        seen: set[Any] = set()
        for index, entry in enumerate(given.get(part, [])):
            # behind the mounts there are those that are written as volumes
            path: KeyPath = (
                ("volumes", index - listed) if part == "mounts" and index >= listed else (part, index)
            )
            target = str(entry["target"])
            identity = (target, entry.get("protocol", "tcp"))
            if identity in seen:
                problems.append(document.problem((*path, "target"), "each target once", f"{target} again"))
            seen.add(identity)
            # a relative path would be the name of a volume
            is_path = part == "mounts" and (mount_type(entry) == "bind" or entry["source"][:1] in ".~")
            if is_path and not entry["source"].startswith("/"):
                source = describe(entry["source"])
                problems.append(document.problem((*path, "source"), "an absolute path", source))
    deploy = given.get("deploy", {})
    if deploy.get("mode", "global") == "global" and "replicas" in deploy:
        problems.append(
            document.problem(("deploy", "replicas"), "none in mode global", describe(deploy["replicas"]))
        )
    return problems


def _port(definition: Json) -> int:
    """The port on which a node's exporter is reached."""
    for port in definition.get("ports", []):
        if "published" in port:
            return int(port["published"])
    words = list(definition.get("args", []))
    for word, following in zip(words, [*words[1:], ""]):
        flag, equals, value = word.partition("=")
        match = _LISTEN_PORT.fullmatch(value if equals else following)
        if _LISTEN_FLAG.fullmatch(flag) and match:
            return int(match[1])
    return DEFAULT_PORT

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn ``deploy_node_exporter.yml``, a service in Compose syntax, into a spec for the engine's API."""

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

# The exporter must see the host and not its container, so it gets the host's network and files (read-only).
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
        # rslave: later mounts and unmounts on the host are visible here, and no file system stays busy
        {"source": "/", "target": "/rootfs", "read_only": True, "propagation": "rslave"},
    ],
    "networks": ["host"],
    "deploy": {"mode": "global", "restart_policy": {"condition": "any", "delay": "5s"}},
}

_LISTEN_FLAG = re.compile(r"--?web\.listen-address")
_LISTEN_PORT = re.compile(r"(?!-)[^\s=]*:([0-9]{1,5})")


@dataclass(frozen=True)
class ExporterFile:
    """The content of the file. ``data`` has its variables replaced; ``warnings`` name the unset ones."""

    desired: ExporterConfig
    data: Mapping[str, Any]
    warnings: tuple[Problem, ...] = ()


def load_exporter(path: Path, environment: Mapping[str, str] | None = None) -> ExporterFile:
    """Read and check the file. A missing file gives the default service; a blank one is an error.

    ``environment`` has the values of ``${VAR}``; the default is the environment of this process. Raises
    ConfigError with all problems.
    """
    document, problems = read_file(path)
    problems = refuse_blank(document, problems)
    document, warnings, faults = interpolate(document, os.environ if environment is None else environment)
    return ExporterFile(
        _build(document, [*problems, *faults], lambda: None), document.data or {}, tuple(warnings)
    )


def build_exporter(data: Mapping[str, Any], zone: Callable[[], str | None] = lambda: None) -> ExporterConfig:
    """Check plain data: a mapping with the structure of the file. An empty one gives the default service.

    ``zone`` returns the time zone of the host, or None if it is unknown. Raises ConfigError with all
    problems.
    """
    document, problems = plain_document(data)
    return _build(document, problems, zone)


def _build(document: Document, met: Iterable[Problem], zone: Callable[[], str | None]) -> ExporterConfig:
    shape = check_against(document, EXPORTER_SCHEMA)
    problems = [*met, *shape.values()]
    if problems:
        raise ConfigError(in_order(problems))
    given, problems = _in_long_form(document, _without_empty(document.data or {}))
    problems += _check(document, given)
    if problems:
        raise ConfigError(in_order(problems))
    _set_time_zone(given, zone)
    whole = _with_defaults(given)
    definition = given or whole
    spec, extra_mounts = service_spec(definition), ()
    if "mounts" not in definition:
        # only the mount of the time zone; in the spec, the list would replace all mounts of the service
        extra_mounts = spec["TaskTemplate"].get("ContainerSpec", {}).pop("Mounts", ())
    return ExporterConfig(
        name=whole["name"],
        spec=spec,
        initial=service_spec(whole),
        port=_port(whole),
        mounts=tuple(extra_mounts),
    )


def _in_long_form(document: Document, given: Json) -> tuple[Json, list[Problem]]:
    """Rewrite ``command``, ``volumes`` and ``ports`` to ``args``, ``mounts`` and ports in long syntax."""
    problems: list[Problem] = []
    result = {key: value for key, value in given.items() if key not in ("command", "volumes", "ports")}
    for key, name in (("command", "args"), ("entrypoint", "entrypoint")):
        if key not in given:
            continue
        if key != name and name in given:
            problems.append(document.problem((key,), f"either {key} or {name}", "both", "conflict"))
        try:
            result[name] = words_of(given[key])
        except ValueError:
            problems.append(document.problem((key,), "balanced quotes", describe(given[key])))
    for index, entry in enumerate(given.get("volumes", [])):
        mount, unknown = mount_of(entry) if isinstance(entry, str) else (long_mount(entry), [])
        for option in unknown:
            problems.append(document.problem(("volumes", index), "a known mount option", describe(option)))
        result["mounts"] = [*result.get("mounts", []), mount]
    if "ports" in given:
        result["ports"] = [entry if isinstance(entry, dict) else port_of(entry) for entry in given["ports"]]
    return result, problems


def _set_time_zone(given: Json, zone: Callable[[], str | None]) -> None:
    """Replace ``env_tz: true`` with the host's time zone; if it is unknown, mount /etc/localtime instead."""
    timezone = given.get("timezone", {})
    if timezone.get("env_tz") is True:
        name = zone()
        given["timezone"] = {**timezone, "env_tz": name} if name else {**timezone, "bind_local": True}


def _with_defaults(given: Json) -> Json:
    """Fill in defaults. Parts that belong together get theirs only if the user sets none of them."""
    whole = dict(given)
    for parts in (("name",), ("image",), ("args", "mounts"), ("networks", "ports"), ("deploy",)):
        if not any(part in given for part in parts):
            whole |= {part: DEFAULT_DEFINITION[part] for part in parts if part in DEFAULT_DEFINITION}
    return whole


def _without_empty(value: Any) -> Any:
    """The data without extensions (``x-``) and keys without a value."""
    if isinstance(value, Mapping):
        return {
            key: _without_empty(item)
            for key, item in value.items()
            if item is not None and not key.startswith("x-")
        }
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def _check(document: Document, given: Json) -> list[Problem]:
    problems = []
    listed = len((document.data or {}).get("mounts") or [])
    for part in ("mounts", "ports"):
        seen: set[Any] = set()
        for index, entry in enumerate(given.get(part, [])):
            # entries of `volumes` follow those of `mounts`
            path: KeyPath = (
                ("volumes", index - listed) if part == "mounts" and index >= listed else (part, index)
            )
            target = str(entry["target"])
            identity = (target, entry.get("protocol", "tcp"))
            if identity in seen:
                found = f"{target} again"
                problems.append(document.problem((*path, "target"), "each target once", found, "duplicate"))
            seen.add(identity)
            # Docker would treat a relative path as the name of a volume
            is_path = part == "mounts" and (mount_type(entry) == "bind" or entry["source"][:1] in ".~")
            if is_path and not entry["source"].startswith("/"):
                source = describe(entry["source"])
                problems.append(document.problem((*path, "source"), "an absolute path", source))
    deploy = given.get("deploy", {})
    if deploy.get("mode", "global") == "global" and "replicas" in deploy:
        found = describe(deploy["replicas"])
        problems.append(
            document.problem(("deploy", "replicas"), "no replicas in global mode", found, "conflict")
        )
    return problems


def _port(definition: Json) -> int:
    """The port of the exporter on each node: published, or in ``--web.listen-address``, or the default."""
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

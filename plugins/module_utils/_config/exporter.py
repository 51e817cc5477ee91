# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From ``deploy_node_exporter.yml``, a service in Compose's words, to a spec of the engine's API."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import in_order, plain_document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.check import check_against
from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.durations import nanoseconds
from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter_schema import EXPORTER_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.sections import refuse_blank
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._config.words import KeyPath, describe
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from ansible_collections.orcastra.swarm.plugins.module_utils._model.exporter import ExporterWanted

Json = dict[str, Any]

DEFAULT_NAME = "node-exporter"
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

_LOCALTIME = "/etc/localtime"
_LISTEN = re.compile(r"--web\.listen-address=\S*?:([0-9]{1,5})")


def load_exporter(path: Path) -> tuple[ExporterWanted, Mapping[str, Any]]:
    """Read and check the file; also returns its data. An absent file, or ``{}``, gives the default service.

    Raises ConfigError with all problems, for a file that is there and says nothing, too.
    """
    document, problems = read_file(path)
    return _build(document, refuse_blank(document, problems)), document.data or {}


def build_exporter(data: Mapping[str, Any]) -> ExporterWanted:
    """Check plain data, a mapping as in the file; an empty one gives the default service.

    Raises ConfigError with all problems.
    """
    document, problems = plain_document(data)
    return _build(document, problems)


def _build(document: Document, met: Iterable[Problem]) -> ExporterWanted:
    shape = check_against(document, EXPORTER_SCHEMA)
    problems = [*met, *shape.values()]
    if problems:
        raise ConfigError(in_order(problems))
    given = _without_nothing(document.data or {})
    problems = _check(document, given)
    if problems:
        raise ConfigError(in_order(problems))
    whole = _filled_in(given)
    said = given or whole
    spec, beside = _spec(said), ()
    if "mounts" not in said:
        # it is the time zone's; a list would be all that the service has
        beside = spec["TaskTemplate"].get("ContainerSpec", {}).pop("Mounts", ())
    return ExporterWanted(
        name=whole["name"], spec=spec, initial=_spec(whole), port=_port(whole), mounts=tuple(beside)
    )


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
    for part, key in (("mounts", "target"), ("ports", "target")):
        seen: set[Any] = set()
        for index, entry in enumerate(given.get(part, [])):
            path: KeyPath = (part, index)
            identity = (entry[key], entry.get("protocol", "tcp"))
            if identity in seen:
                problems.append(
                    document.problem((*path, key), "each target once", f"{describe(entry[key])} again")
                )
            seen.add(identity)
    for index, mount in enumerate(given.get("mounts", [])):
        if _mount_type(mount) == "bind" and not mount["source"].startswith("/"):
            path = ("mounts", index, "source")
            problems.append(document.problem(path, "an absolute path", describe(mount["source"])))
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
    for argument in definition.get("args", []):
        match = _LISTEN.fullmatch(argument)
        if match:
            return int(match[1])
    return DEFAULT_PORT


def _spec(definition: Json) -> Json:
    """The fields of a service's spec that the definition speaks of; all others are nobody's here."""
    deploy = definition.get("deploy", {})
    template: Json = {}
    container = _container(definition)
    if container:
        template["ContainerSpec"] = container
    if "restart_policy" in deploy:
        template["RestartPolicy"] = _renamed(
            deploy["restart_policy"],
            {"condition": "Condition", "delay": "Delay", "max_attempts": "MaxAttempts", "window": "Window"},
            spans=("delay", "window"),
        )
    if "placement" in deploy:
        template["Placement"] = _renamed(deploy["placement"], {"constraints": "Constraints"})
    if "logging" in definition:
        template["LogDriver"] = _renamed(definition["logging"], {"driver": "Name", "options": "Options"})
        if "Options" in template["LogDriver"]:
            template["LogDriver"]["Options"] = _pairs(template["LogDriver"]["Options"])
    if "networks" in definition:
        template["Networks"] = [{"Target": name} for name in definition["networks"]]
    spec: Json = {"Name": definition.get("name", DEFAULT_NAME), "TaskTemplate": template}
    if deploy.get("mode", "global") == "replicated":
        spec["Mode"] = {"Replicated": {"Replicas": deploy.get("replicas", 1)}}
    else:
        spec["Mode"] = {"Global": {}}
    if "labels" in deploy:
        spec["Labels"] = _pairs(deploy["labels"])
    endpoint: Json = {}
    if "endpoint_mode" in deploy:
        endpoint["Mode"] = deploy["endpoint_mode"]
    if "ports" in definition:
        endpoint["Ports"] = [_publish(port) for port in definition["ports"]]
    if endpoint:
        spec["EndpointSpec"] = endpoint
    return spec


def _container(definition: Json) -> Json:
    container: Json = {"Image": definition["image"]} if "image" in definition else {}
    timezone = definition.get("timezone", {})
    mounts = list(definition.get("mounts", []))
    if timezone.get("bind_local") and all(mount["target"] != _LOCALTIME for mount in mounts):
        mounts.append({"source": _LOCALTIME, "target": _LOCALTIME, "read_only": True})
    environment = _pairs(definition.get("environment", {}))
    if "env_tz" in timezone:
        environment["TZ"] = timezone["env_tz"]
    if "args" in definition:
        container["Args"] = definition["args"]
    if environment:
        container["Env"] = [f"{name}={value}" for name, value in environment.items()]
    if mounts or "mounts" in definition:
        container["Mounts"] = [_mount(mount) for mount in mounts]
    if "labels" in definition:
        container["Labels"] = _pairs(definition["labels"])
    if "healthcheck" in definition:
        container["Healthcheck"] = _healthcheck(definition["healthcheck"])
    if "stop_grace_period" in definition:
        container["StopGracePeriod"] = nanoseconds(definition["stop_grace_period"])
    if "stop_signal" in definition:
        container["StopSignal"] = definition["stop_signal"]
    return container


def _mount_type(mount: Json) -> str:
    return str(mount.get("type", "bind" if mount["source"].startswith("/") else "volume"))


def _mount(mount: Json) -> Json:
    found = {
        "Type": _mount_type(mount),
        "Source": mount["source"],
        "Target": mount["target"],
        "ReadOnly": mount.get("read_only", False),
    }
    if "propagation" in mount:
        found["BindOptions"] = {"Propagation": mount["propagation"]}
    return found


def _publish(port: Json) -> Json:
    return {
        "TargetPort": port["target"],
        "PublishedPort": int(port.get("published", 0)),
        "Protocol": port.get("protocol", "tcp"),
        "PublishMode": port.get("mode", "ingress"),
    }


def _healthcheck(given: Json) -> Json:
    if given.get("disable"):
        return {"Test": ["NONE"]}
    found = _renamed(
        given,
        {"interval": "Interval", "timeout": "Timeout", "retries": "Retries", "start_period": "StartPeriod"},
        spans=("interval", "timeout", "start_period"),
    )
    if "test" in given:
        test = given["test"]
        found["Test"] = ["CMD-SHELL", test] if isinstance(test, str) else test
    return found


def _renamed(given: Json, names: Mapping[str, str], spans: Collection[str] = ()) -> Json:
    return {
        name: nanoseconds(given[key]) if key in spans else given[key]
        for key, name in names.items()
        if key in given
    }


def _pairs(given: Any) -> dict[str, str]:
    """A mapping, or a list like ``[key=value]``, as a mapping of text to text."""
    if isinstance(given, list):
        return {key: value for key, _equals, value in (entry.partition("=") for entry in given)}
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in given.items()
    }

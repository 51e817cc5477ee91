# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn a checked definition of the node exporter into the fields of a service spec."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compose import byte_count, nano_cpus
from .durations import nanoseconds

Json = dict[str, Any]

DEFAULT_NAME = "node-exporter"

_LOCALTIME = "/etc/localtime"
_SPANS = ("delay", "window", "monitor", "interval", "timeout", "start_period", "stop_grace_period")
_UPDATE = {
    "parallelism": "Parallelism",
    "delay": "Delay",
    "failure_action": "FailureAction",
    "monitor": "Monitor",
    "max_failure_ratio": "MaxFailureRatio",
    "order": "Order",
}


def service_spec(definition: Json) -> Json:
    """The fields of a service spec that the definition sets, and no others."""
    deploy = definition.get("deploy", {})
    spec: Json = {"Name": definition.get("name", DEFAULT_NAME), "TaskTemplate": _template(definition, deploy)}
    if deploy.get("mode", "global") == "replicated":
        spec["Mode"] = {"Replicated": {"Replicas": deploy.get("replicas", 1)}}
    else:
        spec["Mode"] = {"Global": {}}
    for key, name in (("update_config", "UpdateConfig"), ("rollback_config", "RollbackConfig")):
        if key in deploy:
            spec[name] = _renamed(deploy[key], _UPDATE)
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


def _template(definition: Json, deploy: Json) -> Json:
    template: Json = {}
    container = _container(definition)
    if container:
        template["ContainerSpec"] = container
    if "restart_policy" in deploy:
        template["RestartPolicy"] = _renamed(
            deploy["restart_policy"],
            {"condition": "Condition", "delay": "Delay", "max_attempts": "MaxAttempts", "window": "Window"},
        )
    if "placement" in deploy:
        template["Placement"] = _placement(deploy["placement"])
    if "resources" in deploy:
        template["Resources"] = _resources(deploy["resources"])
    if "logging" in definition:
        template["LogDriver"] = _renamed(definition["logging"], {"driver": "Name", "options": "Options"})
        if "Options" in template["LogDriver"]:
            template["LogDriver"]["Options"] = _pairs(template["LogDriver"]["Options"])
    if "networks" in definition:
        template["Networks"] = [{"Target": name} for name in definition["networks"]]
    return template


def _container(definition: Json) -> Json:
    container = _renamed(
        definition,
        {
            "image": "Image",
            "entrypoint": "Command",
            "args": "Args",
            "hostname": "Hostname",
            "read_only": "ReadOnly",
            "stop_grace_period": "StopGracePeriod",
            "stop_signal": "StopSignal",
        },
    )
    timezone = definition.get("timezone", {})
    mounts = list(definition.get("mounts", []))
    if timezone.get("bind_local") and all(mount["target"] != _LOCALTIME for mount in mounts):
        mounts.append({"source": _LOCALTIME, "target": _LOCALTIME, "read_only": True})
    environment = _pairs(definition.get("environment", {}))
    # `true`, the host's time zone, has been replaced by now
    if isinstance(timezone.get("env_tz"), str):
        environment["TZ"] = timezone["env_tz"]
    if environment:
        container["Env"] = [f"{name}={value}" for name, value in environment.items()]
    if mounts or "mounts" in definition:
        container["Mounts"] = [_mount(mount) for mount in mounts]
    if "labels" in definition:
        container["Labels"] = _pairs(definition["labels"])
    if "healthcheck" in definition:
        container["Healthcheck"] = _healthcheck(definition["healthcheck"])
    if "user" in definition:
        container["User"] = str(definition["user"])
    for key, name in (("cap_add", "CapabilityAdd"), ("cap_drop", "CapabilityDrop")):
        if key in definition:
            container[name] = [_capability(word) for word in definition[key]]
    return container


def _capability(word: str) -> str:
    """The capability as the Docker CLI normalizes it: upper case, with the prefix ``CAP_``."""
    word = word.upper()
    return word if word == "ALL" or word.startswith("CAP_") else f"CAP_{word}"


def _placement(given: Json) -> Json:
    placement = _renamed(given, {"constraints": "Constraints", "max_replicas_per_node": "MaxReplicas"})
    if "preferences" in given:
        placement["Preferences"] = [
            {"Spread": {"SpreadDescriptor": preference["spread"]}} for preference in given["preferences"]
        ]
    return placement


def _resources(given: Json) -> Json:
    found = {}
    for key, name in (("limits", "Limits"), ("reservations", "Reservations")):
        part = given.get(key, {})
        sizes: Json = {"NanoCPUs": nano_cpus(part["cpus"])} if "cpus" in part else {}
        if "memory" in part:
            sizes["MemoryBytes"] = byte_count(part["memory"])
        if "pids" in part:
            sizes["Pids"] = part["pids"]
        if key in given:
            found[name] = sizes
    return found


def mount_type(mount: Json) -> str:
    return str(mount.get("type", "bind" if mount["source"].startswith("/") else "volume"))


def _mount(mount: Json) -> Json:
    found = {
        "Type": mount_type(mount),
        "Source": mount["source"],
        "Target": mount["target"],
        "ReadOnly": mount.get("read_only", False),
    }
    if "propagation" in mount:
        found["BindOptions"] = {"Propagation": mount["propagation"]}
    return found


def _publish(port: Json) -> Json:
    return {
        "TargetPort": int(port["target"]),
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
    )
    if "test" in given:
        test = given["test"]
        found["Test"] = ["CMD-SHELL", test] if isinstance(test, str) else test
    return found


def _renamed(given: Json, names: Mapping[str, str]) -> Json:
    return {
        name: nanoseconds(given[key]) if key in _SPANS else given[key]
        for key, name in names.items()
        if key in given
    }


def _pairs(given: Any) -> dict[str, str]:
    """A mapping, or a list such as ``[key=value]``, as a mapping of strings to strings."""
    if isinstance(given, list):
        return {key: value for key, _equals, value in (entry.partition("=") for entry in given)}
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in given.items()
    }

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the services of compose.yml through the Engine API, without Docker's compose plugin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.lab.host import Host

# Keys that don't affect the container here.
_NOT_OURS = {"build", "depends_on", "image", "volumes", "ports", "labels", "stop_grace_period"}
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(:-(?P<default>[^}]*))?\}")
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}


def read(path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with its ``${NAME:-default}`` filled in: in values, after YAML, as Compose does."""

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: fill(item) for name, item in value.items()}
        if isinstance(value, list):
            return [fill(item) for item in value]
        if not isinstance(value, str):
            return value
        return _VARIABLE.sub(lambda match: variables.get(match["name"]) or match["default"] or "", value)

    found: dict[str, Any] = fill(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def create_request(service: Mapping[str, Any], project: str, folder: str) -> dict[str, Any]:
    """A service of the file as the body of POST /containers/create. Raises KeyError for an unknown key.

    ``folder`` is where the file is, for the paths in it.
    """
    host: dict[str, Any] = {"Binds": [], "PortBindings": {}}
    body: dict[str, Any] = {
        "Image": service["image"],
        "Labels": service["labels"],
        "StopTimeout": int(service["stop_grace_period"].removesuffix("s")),
        "ExposedPorts": {},
        "HostConfig": host,
    }
    for volume in service["volumes"]:
        if volume.startswith("./"):
            host["Binds"].append(folder + volume.removeprefix("."))
        else:
            host["Binds"].append(volume if volume.startswith("/") else f"{project}_{volume}")
    for port in service.get("ports", ()):
        outside, _, inside = str(port).partition(":")
        body["ExposedPorts"][f"{inside}/tcp"] = {}
        host["PortBindings"][f"{inside}/tcp"] = [{"HostPort": outside}]
    setters: dict[str, Any] = {
        "environment": lambda env: body.update(Env=[f"{name}={value}" for name, value in env.items()]),
        "group_add": lambda groups: host.update(GroupAdd=groups),
        "user": lambda user: body.update(User=user),
        "read_only": lambda flag: host.update(ReadonlyRootfs=flag),
        "tmpfs": lambda paths: host.update(Tmpfs=dict.fromkeys(paths, "")),
        "cap_drop": lambda names: host.update(CapDrop=names),
        "security_opt": lambda options: host.update(SecurityOpt=options),
        "restart": lambda name: host.update(RestartPolicy={"Name": name}),
        "network_mode": lambda mode: host.update(NetworkMode=mode),
        "mem_limit": lambda size: host.update(Memory=int(size[:-1]) * _UNITS[size[-1]]),
        "logging": lambda log: host.update(LogConfig={"Type": log["driver"], "Config": log["options"]}),
    }
    for key, value in service.items():
        if key not in _NOT_OURS:
            setters[key](value)
    return body


def up(
    host: Host, path: Path, variables: Mapping[str, str], project: str = "compose", folder: str = "/tmp"
) -> dict[str, str]:
    """Create the file's volumes and start its services on a host, in order of appearance.

    Returns the IDs of the containers by the services' names.
    """
    found = read(path, variables)
    for name, volume in found["volumes"].items():
        host.api("POST", "/volumes/create", {"Name": f"{project}_{name}", "Labels": volume["labels"]})
    containers = {}
    for name, service in found["services"].items():
        body = create_request(service, project, folder)
        containers[name] = str(host.api("POST", "/containers/create", body)["Id"])
        host.api("POST", f"/containers/{containers[name]}/start")
    return containers

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The short syntax of Compose files for mounts and ports, and their byte and CPU values.

Source: the Compose specification, ``services`` (https://github.com/compose-spec/compose-spec).
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
import shlex
from typing import Any

Json = dict[str, Any]

SIZE_PATTERN = r"^[0-9]+(\.[0-9]+)? ?([kKmMgGtT][iI]?)?[bB]?$(?!\n)"
SIZE_TITLE = "a size such as 128M or 1g, or a number of bytes"
CPUS_PATTERN = r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)$(?!\n)"
VOLUME_PATTERN = r"^[^:]+:/[^:]*(:[^:]*)?$(?!\n)"
VOLUME_TITLE = "a mount such as /proc:/host/proc:ro"
_PORT = r"0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
PORT_PATTERN = rf"^{_PORT}$(?!\n)"
PORTS_PATTERN = rf"^({_PORT}:)?{_PORT}(/(tcp|udp|sctp))?$(?!\n)"

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kmgt]?)i?b?")
PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
# options that Swarm does not need: SELinux flags, and defaults
_NO_MEANING = frozenset({"rw", "z", "Z", "nocopy", "consistent", "cached", "delegated"})


def byte_count(value: str | int) -> int:
    """``128M`` in bytes; units are powers of 1024, as in Docker. ``value`` must match SIZE_PATTERN."""
    match = _SIZE.fullmatch(str(value).lower())
    return int(float(match[1]) * _UNITS[match[2]]) if match else 0


def nano_cpus(value: str | float) -> int:
    """A number of CPUs in billionths, the unit of Swarm's specs."""
    return round(float(value) * 1_000_000_000)


def mount_of(text: str) -> tuple[Json, list[str]]:
    """Parse ``SOURCE:TARGET[:OPTIONS]``. Returns the mount and the unknown options."""
    source, target, *options = text.split(":")
    mount: Json = {"source": source, "target": target}
    unknown = []
    for option in ",".join(options).split(",") if options else []:
        if option == "ro":
            mount["read_only"] = True
        elif option in PROPAGATIONS:
            mount["propagation"] = option
        elif option not in _NO_MEANING:
            unknown.append(option)
    return mount, unknown


def long_mount(given: Json) -> Json:
    """A mount in Compose's long syntax, with ``bind.propagation`` moved to ``propagation``."""
    bind = given.get("bind") or {}
    mount = {key: value for key, value in given.items() if key != "bind"}
    return {**mount, "propagation": bind["propagation"]} if bind.get("propagation") else mount


def port_of(value: str | int) -> Json:
    """Parse ``[PUBLISHED:]TARGET[/PROTOCOL]``."""
    ports, _slash, protocol = str(value).partition("/")
    published, _colon, target = ports.rpartition(":")
    port: Json = {"target": int(target)}
    if published:
        port["published"] = int(published)
    return {**port, "protocol": protocol} if protocol else port


def words_of(value: str | list[str]) -> list[str]:
    """Split a command into arguments like a shell. Raises ValueError for an unclosed quote."""
    return shlex.split(value) if isinstance(value, str) else value

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network: a bridge in its own namespace, and a cable to each host and to this machine.

The bridge isn't in the machine's own namespace, so that the machine's firewall (another Docker engine's,
for instance) does not affect the traffic of the hosts. ``10.213.N.1`` is this machine, ``.254`` the gateway,
which answers at once that nothing is reachable behind it; hosts start at ``.11``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.lab.errors import CommandFailed, LabError
from tests.lab.locks import exclusive
from tests.lab.names import PREFIX, host_namespace, switch_namespace
from tests.lab.process import ProcessId, command

FIRST_HOST = 11


@dataclass(frozen=True)
class Cable:
    """The data of a host's network interface: lab, host, number of the subnet and number of the host."""

    lab: str
    host: str
    subnet: int
    index: int

    @property
    def ip(self) -> str:
        return f"10.213.{self.subnet}.{FIRST_HOST + self.index}"

    @property
    def mac(self) -> str:
        # The same at each boot, so that no stale neighbour entry is left.
        return f"02:0c:a5:00:{self.subnet:02x}:{FIRST_HOST + self.index:02x}"

    @property
    def port(self) -> str:
        """The interface at the bridge's end."""
        return f"port{self.index}"


def create_switch(lab: str) -> int:
    """Make the bridge, connect this machine to it, and return the number of the subnet that was free."""
    switch = switch_namespace(lab)
    with exclusive(f"{PREFIX}-network"):
        command(["ip", "netns", "add", switch])
        subnet = _claim_subnet(switch)
    _batch(
        [
            "link set lo up",
            "link add br0 type bridge",
            f"addr add 10.213.{subnet}.254/24 dev br0",
            "link set br0 up",
            "link set uplink master br0 up",
        ],
        switch,
    )
    command(
        ["nsenter", f"--net=/run/netns/{switch}", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
    )
    link = f"{PREFIX}{subnet}"
    _batch([f"link set {link} alias {switch} up", f"addr add 10.213.{subnet}.1/24 dev {link}"])
    return subnet


def remove_network(lab: str) -> None:
    """Remove all namespaces and cables of a lab, if they exist."""
    for name in _namespaces(lab):
        command(["ip", "netns", "del", name], check=False)
    alias = switch_namespace(lab)
    for link in json.loads(command(["ip", "-j", "link", "show"])):
        # The kernel takes a namespace apart in the background; don't wait for it to reach our end.
        if link["ifname"].startswith(PREFIX) and link.get("ifalias") == alias:
            command(["ip", "link", "del", link["ifname"]], check=False)


def processes(lab: str) -> list[ProcessId]:
    """All processes in the lab's network namespaces."""
    found = []
    for name in _namespaces(lab):
        found += [ProcessId.of(int(p)) for p in command(["ip", "netns", "pids", name], check=False).split()]
    return [process for process in found if process]


def plug(cable: Cable, up: bool) -> None:
    """Create and connect a new network namespace for a host that is about to boot."""
    unplug(cable)
    switch, host = switch_namespace(cable.lab), host_namespace(cable.lab, cable.host)
    command(["ip", "netns", "add", host])
    _batch(
        [
            f"link add {cable.port} type veth peer name eth0 address {cable.mac} netns {host}",
            f"link set {cable.port} master br0 alias {cable.host}",
        ],
        switch,
    )
    if up:
        set_port(cable, True)
    _batch(
        [
            "link set lo up",
            f"addr add {cable.ip}/24 dev eth0",
            "link set eth0 up",
            f"route add default via 10.213.{cable.subnet}.254",
        ],
        host,
    )


def unplug(cable: Cable) -> None:
    """Remove a host's namespace and cable, so that nothing answers at its address."""
    # Both ends go at once this way; a namespace alone is taken apart later, in the background.
    command(["ip", "-n", switch_namespace(cable.lab), "link", "del", cable.port], check=False)
    command(["ip", "netns", "del", host_namespace(cable.lab, cable.host)], check=False)


def set_port(cable: Cable, up: bool) -> None:
    """Unplug or plug in the cable of a running host."""
    command(["ip", "-n", switch_namespace(cable.lab), "link", "set", cable.port, "up" if up else "down"])


def _claim_subnet(switch: str) -> int:
    routes = json.loads(command(["ip", "-j", "-4", "route", "show", "table", "all"]))
    taken = {str(route.get("dst", "")).split("/")[0].rpartition(".")[0] for route in routes}
    for number in range(1, 255):
        if f"10.213.{number}" in taken:
            continue
        # The name of the link is the claim: a second lab that tries the same one fails here.
        try:
            command(
                [
                    "ip",
                    "link",
                    "add",
                    f"{PREFIX}{number}",
                    "type",
                    "veth",
                    "peer",
                    "name",
                    "uplink",
                    "netns",
                    switch,
                ],
            )
        except CommandFailed as error:
            if "File exists" in str(error):
                continue
            raise
        command(["ip", "link", "set", f"{PREFIX}{number}", "alias", switch])
        return number
    raise LabError("no free subnet 10.213.N.0/24 is left on this machine")


def _namespaces(lab: str) -> list[str]:
    names = [line.split()[0] for line in command(["ip", "netns", "list"]).splitlines() if line.strip()]
    switch = switch_namespace(lab)
    return [name for name in names if name == switch or name.startswith(f"{switch}.")]


def _batch(lines: list[str], namespace: str = "") -> None:
    where = ["-n", namespace] if namespace else []
    command(["ip", *where, "-batch", "-"], input="\n".join(lines) + "\n")

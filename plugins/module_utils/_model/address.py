# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IP addresses in a comparable form: without port, brackets and zone, and IPv4-mapped IPv6 as IPv4."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import ipaddress
import re

from .compat import TypeAlias

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"

_IN_BRACKETS = re.compile(r"\[([^\[\]]*)\](?::[0-9]{1,5})?")
_WITH_PORT = re.compile(r"([^:]*):[0-9]{1,5}")


def parse_address(text: str | None) -> Address | None:
    """Parse an address with or without port and zone, such as ``[fe80::1%eth0]:2377``; None if invalid."""
    text = text or ""
    match = _IN_BRACKETS.fullmatch(text) or _WITH_PORT.fullmatch(text)
    host = match[1] if match is not None else text
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def seen_at(*texts: str) -> tuple[Address, ...]:
    """The valid addresses in the fields of a node. Swarm writes a wildcard for an unknown address."""
    found = (parse_address(text) for text in texts)
    return tuple(address for address in found if address is not None and not address.is_unspecified)


def names_a_host(address: Address | None) -> bool:
    """Whether other hosts can reach the address: it is not a wildcard, loopback or multicast address."""
    return address is not None and not (address.is_unspecified or address.is_loopback or address.is_multicast)

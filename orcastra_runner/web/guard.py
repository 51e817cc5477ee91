# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do what over HTTP: pure decisions on what a request says of itself.

Reads are open to whoever reaches the address. Writes need the token, wherever they come from: a proxy on this
machine makes everybody's requests look like this machine's own. A browser can be led to us by a page from
elsewhere: so a host name has to be one that nobody else can point at us, and no other site's page may write.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Guard:
    """``token`` is what writes need; without one there are none. ``hosts``: our names."""

    token: bytes | None = field(repr=False)
    hosts: tuple[str, ...] = ()

    def check_host(self, headers: Mapping[str, str]) -> Refusal | None:
        """Refuse a domain name that might be somebody else's, pointed at us (DNS rebinding)."""
        host = host_of(headers.get("Host", ""))
        if host is None or not (is_address(host) or "." not in host or host in self._names):
            return Refusal(421, "this host name is not known here; ORCASTRA_HTTP_HOSTS names those that are")
        return None

    def check_write(self, headers: Mapping[str, str]) -> Refusal | None:
        """Refuse a write without the token, or on behalf of another site's page."""
        foreign = Refusal(403, "requests on behalf of another site are refused")
        if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return foreign
        origin = headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != headers.get("Host"):
            return foreign
        if self.token is None:
            return Refusal(403, "writes need a token, and this instance has none (ORCASTRA_API_TOKEN)")
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        # what is no UTF-8 comes as surrogates
        is_right = hmac.compare_digest(given.strip().encode(errors="surrogateescape"), self.token)
        if scheme.lower() != "bearer" or not is_right:
            return Refusal(
                401,
                "expected 'Authorization: Bearer TOKEN', with the token in ORCASTRA_API_TOKEN or, if that is "
                "not set, the one in api_token in the state folder",
            )
        return None

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(name.lower() for name in self.hosts)


def host_of(header: str) -> str | None:
    """The name or address in a Host header, without the port; None where it is none."""
    text = header.strip().lower()
    if text.startswith("["):
        address, bracket, _ = text[1:].partition("]")
        return address if bracket else None
    return text.partition(":")[0] or None


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access control over HTTP: pure functions of a request's headers.

Reads are open to anyone who can reach the address. Writes need the token, even from this host, because a
proxy on it makes every request look local. A malicious page can make a browser send requests here: therefore
the host name must be one that others can't point at this server, and pages of other sites may not write.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused request: the status and the reason."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Guard:
    """``token`` is required for writes; without one, all writes are refused. ``hosts``: our domain names."""

    token: bytes | None = field(repr=False)
    hosts: tuple[str, ...] = ()

    def check_host(self, headers: Mapping[str, str]) -> Refusal | None:
        """Refuse an unknown domain name, because anyone may point theirs at this server (DNS rebinding)."""
        host = host_of(headers.get("Host", ""))
        if host is None or not (is_address(host) or "." not in host or host in self._names):
            return Refusal(421, "unknown host name; add it to ORCASTRA_HTTP_HOSTS to allow it")
        return None

    def check_write(self, headers: Mapping[str, str]) -> Refusal | None:
        """Refuse a write without the token, or from a page of another site."""
        foreign = Refusal(403, "cross-site requests are not allowed")
        if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return foreign
        origin = headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != headers.get("Host"):
            return foreign
        if self.token is None:
            return Refusal(403, "writes are disabled: this instance has no token (ORCASTRA_API_TOKEN)")
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        # bytes that are not UTF-8 are surrogates
        is_right = hmac.compare_digest(given.strip().encode(errors="surrogateescape"), self.token)
        if scheme.lower() != "bearer" or not is_right:
            return Refusal(
                401,
                "expected 'Authorization: Bearer TOKEN' with the token in ORCASTRA_API_TOKEN, or in the file "
                "api_token in the state folder if that is not set",
            )
        return None

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(name.lower() for name in self.hosts)


def host_of(header: str) -> str | None:
    """Return the name or address in a Host header, without the port; None if there is none."""
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

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to any address, or only to public ones."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import http.cookiejar
import ipaddress
import os
import socket
import traceback
from typing import Any
from urllib.parse import urlsplit

from .._config.urls import shown
from .replies import CONNECTION, FetchError
from .watchdog import deadline

try:
    import requests
    import requests.adapters
    import urllib3
    import urllib3.connection
    import urllib3.connectionpool
    import urllib3.util.connection
except ImportError:
    REQUESTS_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None

# The time limit for all headers of a reply.
HEADER_SECONDS = 120.0
# All public IPv6 addresses are in this network.
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
# IPv4 addresses for hosts that only have IPv6 (RFC 6052).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Addresses that some versions of Python wrongly consider public.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # the platform's own services on Azure
        "192.0.0.0/24",  # special purposes (RFC 6890), one of them Oracle's metadata
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "100.64.0.0/10",
        "2001::/23",  # special purposes (RFC 6890)
        "2001:db8::/32",
        "3fff::/20",  # for documentation (RFC 9637)
    )
)


def is_public(address: str) -> bool:
    """Whether an IP address is public.

    Loopback, link-local, site-local, private, shared (100.64.0.0/10), multicast, documentation and metadata
    addresses are not public, nor are their forms as IPv4 in IPv6.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _GLOBAL_IPV6:
            return False
    if any(ip in network for network in _NOT_PUBLIC if network.version == ip.version):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class AddressRefusedError(Exception):
    """A host has an address that is forbidden for untrusted URLs."""


def new_session(*, public_only: bool) -> Any:
    """A session of requests. ``public_only``: it only connects to public addresses, whatever the name."""
    session = requests.Session()
    # No .netrc: its passwords are for other programs. The lines below read the other variables.
    session.trust_env = False
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    adapter = _new_adapter(public_only)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _new_adapter(public_only: bool) -> Any:
    """An adapter whose connections have a deadline for headers and optionally check addresses."""

    class Watched:
        """Common to both kinds of connections: deadlines, and replies that know their sockets."""

        _guard: contextlib.ExitStack

        def _new_conn(self) -> socket.socket:
            if public_only:
                found = _connect_publicly(self)
            else:
                found = super()._new_conn()  # type: ignore[misc]
            # ends with the handshake: a proxy or a TLS server could send data without end
            self._guard.enter_context(deadline(found, HEADER_SECONDS, "setting up the connection"))
            return found

        def connect(self) -> None:
            with contextlib.ExitStack() as self._guard:
                super().connect()  # type: ignore[misc]

        def getresponse(self) -> Any:
            connection = self.sock  # type: ignore[attr-defined]
            with deadline(connection, HEADER_SECONDS, "its headers"):
                found = super().getresponse()  # type: ignore[misc]
            setattr(found, CONNECTION, connection)
            return found

    class Http(Watched, urllib3.connection.HTTPConnection):
        pass

    class Https(Watched, urllib3.connection.HTTPSConnection):
        pass

    class HttpPool(urllib3.connectionpool.HTTPConnectionPool):
        ConnectionCls = Http

    class HttpsPool(urllib3.connectionpool.HTTPSConnectionPool):
        ConnectionCls = Https

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}

    return Adapter(pool_maxsize=32)


def _connect_publicly(connection: Any) -> socket.socket:
    host = connection.host.strip("[]")
    found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not is_public(address):
            raise AddressRefusedError(f"the address {address}")
    failure = OSError(f"{host} has no address")
    for address in addresses:
        try:
            return urllib3.util.connection.create_connection(
                (address, connection.port),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
    raise failure


def check_url(url: str, entry: str) -> None:
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError as error:
        raise FetchError("invalid_url", entry, "expected a URL, found something else") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError("invalid_url", entry, f"expected a URL of http or https, found {shown(url)}")
    if "@" in parts.netloc:
        raise FetchError(
            "invalid_url", entry, f"expected a URL without user and password, found one at {shown(url)}"
        )


def origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask registries for the layer of a mod's image, for a new version, and download the layer.

Requests are anonymous. Each registry only gets the token that was issued for it and for the repository.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from .content import Beginning
from .http import Downloaded, Fetcher
from .manifests import (
    ACCEPT,
    MAX_BYTES,
    Manifest,
    ManifestError,
    check_gzip,
    full_digest,
    only_layer,
    parse_manifest,
)
from .platforms import Platform, choose, offered
from .reference import DOCKER_HUB, GITHUB, LINUXSERVER, Reference
from .replies import Document, FetchError, shown
from .sessions import origin

_TOKEN_BYTES = 64 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]+")
_ATTEMPTS = 3  # without a token, with a token, with a token of the origin it redirects to
_CHALLENGE = re.compile(r"""([A-Za-z_]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))""")
# URL and service of the token servers of well-known registries, which saves a request
_TOKEN_SERVERS: dict[str, tuple[str, str | None]] = {
    DOCKER_HUB: ("https://auth.docker.io/token", "registry.docker.io"),
    GITHUB: ("https://ghcr.io/token", None),
    "quay.io": ("https://quay.io/v2/auth", "quay.io"),
}
_SUBSTITUTES = {LINUXSERVER: (GITHUB,)}

_Origin = tuple[str, "str | None", int]
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Layer:
    """The only layer of a mod's image.

    ``digest`` and ``size`` are those of the blob. ``manifest`` is the current digest of the reference (of the
    index, if there is one), which ``Registry.news`` returns, too. ``base`` is the ``https://HOST`` that
    serves the layer.
    """

    reference: Reference
    digest: str
    size: int
    manifest: str
    base: str


class Registry:
    """A client of all registries. Safe to use from several threads.

    Its methods raise FetchError, whose text begins with ``entry``, or with the reference if that is empty.
    ``trusted`` is passed to ``Fetcher.request``: False for references from labels.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._tokens: dict[tuple[_Origin, str], str] = {}

    def news(self, reference: Reference, *, trusted: bool, entry: str = "") -> str:
        """The current digest of the reference, by a HEAD request, which doesn't count as a pull."""
        entry = entry or reference.text

        def ask(host: str) -> str:
            url = _url(f"https://{host}", reference, f"manifests/{reference.target}")
            status, headers, _url_now = self._head(url, reference, trusted, entry)
            found = full_digest(headers.get("Docker-Content-Digest")) if status < 300 else None
            return found or self._manifest(f"https://{host}", reference, None, trusted, entry)[0].digest

        return _first(reference, entry, ask)

    def resolve(
        self, reference: Reference, platform: Platform, *, trusted: bool, max_bytes: int, entry: str = ""
    ) -> Layer:
        """The layer of the reference for ``platform``.

        An image without an index counts for every platform. ``max_bytes`` limits the layer.
        """
        entry = entry or reference.text

        def ask(host: str) -> Layer:
            manifest, base = self._manifest(f"https://{host}", reference, None, trusted, entry)
            top = manifest.digest
            try:
                if manifest.is_index:
                    child = _child(manifest, platform)
                    manifest, base = self._manifest(base, reference, child, trusted, entry)
                digest, size = only_layer(manifest, max_bytes)
            except ManifestError as error:
                raise FetchError(error.code, entry, str(error)) from error
            return Layer(reference, digest, size, top, base)

        return _first(reference, entry, ask)

    def download(
        self,
        layer: Layer,
        target: Path,
        *,
        trusted: bool,
        entry: str = "",
        progress: Callable[[int, int | None], None] | None = None,
    ) -> Downloaded:
        """Download the layer to ``target``, replaced in one step once the layer is complete and gzip."""
        reference = layer.reference
        entry = entry or reference.text

        def get(base: str) -> Downloaded:
            url = _url(base, reference, f"blobs/{layer.digest}")
            return self._fetcher.download(
                url,
                target,
                self._headers(url, reference, trusted, entry),
                trusted=trusted,
                max_bytes=layer.size,
                entry=entry,
                digest=layer.digest,
                size=layer.size,
                check=Beginning(check_gzip),
                progress=progress,
            )

        try:
            return get(layer.base)
        except FetchError as error:
            if error.status != 401:
                raise
        # the token has expired, or there is none
        blob = _url(layer.base, reference, f"blobs/{layer.digest}")
        _status, _headers, url_now = self._head(blob, reference, trusted, entry)
        return get(_base(url_now, blob, layer.base))

    def _manifest(
        self, base: str, reference: Reference, child: str | None, trusted: bool, entry: str
    ) -> tuple[Manifest, str]:
        """A manifest, and the ``https://HOST`` that served it."""
        url = _url(base, reference, f"manifests/{child or reference.target}")

        def ask(url: str, headers: Mapping[str, str]) -> Document:
            return self._fetcher.document(
                url, headers, trusted=trusted, limit=MAX_BYTES, entry=entry, accept=(401,)
            )

        document = self._ask(ask, url, reference, trusted, entry)
        headers = document.headers
        try:
            manifest = parse_manifest(
                document.body,
                headers.get("Content-Type", ""),
                headers.get("Docker-Content-Digest"),
                child or reference.digest,
            )
        except ManifestError as error:
            raise FetchError(error.code, entry, f"{error} at {shown(document.url)}") from error
        return manifest, _base(document.url, url, base)

    def _head(
        self, url: str, reference: Reference, trusted: bool, entry: str
    ) -> tuple[int, Mapping[str, str], str]:
        """Status, headers and final URL. A registry without HEAD answers 405."""

        def ask(url: str, headers: Mapping[str, str]) -> Document:
            with self._fetcher.request(
                "HEAD", url, headers, trusted=trusted, entry=entry, accept=(401, 405)
            ) as reply:
                return Document(reply.status, reply.headers, reply.url, b"", entry)

        document = self._ask(ask, url, reference, trusted, entry)
        return document.status, document.headers, document.url

    def _ask(
        self,
        ask: Callable[[str, Mapping[str, str]], Document],
        url: str,
        reference: Reference,
        trusted: bool,
        entry: str,
    ) -> Document:
        """Send a request. If a host requires a token, get one and ask that host again."""
        for _attempt in range(_ATTEMPTS):
            document = ask(url, self._headers(url, reference, trusted, entry))
            if document.status != 401:
                return document
            url = document.url
            realm, service = _read_challenge(document.headers.get("WWW-Authenticate", ""), url, entry)
            self._tokens[origin(url), reference.repository] = self._new_token(
                realm, service, reference, trusted, entry
            )
        raise FetchError("password", entry, f"{shown(url)} requires a password", 401)

    def _headers(self, url: str, reference: Reference, trusted: bool, entry: str) -> dict[str, str]:
        key = origin(url), reference.repository
        known = _TOKEN_SERVERS.get(urlsplit(url).netloc)
        if key not in self._tokens and known is not None:
            self._tokens[key] = self._new_token(*known, reference, trusted, entry)
        token = self._tokens.get(key)
        headers = {"Accept": ACCEPT if "/manifests/" in url else "*/*"}
        return headers if token is None else {**headers, "Authorization": f"Bearer {token}"}

    def _new_token(
        self, realm: str, service: str | None, reference: Reference, trusted: bool, entry: str
    ) -> str:
        query = {"service": service} if service else {}
        query["scope"] = f"repository:{reference.repository}:pull"
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        document = self._fetcher.document(url, {}, trusted=trusted, limit=_TOKEN_BYTES, entry=entry)
        data = document.json()
        token = (data.get("token") or data.get("access_token")) if isinstance(data, Mapping) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise FetchError("no_token", entry, f"expected a token from {shown(document.url)}, found none")
        return token


def _first(reference: Reference, entry: str, ask: Callable[[str], _Answer]) -> _Answer:
    """The answer of the registry, or of its substitute if the registry fails."""
    hosts = (reference.registry, *_SUBSTITUTES.get(reference.registry, ()))
    reasons: list[str] = []
    for host in hosts:
        try:
            return ask(host)
        except FetchError as error:
            reasons.append(error.reason)
            last = error
    raise FetchError(last.code, entry, "; ".join(reasons), last.status, last.attempts)


def _child(manifest: Manifest, platform: Platform) -> str:
    descriptors = list(manifest.children)
    chosen = choose(descriptors, platform)
    if chosen is None:
        names = ", ".join(offered(descriptors)) or "nothing"
        raise ManifestError("no_platform", f"expected an image for {platform}, found {names}")
    digest = full_digest(chosen.get("digest"))
    if digest is None:
        raise ManifestError(
            "invalid_digest",
            f"expected a sha256 digest in the index, found {str(chosen.get('digest'))[:100]}",
        )
    return digest


def _read_challenge(header: str, url: str, entry: str) -> tuple[str, str | None]:
    """Realm and service of a WWW-Authenticate header. The scope is our own: pull only."""
    scheme, _space, rest = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise FetchError("password", entry, f"{shown(url)} requires a password", 401)
    found = {name.lower(): quoted or bare for name, quoted, bare in _CHALLENGE.findall(rest)}
    realm = found.get("realm", "")
    try:
        parts = urlsplit(realm)
        usable = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or parts.fragment:
        raise FetchError(
            "token_server",
            entry,
            f"expected a token server with https from {shown(url)}, found {shown(realm)}",
        )
    return realm, found.get("service")


def _url(base: str, reference: Reference, path: str) -> str:
    return f"{base}/v2/{reference.repository}/{path}"


def _base(url_now: str, url: str, base: str) -> str:
    """The host for further requests: that of the redirect, if it is a registry with the same path."""
    now, asked = urlsplit(url_now), urlsplit(url)
    if now.scheme == "https" and now.path == asked.path and not now.query:
        return f"https://{now.netloc}"
    return base

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP for mods: own handling of redirects, retries, address checks and complete downloads.

``Fetcher.request`` returns a streamed reply, ``Fetcher.document`` a small reply that has been read, and
``Fetcher.download`` a file. All of them are safe to call from several threads.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import email.utils
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from .._config.urls import shown
from .._model.compat import dataclass
from .._model.errors import OrcastraError
from .part_file import Check, PartFile, PartFileError, Version
from .replies import SLOWEST, Document, FetchError, Pace, PassingError, Reply
from .sessions import REQUESTS_IMPORT_ERROR, AddressRefusedError, check_url, new_session, origin

try:
    import requests.exceptions
    import requests.utils
except ImportError:
    pass  # see sessions.REQUESTS_IMPORT_ERROR

ATTEMPTS = 5
MAX_REDIRECTS = 5
FIRST_PAUSE_SECONDS = 1.0
# If a server asks for a longer pause, the next refresh tries again.
LONGEST_PAUSE_SECONDS = 120.0
CHUNK_BYTES = 1024 * 1024

_CONDITIONS = frozenset({"if-none-match", "if-modified-since"})
_RANGE = re.compile(r"bytes ?([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_MOST_VALIDATOR = 1024
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Headers that describe the request, not the sender: they may go to another origin.
HARMLESS_HEADERS = frozenset(
    {"accept", "if-modified-since", "if-none-match", "if-range", "range", "user-agent"}
)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The result of a download. ``is_new`` is False after a reply 304: then nothing was written.

    ``digests`` maps algorithms to hex digests and always contains ``sha256``; ``attempts`` is the number of
    attempts made.
    """

    path: Path
    is_new: bool
    size: int
    digests: Mapping[str, str]
    etag: str | None
    last_modified: str | None
    attempts: int


class Fetcher:
    """An HTTP client.

    ``timeout`` is in seconds, for the connection and for each wait for data. ``user_agent`` is sent unless
    the headers of a request replace it. ``allow_private`` permits addresses that aren't public for untrusted
    URLs. A body slower than ``slowest`` counts as interrupted. ``now`` returns seconds since the epoch,
    ``sleep`` waits for seconds, ``jitter`` returns the factor, around 1, for pauses.
    """

    def __init__(
        self,
        timeout: float,
        user_agent: str,
        allow_private: bool = False,
        *,
        slowest: Pace = SLOWEST,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.5),  # noqa: S311 - no secret
    ) -> None:
        if REQUESTS_IMPORT_ERROR is not None:
            raise OrcastraError("the Python library requests is not installed")
        self._timeout = timeout
        self._user_agent = user_agent
        self._slowest = slowest
        self._now = now
        self._sleep = sleep
        self._jitter = jitter
        self._count = 0
        self._lock = threading.Lock()
        self._open = new_session(public_only=False)
        self._guarded = self._open if allow_private else new_session(public_only=True)

    @property
    def requests_made(self) -> int:
        """The number of requests sent, including each redirect and each attempt."""
        return self._count

    def close(self) -> None:
        self._open.close()
        self._guarded.close()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        trusted: bool,
        entry: str = "",
        accept: Collection[int] = (),
    ) -> Reply:
        """Return a streamed reply with a status 2xx or one of ``accept``. The caller must close it.

        Follows at most 5 redirects. If the origin (scheme, host, port) changes, all ``headers`` except
        HARMLESS_HEADERS are dropped for the rest of the request. Connection errors and the statuses 408, 429
        and 5xx are tried 5 times in all. Error messages begin with ``entry`` (default: the URL as ``shown``).
        ``trusted`` is False for URLs from labels: then every address must be public, unless
        ``allow_private``. Raises FetchError for other statuses, a redirect from https to http, URLs that
        aren't http or https or contain credentials, and refused addresses.
        """
        attempts = _Attempts(self._sleep, self._jitter, entry or shown(url))
        while True:
            try:
                return self._request_once(method, url, headers, trusted, attempts.entry, accept)
            except PassingError as error:
                attempts.failed(error)

    def document(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        trusted: bool,
        limit: int,
        entry: str = "",
        accept: Collection[int] = (),
    ) -> Document:
        """GET and read at most ``limit`` bytes. An interrupted body is tried again, too.

        Otherwise like ``request``.
        """
        attempts = _Attempts(self._sleep, self._jitter, entry or shown(url))
        while True:
            try:
                with self._request_once("GET", url, headers, trusted, attempts.entry, accept) as reply:
                    body = reply.read_once(limit)
                    return Document(reply.status, reply.headers, reply.url, body, attempts.entry)
            except PassingError as error:
                attempts.failed(error)

    def download(
        self,
        url: str,
        target: Path,
        headers: Mapping[str, str],
        *,
        trusted: bool,
        max_bytes: int,
        entry: str = "",
        digest: str | None = None,
        size: int | None = None,
        check: Check | None = None,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> Downloaded:
        """GET a file into ``target``, which is replaced in one step once the new file is complete and valid.

        The body goes to a temporary file (``PART_PREFIX``) in the same folder, which must exist; a failure
        leaves no trace of it. An interrupted body is resumed with ``Range`` and ``If-Range`` if the server
        sent a strong ETag; otherwise it starts again. There are 5 attempts in all. ``headers`` may make the
        request conditional: see ``Downloaded.is_new``.
        ``digest`` is ``ALGORITHM:HEX`` with sha256, sha512, sha1 or md5; ``size`` is the exact number of
        bytes. Both, and ``max_bytes``, are checked before ``target`` changes, and refer to the decoded file
        if there was a ``Content-Encoding``; an encoding that can't be undone is refused. ``check`` finds
        faults of the content. ``progress`` is called with the bytes received and the bytes expected, about
        once per MiB. Raises FetchError, also for errors of the file system.
        """
        entry = entry or shown(url)
        attempts = _Attempts(self._sleep, self._jitter, entry)
        try:
            with PartFile(target, digest, max_bytes, check) as part:
                while True:
                    try:
                        return self._download_once(
                            url, part, headers, trusted, attempts, max_bytes, size, progress
                        )
                    except PassingError as error:
                        attempts.failed(error)
        except PartFileError as error:
            raise FetchError(error.code, entry, str(error)) from error
        except OSError as error:
            raise FetchError("not_written", entry, f"can't be written: {error.strerror or error}") from error

    def _download_once(
        self,
        url: str,
        part: PartFile,
        headers: Mapping[str, str],
        trusted: bool,
        attempts: _Attempts,
        max_bytes: int,
        size: int | None,
        progress: Callable[[int, int | None], None] | None,
    ) -> Downloaded:
        asked = dict(headers)
        begun_at = part.size if part.version.etag else 0
        if begun_at:
            asked = {name: value for name, value in asked.items() if not name.lower().startswith("if-")}
            asked |= {"Range": f"bytes={begun_at}-", "If-Range": str(part.version.etag)}
        is_conditional = any(name.lower() in _CONDITIONS for name in asked)
        with self._request_once("GET", url, asked, trusted, attempts.entry, (304, 416)) as reply:
            if reply.status == 304 and is_conditional:
                return Downloaded(part.target, False, 0, {}, None, None, attempts.made)
            if reply.status == 206 and begun_at:
                fault = _other_part(reply, begun_at, part.version)
                if fault is not None:
                    part.begin(Version())
                    raise PassingError(
                        "other_content", f"{shown(url)} continued with other content ({fault})"
                    )
            elif reply.status == 200:
                part.begin(_version(reply))
            else:
                part.begin(Version())
                raise PassingError(
                    "status", f"{shown(url)} answered {reply.status} to a download", reply.status
                )
            whole = part.version.size
            part.check_room(max(whole or 0, size or 0))
            with contextlib.closing(reply.pieces(CHUNK_BYTES, max_bytes)) as pieces:
                for piece in pieces:
                    part.write(piece)
                    if progress is not None:
                        progress(part.size, whole)
            if part.size == 0 and reply.length is None and not reply.headers.get("Transfer-Encoding"):
                # interrupted headers look like this, too
                raise PassingError("incomplete", f"{shown(url)} sent an empty body without announcing it")
            if whole is not None and part.size != whole:
                raise PassingError("incomplete", f"{shown(url)} stopped after {part.size} of {whole} bytes")
            digests = part.finish(size)
            return Downloaded(
                part.target,
                True,
                part.size,
                digests,
                _validator(reply.headers.get("ETag")),
                _validator(reply.headers.get("Last-Modified")),
                attempts.made,
            )

    def _request_once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        trusted: bool,
        entry: str,
        accept: Collection[int],
    ) -> Reply:
        sent = {"User-Agent": self._user_agent, "Accept": "*/*", **headers, "Accept-Encoding": "identity"}
        session = self._open if trusted else self._guarded
        for _hop in range(MAX_REDIRECTS + 1):
            check_url(url, entry)
            response = self._send(session, method, url, sent, trusted, entry)
            location = response.headers.get("Location")
            if response.status_code not in REDIRECTS or not location:
                return self._judge(Reply(response, url, entry, self._slowest), entry, accept)
            response.close()
            # the library decodes headers as Latin-1, but servers send UTF-8
            following = urljoin(url, location.encode("latin-1", "replace").decode("utf-8", "replace"))
            check_url(following, entry)
            if urlsplit(url).scheme == "https" and urlsplit(following).scheme == "http":
                raise FetchError(
                    "insecure_redirect", entry, f"{shown(url)} redirects from https to http, which is refused"
                )
            if origin(url) != origin(following):
                sent = {name: value for name, value in sent.items() if _may_travel(name)}
            url = following
        raise FetchError(
            "too_many_redirects",
            entry,
            f"expected at most {MAX_REDIRECTS} redirects, found more at {shown(url)}",
        )

    def _send(
        self, session: Any, method: str, url: str, headers: Mapping[str, str], trusted: bool, entry: str
    ) -> Any:
        with self._lock:
            self._count += 1
        # a proxy's connections can't be checked
        proxies = requests.utils.get_environ_proxies(url) if trusted else {}
        try:
            return session.request(
                method,
                url,
                headers=dict(headers),
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
                proxies=proxies,
            )
        except AddressRefusedError as error:
            raise FetchError(
                "address_refused",
                entry,
                f"{shown(url)} leads to {error}, which is forbidden for URLs from labels",
            ) from error
        except requests.exceptions.SSLError as error:
            raise FetchError("tls", entry, f"{shown(url)}: TLS failed: {_innermost(error)}") from error
        except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
            raise PassingError(
                "unreachable", f"{shown(url)} can't be reached: {_innermost(error)}"
            ) from error
        except (requests.exceptions.RequestException, ValueError) as error:
            raise FetchError(
                "invalid_request", entry, f"{shown(url)} is not a valid request: {type(error).__name__}"
            ) from error

    def _judge(self, reply: Reply, entry: str, accept: Collection[int]) -> Reply:
        status = reply.status
        if 200 <= status < 300 or status in accept:
            return reply
        reply.close()
        reason = f"{shown(reply.url)} answered {status}"
        if status in (408, 429) or status >= 500:
            raise PassingError("status", reason, status, self._retry_after(reply.headers.get("Retry-After")))
        raise FetchError("status", entry, reason, status)

    def _retry_after(self, text: str | None) -> float | None:
        """The pause in seconds that ``Retry-After`` asks for, as a number or a date."""
        if text is None:
            return None
        text = text.strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - self._now())
        except (ValueError, TypeError, OverflowError):
            # TypeError: Python 3.9 raises it for an invalid date
            return None


class _Attempts:
    """Counts the attempts of one request, and waits between them."""

    def __init__(self, sleep: Callable[[float], None], jitter: Callable[[], float], entry: str) -> None:
        self._sleep = sleep
        self._jitter = jitter
        self.entry = entry
        self.made = 1

    def failed(self, error: PassingError) -> None:
        """Wait for the next attempt. Raises FetchError if there is none."""
        if self.made >= ATTEMPTS:
            reason = f"{error.reason} ({self.made} attempts)"
            raise FetchError(error.code, self.entry, reason, error.status, self.made) from error
        pause = FIRST_PAUSE_SECONDS * 2 ** (self.made - 1) * self._jitter()
        if error.pause is not None:
            if error.pause > LONGEST_PAUSE_SECONDS:
                reason = f"{error.reason} and asks for a pause of {error.pause:.0f} s"
                raise FetchError(error.code, self.entry, reason, error.status, self.made) from error
            pause = max(pause, error.pause)
        self.made += 1
        self._sleep(pause)


def _may_travel(header: str) -> bool:
    return header.lower() in HARMLESS_HEADERS or header.lower() == "accept-encoding"


def _version(reply: Reply) -> Version:
    etag = _validator(reply.headers.get("ETag"))
    is_strong = etag is not None and etag.startswith('"') and reply.headers.get("Accept-Ranges") != "none"
    return Version(
        etag=etag if is_strong else None,
        last_modified=reply.headers.get("Last-Modified"),
        size=reply.length,
        encodings=reply.encodings,
        content_type=reply.headers.get("Content-Type", ""),
    )


def _other_part(reply: Reply, offset: int, version: Version) -> str | None:
    """Why a reply 206 doesn't continue this version at ``offset``; None if it does."""
    found = _RANGE.fullmatch(" ".join(reply.headers.get("Content-Range", "").lower().split()))
    if found is None:
        return "an unreadable range"
    start, end = int(found[1]), int(found[2])
    total = version.size if found[3] == "*" else int(found[3])
    if start != offset or end < start or (total is not None and end >= total):
        return "another range"
    if version.size not in (None, total) or reply.length not in (None, end - start + 1):
        return "another size"
    etag, modified = reply.headers.get("ETag"), reply.headers.get("Last-Modified")
    if etag not in (None, version.etag):
        return "another ETag"
    if None not in (modified, version.last_modified) and modified != version.last_modified:
        return "another Last-Modified"
    if etag is None and (modified is None or modified != version.last_modified):
        return "neither ETag nor Last-Modified"
    return None if reply.encodings == version.encodings else "another Content-Encoding"


def _validator(text: str | None) -> str | None:
    """A validator for a condition, unless it is so long that a server would refuse it."""
    return text if text and len(text) <= _MOST_VALIDATOR else None


def _innermost(error: BaseException) -> str:
    """The innermost reason of nested errors, in short."""
    seen: list[BaseException] = []
    while error not in seen:
        seen.append(error)
        inner = getattr(error, "reason", None) or next(
            (a for a in error.args if isinstance(a, Exception)), None
        )
        if not isinstance(inner, BaseException):
            break
        error = inner
    text = getattr(error, "strerror", None) or str(error).rpartition(": ")[2].partition("] ")[2] or str(error)
    return text.strip(" .()'\"") or type(error).__name__

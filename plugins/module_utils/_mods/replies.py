# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replies of a server, and errors for failed requests."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from .._config.urls import shown
from .._model.compat import dataclass
from .._model.errors import OrcastraError
from .encodings import EncodingError, TooLong, decoded, decoded_start, encodings, unknown
from .watchdog import BodyWatch

try:
    import urllib3
except ImportError:
    pass  # see sessions.REQUESTS_IMPORT_ERROR
else:
    _HAS_READ1 = hasattr(urllib3.HTTPResponse, "read1")

__all__ = ["Document", "FetchError", "PassingError", "Reply", "shown"]

CHUNK_BYTES = 1024 * 1024
# the size of one read: more than a connection usually has ready
_READ_BYTES = 256 * 1024
# fewer bytes than this aren't worth resuming
_LEAST_BYTES = 4096
# the length of a plausible size
_MOST_DIGITS = 18
# the attribute of the library's reply that holds its socket
CONNECTION = "orcastra_connection"


@dataclass(frozen=True, slots=True)
class Pace:
    """The minimum that a server must send: ``size`` bytes in each ``seconds`` of waiting."""

    size: int
    seconds: float

    def __str__(self) -> str:
        return f"fewer than {self.size} bytes in {self.seconds:g} s"


# slower than any usable connection
SLOWEST = Pace(64 * 1024, 60.0)
# The time limit of a body, plus a second for each _LEAST_BYTES_A_SECOND bytes expected.
BODY_SECONDS = 300.0
_LEAST_BYTES_A_SECOND = 16 * 1024


class FetchError(OrcastraError):
    """A fetch failed. The text is one sentence that begins with the entry's name.

    ``code`` classifies the reason. ``status`` is the HTTP status if the code is ``status`` or ``password``,
    and None otherwise. ``attempts`` is the number of attempts made.
    """

    def __init__(
        self, code: str, entry: str, reason: str, status: int | None = None, attempts: int = 1
    ) -> None:
        super().__init__(f"{entry}: {reason}")
        self.code = code
        self.entry = entry
        self.reason = reason
        self.status = status
        self.attempts = attempts


class PassingError(Exception):
    """A failure that the next attempt may not meet. ``pause`` is the delay in seconds the server asks for."""

    def __init__(self, code: str, reason: str, status: int | None = None, pause: float | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.status = status
        self.pause = pause


@dataclass(frozen=True, slots=True)
class Document:
    """A small reply that has been read. ``url`` is its URL after redirects."""

    status: int
    headers: Mapping[str, str]
    url: str
    body: bytes
    entry: str = ""

    def json(self) -> Any:
        """The body as JSON. Raises FetchError if it isn't JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise FetchError(
                "not_json", self.entry, f"expected JSON from {shown(self.url)}, found none"
            ) from error


class Reply:
    """A streamed reply: ``status``, ``headers`` (case-insensitive names), ``url`` after redirects.

    A context manager; must be closed.
    """

    def __init__(self, response: Any, url: str, entry: str, slowest: Pace = SLOWEST) -> None:
        self._response = response
        self._slowest = slowest
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.url = url
        self._entry = entry

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._response.close()

    @property
    def length(self) -> int | None:
        """The value of ``Content-Length``, or None. Raises FetchError if it is invalid."""
        text = self.headers.get("Content-Length")
        if text is None or "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return None
        # repeating the same value is allowed
        numbers = {number.strip() for number in text.split(",")}
        number = numbers.pop()
        if numbers or not (number.isascii() and number.isdigit()):
            found = f"{text[:40]!r}"
        elif len(number.lstrip("0")) > _MOST_DIGITS:
            found = f"a number of {len(number)} digits"
        else:
            return int(number)
        raise FetchError(
            "invalid_length",
            self._entry,
            f"expected a number of bytes in Content-Length from {shown(self.url)}, found {found}",
        )

    @property
    def encodings(self) -> tuple[str, ...]:
        """The encodings of the body, whatever the request accepted."""
        return encodings(self.headers.get("Content-Encoding"))

    def start(self, size: int) -> bytes:
        """The first bytes of the decoded body. Raises FetchError."""
        try:
            with contextlib.closing(self.pieces(size, size)) as pieces:
                found = next(pieces, b"")
        except PassingError as error:
            raise FetchError(error.code, self._entry, error.reason, error.status) from error
        return (
            decoded_start(found, self.encodings) if self.encodings and not unknown(self.encodings) else found
        )

    def read(self, limit: int) -> bytes:
        """The complete body. Raises FetchError if it exceeds ``limit`` bytes or is interrupted."""
        try:
            return self.read_once(limit)
        except PassingError as error:
            raise FetchError(error.code, self._entry, error.reason, error.status) from error

    def read_once(self, limit: int) -> bytes:
        """The complete decoded body. Raises PassingError if it is interrupted."""
        fault = unknown(self.encodings)
        if fault is not None:
            raise FetchError(
                "wrong_encoding", self._entry, f"expected text from {shown(self.url)}, found {fault}"
            )
        found = bytearray()
        try:
            with contextlib.closing(self.pieces(min(CHUNK_BYTES, limit + 1), limit)) as pieces:
                for piece in decoded(pieces, self.encodings, limit):
                    found += piece
        except EncodingError as error:
            said = ", ".join(self.encodings)
            raise FetchError(
                "wrong_encoding", self._entry, f"expected {said} from {shown(self.url)}, found {error}"
            ) from error
        except TooLong:
            raise FetchError(
                "too_large", self._entry, f"expected at most {limit} bytes from {shown(self.url)}, found more"
            ) from None
        return bytes(found)

    def pieces(self, size: int, most: int) -> Generator[bytes, None, None]:
        """The encoded body, in pieces of ``size`` bytes; ``most`` is the largest size expected.

        Raises PassingError after it has yielded most of the bytes received.
        """
        allowed = BODY_SECONDS + min(most, self.length or most) / _LEAST_BYTES_A_SECOND
        with BodyWatch(connection_of(self._response), self._slowest.seconds, allowed) as watch:
            yield from self._pieces(size, watch)

    def _pieces(self, size: int, watch: BodyWatch) -> Iterator[bytes]:
        got, failure = 0, None
        parts: list[bytes] = []
        length = 0
        waited, came = 0.0, 0
        while failure is None:
            began = time.monotonic()
            try:
                with watch.reading():
                    some = self._read_some(min(_READ_BYTES, size - length))
            except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
                failure = PassingError("incomplete", self._broke_off(got))
                failure.__cause__ = error
                break
            if not some:
                break
            parts.append(some)
            length += len(some)
            got += len(some)
            came += len(some)
            waited += time.monotonic() - began
            if waited >= self._slowest.seconds:
                if came < self._slowest.size:
                    failure = PassingError(
                        "too_slow", f"{shown(self.url)} is too slow: it sent {self._slowest}"
                    )
                waited, came = 0.0, 0
            if length >= size:
                yield b"".join(parts)
                parts.clear()
                length = 0
        if watch.reason is not None:
            # to the library, a closed connection may look like the end of the body
            failure = PassingError("too_slow", f"{shown(self.url)} is too slow: it {watch.reason}")
        if length >= (1 if failure is None else _LEAST_BYTES):
            yield b"".join(parts)
        if failure is not None:
            raise failure
        # urllib3 1.26 doesn't check this
        if self.length is not None and got < self.length:
            raise PassingError("incomplete", self._broke_off(got))

    def _read_some(self, most: int) -> bytes:
        """The next bytes, as soon as there are any; empty at the end."""
        raw = self._response.raw
        if _HAS_READ1:
            read: bytes = raw.read1(most, decode_content=False)
        else:
            read = raw._fp.read1(most)  # noqa: SLF001 - urllib3 1.26 has it only underneath
        return read

    def _broke_off(self, got: int) -> str:
        whole = "" if self.length is None else f" of {self.length}"
        return f"{shown(self.url)} stopped after {got}{whole} bytes"


def connection_of(response: Any) -> Any:
    """The socket of a reply, as recorded by ``sessions``, or None."""
    raw = getattr(response, "raw", None)
    for holder in (raw, getattr(raw, "_original_response", None)):
        found = getattr(holder, CONNECTION, None)
        if found is not None:
            return found
    return None

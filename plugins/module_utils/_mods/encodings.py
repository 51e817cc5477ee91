# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undo ``Content-Encoding``: some servers and object stores compress whatever they are asked for."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_CHUNK_BYTES = 256 * 1024
# values that servers send although nothing is encoded
_MEANINGLESS = frozenset({"identity", "none", "binary", "utf-8"})
_GZIP = frozenset({"gzip", "x-gzip"})
_DEFLATE = frozenset({"deflate", "x-deflate"})
MAX_ENCODINGS = 3

# encoding that can't be undone → extension of files that are stored that way on purpose
_ENDINGS = {"br": ".br", "compress": ".z", "x-compress": ".z"}


class EncodingError(Exception):
    """The content is not encoded as its server claims. The text names the actual content."""


class TooLong(Exception):
    """The content is longer than allowed."""


def encodings(header: str | None) -> tuple[str, ...]:
    """The encodings in ``Content-Encoding``, in the order in which they were applied."""
    words = (word.strip().lower() for word in (header or "").split(","))
    return tuple(word for word in words if word and word not in _MEANINGLESS)


def unknown(found: Iterable[str]) -> str | None:
    """A description of the encodings that can't be undone here, or None."""
    names = tuple(found)
    if len(names) > MAX_ENCODINGS:
        return f"{len(names)} nested encodings"
    others = [name for name in names if name not in _GZIP and name not in _DEFLATE]
    return f"the encoding {others[0][:40]!r}" if others else None


def says(name: str, encoding: str) -> bool:
    """Whether a file of this name is encoded on purpose in a way that can't be undone here."""
    ending = _ENDINGS.get(encoding)
    return ending is not None and name.lower().endswith(ending)


def decoded(pieces: Iterable[bytes], names: Iterable[str], limit: int) -> Iterator[bytes]:
    """The content without its encodings, in pieces. Raises EncodingError, TooLong."""
    for name in reversed(tuple(names)):
        pieces = _inflated(pieces, name)
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise TooLong
        yield piece


def decoded_start(start: bytes, names: Iterable[str]) -> bytes:
    """The part of the content that the first bytes of a body contain."""
    found = b""
    try:
        for piece in decoded([start], names, len(start) * 1100 + _CHUNK_BYTES):
            found += piece
            if len(found) >= _CHUNK_BYTES:
                break
    except (EncodingError, TooLong):
        pass  # the rest is missing, as expected
    return found


def _inflated(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Undo one encoding. A gzip stream may have several members, and zeros after the last one."""
    stream = None
    for piece in pieces:
        data = piece
        while data:
            if stream is None or (stream.eof and name in _GZIP and data.startswith(b"\x1f")):
                stream = zlib.decompressobj(_window(name, data))
            elif stream.eof:
                if data.strip(b"\0"):
                    raise EncodingError(f"{name} with data after its end")
                break
            try:
                result = stream.decompress(data, _CHUNK_BYTES)
            except zlib.error:
                raise EncodingError(f"something other than {name}") from None
            if result:
                yield result
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
    if stream is not None:
        yield stream.flush()
        if not stream.eof:
            raise EncodingError(f"{name} that ends early")


def _window(name: str, start: bytes) -> int:
    if name in _GZIP:
        return 16 + zlib.MAX_WBITS
    # RFC 9110 means zlib's format, but some servers send raw deflate
    is_zlib = len(start) >= 2 and start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Distinguish a file from the page, the error or the empty reply that a server sends instead of it.

Many file names imply how the content must begin, and some how it must end. For other names, only an HTML page
is refused, unless the name is that of a page.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import IO

from .._model.compat import dataclass
from .encodings import says

try:
    import bz2
    import lzma
except ImportError:
    HAS_DECOMPRESSORS = False
    _DAMAGED: tuple[type[Exception], ...] = (OSError,)
else:
    HAS_DECOMPRESSORS = True
    _DAMAGED = (OSError, lzma.LZMAError)

# how much of a file is examined: a page may begin with a long comment
START_BYTES = 8 * 1024
# how much of a compressed file is unpacked as a test
_TRIED_BYTES = 8 * 1024**3
_CHUNK_BYTES = 1024 * 1024
_TAIL_BYTES = 22 + 65535
_ZIP_END = b"PK\x05\x06"
_SMALL_BYTES = 64 * 1024

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# a zip file may begin with a program that unpacks it
_ZIP_WITH_PROGRAM = (*_ZIP, b"#!", b"MZ")
_GZIP = (b"\x1f\x8b",)
_XZ = (b"\xfd7zXZ\x00",)
_BZIP2 = (b"BZh",)
_ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16)))
_JSON_STARTS = (b"{", b"[", b'"', b"/")
_SEVEN = (b"7z\xbc\xaf\x27\x1c",)
_ELF = (b"\x7fELF", b"/* GNU ld")
_MACH = (
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xfe\xed\xfa\xcf",
    b"\xfe\xed\xfa\xce",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """How files of a kind begin. ``whole`` checks a complete file and returns its fault, or None."""

    name: str
    starts: tuple[bytes, ...] = ()
    looks_right: Callable[[bytes], bool] | None = None
    whole: Callable[[IO[bytes], int], str | None] | None = None

    def begins(self, start: bytes) -> bool:
        if self.looks_right is not None:
            return self.looks_right(start)
        return start.startswith(self.starts)


def _is_tar(start: bytes) -> bool:
    """Check the checksum of the first header, which even the oldest format has. An empty archive is zeros."""
    block = start[:512]
    if len(block) < 512:
        return False
    if not block.strip(b"\0"):
        return True
    try:
        desired = int(block[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return sum(block[:148]) + 8 * 32 + sum(block[156:]) == desired


def _zip_fault(file: IO[bytes], size: int) -> str | None:
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    at = tail.rfind(_ZIP_END)
    if at < 0 or len(tail) < at + 22:
        return "its end is missing"
    length, offset = struct.unpack("<LL", tail[at + 12 : at + 20])
    # in zip64 these fields hold the maximum, and the real values are elsewhere
    if 0xFFFFFFFF not in (length, offset) and offset + length > size - len(tail) + at:
        return "part of it is missing"
    return None


def _seven_fault(file: IO[bytes], size: int) -> str | None:
    file.seek(0)
    start = file.read(32)
    if len(start) < 32:
        return "its end is missing"
    offset, length = struct.unpack("<QQ", start[12:28])
    return "its end is missing" if 32 + offset + length > size else None


def _gzip_fault(file: IO[bytes], _size: int) -> str | None:
    """Data after the last member doesn't matter: programs that read such files skip it."""
    file.seek(0)
    stream = None
    found = 0
    try:
        while found < _TRIED_BYTES and (data := file.read(_CHUNK_BYTES)):
            while data:
                if stream is None or stream.eof:
                    if stream is not None and not data.startswith(_GZIP):
                        return None
                    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
                found += len(stream.decompress(data, _CHUNK_BYTES))
                data = stream.unused_data if stream.eof else stream.unconsumed_tail
    except zlib.error:
        return "it is damaged"
    return None if found >= _TRIED_BYTES or (stream is not None and stream.eof) else "its end is missing"


def _tar_fault(file: IO[bytes], size: int) -> str | None:
    file.seek(max(0, size - 512))
    # it ends in blocks of zeros
    return "its end is missing" if file.read(512).strip(b"\0") else None


def _unpacking_fault(
    new: Callable[[IO[bytes]], IO[bytes]],
) -> Callable[[IO[bytes], int], str | None]:
    """A check that unpacks an xz or bzip2 file."""

    def fault(file: IO[bytes], _size: int) -> str | None:
        file.seek(0)
        found = 0
        try:
            with new(file) as plain:
                while found < _TRIED_BYTES and (piece := plain.read(_CHUNK_BYTES)):
                    found += len(piece)
        except EOFError:
            return "its end is missing"
        except _DAMAGED as error:
            # bz2 reports damage as an OSError without a number; disk errors have one
            if isinstance(error, OSError) and error.errno is not None:
                raise
            return "it is damaged"
        return None

    return fault


_ZIP_KIND = Kind("a zip file", _ZIP_WITH_PROGRAM, whole=_zip_fault)
_GZIP_KIND = Kind("a gzip file", _GZIP, whole=_gzip_fault)
_XZ_KIND = Kind("an xz file", _XZ, whole=_unpacking_fault(lzma.LZMAFile) if HAS_DECOMPRESSORS else None)
_BZIP2_KIND = Kind("a bzip2 file", _BZIP2, whole=_unpacking_fault(bz2.BZ2File) if HAS_DECOMPRESSORS else None)
_ZSTD_KIND = Kind("a zstd file", _ZSTD)
_TAR_KIND = Kind("a tar file", looks_right=_is_tar, whole=_tar_fault)
# / begins a comment, which many programs accept
_JSON_KIND = Kind(
    "JSON", looks_right=lambda start: start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in _JSON_STARTS
)

_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(
        (
            "jar", "zip", "war", "ear", "aar", "apk", "ipa", "mrpack", "mcpack", "mcaddon", "mcworld",
            "litemod", "smod", "whl", "nupkg", "vsix", "xpi", "pk3", "pk4", "kpz", "docx", "xlsx", "epub",
            "odt",
        ),
        _ZIP_KIND,
    ),
    "crx": Kind("a Chrome extension", (b"Cr24", *_ZIP)),
    **dict.fromkeys(("gz", "tgz", "taz", "schem", "schematic", "litematic"), _GZIP_KIND),
    **dict.fromkeys(("xz", "txz"), _XZ_KIND),
    **dict.fromkeys(("bz2", "tbz", "tbz2"), _BZIP2_KIND),
    **dict.fromkeys(("zst", "tzst", "zstd"), _ZSTD_KIND),
    "lz4": Kind("an lz4 file", (b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18")),
    "lz": Kind("an lzip file", (b"LZIP",)),
    "7z": Kind("a 7z file", _SEVEN, whole=_seven_fault),
    "rar": Kind("a rar file", (b"Rar!\x1a\x07",)),
    "tar": _TAR_KIND,
    **dict.fromkeys(("so", "ko"), Kind("a shared library", _ELF)),
    "dylib": Kind("a dynamic library", _MACH),
    **dict.fromkeys(("dll", "exe", "sys"), Kind("a Windows program", (b"MZ",))),
    "msi": Kind("an installer", (b"\xd0\xcf\x11\xe0",)),
    "class": Kind("a Java class", (b"\xca\xfe\xba\xbe",)),
    "wasm": Kind("WebAssembly", (b"\x00asm",)),
    "deb": Kind("a Debian package", (b"!<arch>\n",)),
    "rpm": Kind("an rpm package", (b"\xed\xab\xee\xdb",)),
    "smx": Kind("a SourceMod plugin", (b"FFPS",)),
    "amxx": Kind("an AMX Mod X plugin", (b"XXMA",)),
    "vpk": Kind("a Valve package", (b"\x34\x12\xaa\x55",)),
    # pictures often have the extension of another format, and programs show them anyway
    **dict.fromkeys(
        ("png", "jpg", "jpeg", "gif", "webp"),
        Kind("a picture", (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")),
    ),
    "pdf": Kind("a PDF file", (b"%PDF", b"\n%PDF", b"\xef\xbb\xbf%PDF")),
    "ogg": Kind("an Ogg file", (b"OggS",)),
    "wav": Kind("a sound", (b"RIFF", b"RIFX", b"RF64")),
    "flac": Kind("a sound", (b"fLaC", b"ID3")),
    **dict.fromkeys(("json", "mcmeta"), _JSON_KIND),
}  # fmt: skip
_ARCHIVE = Kind("zip, tar.gz, tar.xz or tar.bz2", (*_ZIP, *_GZIP, *_XZ, *_BZIP2))

_PAGES = ("html", "htm", "xhtml", "shtml", "php", "asp", "aspx", "jsp", "mht")
_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_JSON_NAMES = (
    "json",
    "json5",
    "jsonc",
    "mcmeta",
    "geojson",
    "webmanifest",
    "map",
    "ipynb",
    "modinfo",
    "uplugin",
)
_ERROR_KEYS = frozenset(
    {"error", "errors", "error_description", "message", "detail", "details", "fault", "exception", "reason"}
)
_MARKUP_FRONT = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|<\?xml[^>]*>|<!--.*?-->)*", re.DOTALL)
_PAGE = re.compile(
    rb"<(!doctype\s+html|html|head|body|title|script|meta|frameset|center|h1|h2)[\s>/]", re.IGNORECASE
)
_XML_ERROR = re.compile(rb"<(Error|Fault|fault|error)[\s>]")


def kind_of(name: str) -> Kind | None:
    """The kind that a file of this name must have, or None if the name implies none."""
    lower = name.lower().rpartition("/")[2]
    ending = lower.rpartition(".")[2] if "." in lower else ""
    # libfoo.so.1.2
    if re.search(r"\.so(\.[0-9]+)+$", lower):
        ending = "so"
    return _KINDS.get(ending)


def is_page(start: bytes) -> bool:
    front = _MARKUP_FRONT.match(start)
    return _PAGE.match(start, front.end() if front else 0) is not None


@dataclass(frozen=True, slots=True)
class Judge:
    """Finds faults in the content that a server sent for a file.

    ``names`` are those that may imply its kind, its own name first. ``archive``: it will be unpacked.
    ``replaces``: it replaces a file that is not empty.
    """

    names: tuple[str, ...] = ()
    archive: bool = False
    replaces: bool = False

    @property
    def kind(self) -> Kind | None:
        if self.archive:
            return _ARCHIVE
        return next((kind for kind in map(kind_of, self.names) if kind is not None), None)

    def start(self, start: bytes, content_type: str) -> str | None:
        """The fault of the first bytes of a body that isn't empty, or None."""
        kind, start = self.kind, start[:START_BYTES]
        media = content_type.partition(";")[0].strip().lower()
        if kind is not None:
            return None if kind.begins(start) else f"expected {kind.name}, found {_describe(start, media)}"
        endings = [name.lower().rpartition(".")[2] for name in self.names]
        if is_page(start) and media in ("", *_PAGE_TYPES) and not any(end in _PAGES for end in endings):
            return "expected a file, found an HTML page"
        return None

    def whole(self, file: IO[bytes], size: int, content_type: str) -> str | None:
        """The fault of a complete file, or None. ``file`` is open for reading, at any position."""
        kind = self.kind
        if size == 0:
            if kind is not None:
                return f"expected {kind.name}, found nothing"
            return "expected a file, found nothing" if self.replaces else None
        file.seek(0)
        fault = self.start(file.read(START_BYTES), content_type)
        if fault is not None:
            return fault
        if kind is not None:
            reason = kind.whole(file, size) if kind.whole is not None else None
            return None if reason is None else f"expected {kind.name}, but {reason}"
        if size <= _SMALL_BYTES:
            file.seek(0)
            return self._error(file.read(_SMALL_BYTES), content_type)
        return None

    def proves(self, start: bytes) -> bool:
        kind = self.kind
        return kind is not None and kind.begins(start)

    def is_meant(self, encoding: str) -> bool:
        return any(says(name, encoding) for name in self.names)

    def _error(self, body: bytes, content_type: str) -> str | None:
        """The fault of a small body that is an error message rather than a file, or None."""
        media = content_type.partition(";")[0].strip().lower()
        endings = [name.lower().rpartition(".")[2] for name in self.names]
        if media == "application/json" or media.endswith("+json"):
            if any(end in _JSON_NAMES for end in endings):
                return None
            try:
                data = json.loads(body)
            except (ValueError, RecursionError):
                return None
            if isinstance(data, dict) and _ERROR_KEYS & {str(key).lower() for key in data}:
                return "expected a file, found an error in JSON"
        if media in ("application/xml", "text/xml") and "xml" not in endings:
            front = _MARKUP_FRONT.match(body)
            if _XML_ERROR.match(body, front.end() if front else 0):
                return "expected a file, found an error in XML"
        return None


@dataclass(frozen=True, slots=True)
class Beginning:
    """A check of the first bytes only. ``fault`` returns their fault, or None."""

    fault: Callable[[bytes], str | None]

    def start(self, start: bytes, _content_type: str) -> str | None:
        return self.fault(start)

    def whole(self, file: IO[bytes], _size: int, _content_type: str) -> str | None:
        file.seek(0)
        return self.fault(file.read(START_BYTES))

    def proves(self, start: bytes) -> bool:
        return self.fault(start) is None

    def is_meant(self, _encoding: str) -> bool:
        return False


def _describe(start: bytes, media: str) -> str:
    if not start:
        return "nothing"
    if is_page(start):
        return "an HTML page"
    if start.lstrip()[:1] in (b"{", b"[") and _is_text(start):
        return "JSON"
    for kind in (_ZIP_KIND, _GZIP_KIND, _XZ_KIND, _BZIP2_KIND, _ZSTD_KIND, _KINDS["7z"], _KINDS["rar"]):
        if start.startswith(kind.starts) and not start.startswith((b"#!", b"MZ")):
            return kind.name
    if _is_text(start):
        return "text"
    return f"something else ({media})" if re.fullmatch(r"[\w.+-]+/[\w.+-]+", media) else "something else"


def _is_text(start: bytes) -> bool:
    return not re.search(rb"[\x00-\x08\x0e-\x1f]", start)

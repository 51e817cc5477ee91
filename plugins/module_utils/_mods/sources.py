# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locate the file of an entry: a URL is the location itself, an API is asked."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._config.urls import shown
from .._model.compat import dataclass
from .._model.mods import API, ModEntry, ModRecord, name_fault
from .http import Fetcher
from .part_file import parse_digest
from .replies import FetchError
from .server_names import archive_folder, name_from_reply
from .sessions import origin

try:
    import jmespath
    import jmespath.exceptions
except ImportError:
    HAS_JMESPATH = False
else:
    HAS_JMESPATH = True

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
# GitHub describes the asset unless the request asks for the file
_GITHUB_ASSET = re.compile(r"/repos/[^/]+/[^/]+/releases/assets/[0-9]+$")
# headers of an entry that are for the API, not for the file
_API_HEADERS = frozenset({"accept"})


@dataclass(frozen=True, slots=True)
class Located:
    """The location of a file. ``digest`` is ``ALGORITHM:HEX`` if it is known."""

    url: str
    name: str
    headers: Mapping[str, str]
    digest: str | None


def locate(
    entry: ModEntry, fetcher: Fetcher, record: ModRecord | None, conditions: Mapping[str, str]
) -> Located:
    """Locate the file of a URL or API entry. Raises FetchError.

    ``record`` describes the current file, ``conditions`` are headers that ask whether it is still current.
    """
    if entry.kind != API:
        name = entry.name if entry.name is not None else _name_at_server(entry, fetcher, record, conditions)
        return Located(entry.source, name, entry.headers, entry.digest)
    if not HAS_JMESPATH:
        raise FetchError("library_missing", entry.title, "the Python library jmespath is needed for 'api'")
    document = fetcher.document(
        entry.source,
        {"Accept": "application/json", **entry.headers},
        trusted=entry.trusted,
        limit=MAX_DOCUMENT_BYTES,
        entry=entry.title,
    )
    try:
        found = jmespath.search(entry.select or "", document.json())
    except (jmespath.exceptions.JMESPathError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise FetchError("select", entry.title, f"select can't be applied to the answer: {reason}") from error
    return _selected(entry, found)


def _name_at_server(
    entry: ModEntry, fetcher: Fetcher, record: ModRecord | None, conditions: Mapping[str, str]
) -> str:
    """The server's name for the file. Reads nothing of its content."""
    headers = {**entry.headers, **conditions}
    with fetcher.request(
        "GET", entry.source, headers, trusted=entry.trusted, entry=entry.title, accept=(304,)
    ) as reply:
        if reply.status == 304 and record is not None:
            return record.folder or record.files[0].name
        name = name_from_reply(entry.source, reply.url, reply.headers)
    if name is None:
        raise FetchError(
            "no_name", entry.title, "expected a name from its server, found none; give it one with 'name'"
        )
    return archive_folder(name) if entry.unpack else name


def _selected(entry: ModEntry, found: Any) -> Located:
    if not isinstance(found, Mapping) or not isinstance(found.get("url"), str):
        shape = "nothing" if found is None else f"a {type(found).__name__} without it"
        raise FetchError("select", entry.title, f"expected select to give a mapping with url, found {shape}")
    url: str = found["url"]
    name = entry.name
    if name is None:
        name = _own_name(entry, found, url)
    digest = entry.digest
    if digest is None and found.get("digest"):
        try:
            digest = ":".join(parse_digest(str(found["digest"])))
        except ValueError as error:
            raise FetchError("invalid_digest", entry.title, str(error)) from error
    return Located(url, name, _headers(entry, url), digest)


def _own_name(entry: ModEntry, found: Mapping[str, Any], url: str) -> str:
    given = found.get("name")
    name = str(given) if given else shown(url).partition("?")[0].rpartition("/")[2]
    if "/" in name or name_fault(name) is not None:
        raise FetchError(
            "invalid_name", entry.title, f"expected the plain name of a file, found {name[:80]!r}"
        )
    return name


def _headers(entry: ModEntry, url: str) -> dict[str, str]:
    """The headers for the file: those of the entry, if the API itself serves the file."""
    try:
        same = origin(url) == origin(entry.source)
    except ValueError as error:
        raise FetchError(
            "select", entry.title, "expected select to give a URL, found something else"
        ) from error
    headers = {name: value for name, value in entry.headers.items() if name.lower() not in _API_HEADERS}
    if not same:
        headers = {name: value for name, value in headers.items() if name.lower() == "user-agent"}
    if _GITHUB_ASSET.search(url.partition("?")[0]):
        headers["Accept"] = "application/octet-stream"
    return headers


def is_current(located: Located, record: ModRecord | None) -> bool:
    """Whether the current file is the located one, by its digest."""
    if record is None or located.digest is None:
        return False
    algorithm, _colon, number = located.digest.partition(":")
    return record.digests.get(algorithm) == number


def same_place(located: Located, record: ModRecord, *, unpack: bool) -> bool:
    """Whether the current file has the desired name."""
    if unpack:
        return record.folder == located.name
    return record.folder is None and [file.name for file in record.files] == [located.name]

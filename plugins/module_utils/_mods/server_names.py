# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Get the name of a file from its server if the URL has no usable name (``…/1/download``)."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Mapping
from email.message import Message
from urllib.parse import unquote, urlsplit

from .._model.mods import name_fault

# extensions of programs on the server, not of files
_PROGRAMS = frozenset({"php", "asp", "aspx", "ashx", "cgi", "jsp", "do", "pl"})
_ARCHIVE_ENDING = re.compile(r"(?i)\.(zip|tgz|tbz2|txz|tar(\.(gz|bz2|xz))?)$")
_ENDING = re.compile(r"[^.]\.([A-Za-z0-9][A-Za-z0-9_-]{0,15})$")


def last_part(url: str) -> str:
    """The last part of a URL's path, which may be empty or not a valid name."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


def says_something(name: str) -> bool:
    """Whether a name has the extension of a file type."""
    found = _ENDING.search(name)
    return found is not None and found[1].lower() not in _PROGRAMS


def archive_folder(name: str) -> str:
    """The name of the folder for an archive of that name."""
    return _ARCHIVE_ENDING.sub("", name) or name


def name_from_reply(url: str, url_now: str, headers: Mapping[str, str]) -> str | None:
    """The server's name for the file at ``url``, never a path; ``url_now`` is the URL after redirects.

    None if there is no valid name.
    """
    moved = last_part(url_now)
    candidates = (
        _from_disposition(headers.get("Content-Disposition")),
        moved if says_something(moved) else "",
    )
    for name in (*candidates, last_part(url)):
        if name and "/" not in name and name_fault(name) is None:
            return name
    return None


def _from_disposition(header: str | None) -> str:
    if not header or len(header) > 4096:
        return ""
    message = Message()
    try:
        # the library decodes headers as Latin-1, but servers send UTF-8
        message["Content-Disposition"] = header.encode("latin-1").decode("utf-8", "replace")
        name = message.get_filename("")
    except (ValueError, LookupError, TypeError):
        return ""
    # some servers send a path, even a Windows path
    return re.split(r"[/\\]", str(name).strip())[-1].strip()

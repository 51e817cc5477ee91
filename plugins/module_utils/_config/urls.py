# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check URLs in the configuration, and format them for messages."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .words import describe

_FIELD = re.compile(r"\{(address|hostname)\}")


def url_fault(text: str, *, is_template: bool = False) -> tuple[str, str] | None:
    """The expected and the found value if ``text`` is not an HTTP or HTTPS URL, otherwise None.

    A template has ``{address}`` or ``{hostname}`` in place of the host. Credentials are rejected, because
    messages show URLs; the message about them does not show the URL.
    """
    if "@" in text:
        return "a URL without credentials", "one with '@'"
    expected = _fault(text, is_template=is_template)
    return None if expected is None else (expected, describe(text))


def _fault(text: str, *, is_template: bool) -> str | None:
    expected = "a URL that starts with http:// or https://"
    if is_template:
        expected += " and contains {address} or {hostname}"
        if not _FIELD.search(text):
            return expected
        text = _FIELD.sub("host", text)
    if re.search(r"[\s{}\x00-\x1f\x7f]", text):
        return f"{expected}, without spaces or braces"
    try:
        parts = urlsplit(text)
        _port = parts.port
    except ValueError:
        return expected
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return expected
    return None


def shown(url: str) -> str:
    """The URL for messages and files: without credentials and fragment, with the query values hidden."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "an invalid URL"
    words = [word.partition("=") for word in parts.query.split("&")]
    names = "&".join(f"{name}=***" if equals else "***" for name, equals, _value in words)
    query = f"?{names}" if parts.query else ""
    return f"{parts.scheme}://{host}{parts.path}{query}"

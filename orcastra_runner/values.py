# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment variables: the kinds of values, what each kind expects, and how it is parsed.

Values come from Compose files, env files and systemd units, so their common mistakes have hints of their own:
quotes that became part of the value, and Windows line endings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.orcastra.swarm.plugins.module_utils._config.words import shorten, suggest
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import Problem
from orcastra_runner import address, cron

PREFIX = "ORCASTRA_"

# Clocks and timers overflow beyond this, which is more than thirty years in seconds.
LARGEST_NUMBER = 10**9

# in a URL of another instance: the address of each manager
ADDRESS = "{address}"

_BOOLEANS = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}
_QUOTES = "\"'"
_NOT_SHOWN = "a value that is not shown"
_WORD = r"[a-zA-Z0-9_.-]"
_STACK = re.compile(rf"[a-zA-Z0-9]{_WORD}*")
_LABEL_PREFIX = re.compile(rf"{_WORD}*")
_LABEL_KEY = re.compile(r"[^\s=]+")
_DOMAIN = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?)*")


class WrongValue(Exception):
    """A value that its kind does not accept. ``hint`` is added to the value in the error message."""

    def __init__(self, hint: str = "") -> None:
        super().__init__(hint)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable. ``kind`` is a key of ``KINDS``.

    ``least`` is the smallest number allowed, ``choices`` are the only words allowed. The value is never shown
    if ``is_secret``.
    """

    name: str
    kind: str
    default: Any
    help: str
    least: float = 1
    choices: tuple[str, ...] = ()
    is_secret: bool = False

    @property
    def field(self) -> str:
        """The name of the field of Settings that holds the value."""
        return self.name.removeprefix(PREFIX).lower()

    @property
    def expected(self) -> str:
        """A description of valid values."""
        if self.choices:
            return " or ".join(self.choices)
        return KINDS[self.kind].expected.format(least=self.least)

    @property
    def shown_default(self) -> str:
        """The default as a user would write it; empty if there is none."""
        if isinstance(self.default, bool):
            return str(self.default).lower()
        if isinstance(self.default, float):
            return f"{self.default:g}"
        if isinstance(self.default, tuple):
            return ",".join(self.default)
        return "" if self.default is None else str(self.default)

    def read(self, environment: Mapping[str, str]) -> tuple[Any, Problem | None]:
        """Return the typed value, or the default and the problem with the value.

        An empty variable counts as unset, because that is the meaning of ``VARIABLE=`` in a Compose file.
        """
        default = Path(self.default) if self.kind == "path" and self.default else self.default
        text = environment.get(self.name, "")
        if not text.strip():
            return default, None
        try:
            kind = KINDS[self.kind]
            _refuse_slips(text.replace("\n", " ") if kind.has_lines else text)
            _refuse_other_than(self.choices, text)
            return kind.parse(text, self), None
        except WrongValue as wrong:
            shown = _NOT_SHOWN if self.is_secret else shorten(text)
            return default, Problem(key=self.name, expected=self.expected, found=f"{shown}{wrong.hint}")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of values.

    ``parse`` gets the text, which is not empty, and its variable; it raises WrongValue. ``has_lines``: the
    text may have several lines.
    """

    expected: str
    parse: Callable[[str, Variable], Any]
    has_lines: bool = False


def quotes_hint(text: str) -> str:
    """Return a hint for a value in quotes; empty for any other."""
    stripped = text.strip()
    if len(stripped) > 1 and stripped[0] == stripped[-1] and stripped[0] in _QUOTES:
        return " (the quotes are part of the value; remove them)"
    return ""


def _refuse_slips(text: str) -> None:
    hint = quotes_hint(text)
    if hint:
        raise WrongValue(hint)
    if text.endswith(("\r", "\n")):
        raise WrongValue(" (it ends with a line break; its file may have Windows line endings)")
    if not text.isprintable():
        raise WrongValue(" (it contains characters that are not printable)")


def _refuse_other_than(choices: tuple[str, ...], text: str) -> None:
    if choices and text not in choices:
        raise WrongValue(suggest(text, choices))


def _bool(text: str, _variable: Variable) -> bool:
    word = text.strip().lower()
    if word not in _BOOLEANS:
        raise WrongValue
    return _BOOLEANS[word]


def _number(parse: Callable[[str], float]) -> Callable[[str, Variable], Any]:
    def read(text: str, variable: Variable) -> Any:
        try:
            number = parse(text)
        except ValueError as error:
            raise WrongValue from error
        # this also rejects NaN, for which every comparison is false
        if not variable.least <= number <= LARGEST_NUMBER:
            raise WrongValue(f" (at most {LARGEST_NUMBER})" if number > LARGEST_NUMBER else "")
        return number

    return read


def _text(text: str, _variable: Variable) -> str:
    if text != text.strip():
        raise WrongValue(" (it starts or ends with white space)")
    return text


def _like(pattern: re.Pattern[str]) -> Callable[[str, Variable], Any]:
    def read(text: str, _variable: Variable) -> Any:
        if not pattern.fullmatch(text):
            raise WrongValue
        return text

    return read


def _words(text: str, _variable: Variable) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _domains(text: str, variable: Variable) -> tuple[str, ...]:
    names = _words(text, variable)
    for name in names:
        if not _DOMAIN.fullmatch(name):
            raise WrongValue(f" ({shorten(name)} is not a domain name)")
    return names


def _cron(text: str, _variable: Variable) -> str:
    if text.strip().lower() != address.OFF:
        try:
            cron.check(text)
        except ValueError as error:
            raise WrongValue from error
    return text


def _address(text: str, _variable: Variable) -> str:
    try:
        address.parse_address(text)
    except ValueError as error:
        raise WrongValue from error
    return text


def _url(text: str, _variable: Variable) -> str:
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise WrongValue from error
    if parts.scheme.lower() not in ("http", "https"):
        raise WrongValue(" (it has no scheme)" if "://" not in text else "")
    if not has_host or re.search(r"\s", text):
        raise WrongValue(" (it has no host)" if not has_host else " (it contains white space)")
    return text


def _links(text: str, variable: Variable) -> tuple[str, ...]:
    links = _words(text, variable)
    for link in links:
        _url(link.replace(ADDRESS, "192.0.2.1"), variable)
    return links


def _zone(text: str, _variable: Variable) -> str:
    fault = cron.zone_fault(text)
    if fault is not None:
        raise WrongValue(fault)
    return text


def _urls(text: str, _variable: Variable) -> str:
    if "://" not in text:
        raise WrongValue(" (it has no schema and ://)")
    return text


KINDS = {
    "text": Kind("text", _text),
    "stack": Kind(
        "a stack name (letters, digits, '_', '-' and '.', starting with a letter or digit)", _like(_STACK)
    ),
    "prefix": Kind("letters, digits, '_', '-' and '.'", _like(_LABEL_PREFIX)),
    "label": Kind("a label key without white space and '='", _like(_LABEL_KEY)),
    "path": Kind("a path", lambda text, variable: Path(_text(text, variable))),
    "bool": Kind("true or false (or 1/0, yes/no, on/off)", _bool),
    "seconds": Kind("a number of seconds, at least {least:g}", _number(float)),
    "minutes": Kind("a number of minutes, at least {least:g}", _number(float)),
    "count": Kind("a whole number, at least {least:g}", _number(int)),
    "list": Kind("a list separated by commas", _words),
    "domains": Kind("domain names without scheme and port, separated by commas", _domains),
    "cron": Kind(cron.EXPECTED, _cron),
    "zone": Kind(cron.ZONE_EXPECTED, _zone),
    "address": Kind(address.EXPECTED, _address),
    "links": Kind(
        "URLs that start with http:// or https://, separated by commas; {{address}} stands for each manager",
        _links,
    ),
    "url": Kind("a URL that starts with http:// or https://", _url),
    "urls": Kind("URLs separated by white space or commas", _urls, has_lines=True),
}

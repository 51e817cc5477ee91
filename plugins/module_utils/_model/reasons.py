# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reasons: why something is done, or not done, as data. ``messages`` has the sentences."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..messages import MESSAGES, durations, render
from .errors import OrcastraError
from .text import printable


class Reason:
    """A code and its parameters: ``Reason("label_missing", label="ssd=true")``.

    Parameters are strings, numbers, other reasons, None, and lists of these. Decisions and tests use the
    code. ``str(reason)`` is the sentence for the user, on one line that is safe to print.
    """

    __slots__ = ("_params", "code")

    def __init__(self, code: str, /, **params: Any) -> None:
        self.code = code
        self._params = tuple((name, _frozen(value)) for name, value in sorted(params.items()))

    @property
    def params(self) -> Mapping[str, Any]:
        return dict(self._params)

    @property
    def text(self) -> str:
        """The sentence. Raises KeyError for an unknown code or a missing parameter."""
        return printable(render(self.code, self.params))

    def to_data(self) -> dict[str, Any]:
        """``code``, ``params`` and ``text``, as in results, logs and the API."""
        return {
            "code": self.code,
            "params": {name: _plain(value) for name, value in self._params},
            "text": self.text,
        }

    def to_saved(self) -> dict[str, Any]:
        """``code`` and ``params``, as in the saved state; ``from_saved`` reads them."""
        return {"code": self.code, "params": {name: _saved(value) for name, value in self._params}}

    @classmethod
    def from_saved(cls, value: object) -> Reason:
        """Read a reason from the saved state. Raises TypeError if it is neither a reason nor a string.

        Earlier releases saved sentences, and later ones may save codes that this one does not know: both
        become a ``saved_reason`` with that text.
        """
        if isinstance(value, str):
            return Reason("saved_reason", text=value)
        if not isinstance(value, Mapping):
            raise TypeError("expected a reason")
        code, params = value.get("code"), value.get("params")
        if not isinstance(code, str) or not isinstance(params, Mapping):
            raise TypeError("expected a reason with code and params")
        if code not in MESSAGES:
            return Reason("saved_reason", text=code)
        reason = cls(code, **{str(name): _from_saved(entry) for name, entry in params.items()})
        try:
            reason.text  # noqa: B018 - it must have all parameters, each of its type
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError, OverflowError):
            return Reason("saved_reason", text=code)
        return reason

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        params = "".join(f", {name}={value!r}" for name, value in self._params)
        return f"Reason({self.code!r}{params})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reason):
            return NotImplemented
        return (self.code, self._params) == (other.code, other._params)

    def __hash__(self) -> int:
        return hash((self.code, self._params))


class Refused(OrcastraError):
    """A request of the user that cannot be carried out. ``reason`` explains why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text)
        self.reason = reason


def text_of(data: object) -> str:
    """The sentence of a message in a module's result."""
    return str(data.get("text", "")) if isinstance(data, Mapping) else str(data)


def identity(message: Reason) -> object:
    """The part of a message that does not change if it is repeated: everything except durations."""
    return _lasting(message)


def _lasting(value: Any) -> Any:
    if isinstance(value, Reason):
        volatile = durations(value.code)
        params = value.params.items()
        return (value.code, *((name, _lasting(one)) for name, one in params if name not in volatile))
    return tuple(map(_lasting, value)) if isinstance(value, tuple) else value


def codes(reasons: Iterable[Reason]) -> list[str]:
    """The codes of ``reasons``, in order."""
    return [reason.code for reason in reasons]


def _frozen(value: Any) -> Any:
    return tuple(_frozen(entry) for entry in value) if isinstance(value, (list, tuple)) else value


def _saved(value: Any) -> Any:
    if isinstance(value, Reason):
        return value.to_saved()
    return [_saved(entry) for entry in value] if isinstance(value, tuple) else value


def _from_saved(value: object) -> object:
    if isinstance(value, Mapping):
        return Reason.from_saved(value)
    return [_from_saved(entry) for entry in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Reason):
        return value.to_data()
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backports of the standard library for Python 3.9, the system Python of RHEL 9 and Debian 11."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if sys.version_info < (3, 9):  # noqa: UP036 - a clear message instead of a syntax error
    raise ImportError(f"orcastra.swarm requires Python 3.9 or newer, found {sys.version.split()[0]}")

if TYPE_CHECKING or sys.version_info >= (3, 10):
    from dataclasses import dataclass
    from typing import TypeAlias
else:
    import dataclasses
    import functools

    TypeAlias = None  # used in annotations only, which are never evaluated
    _REQUIRED = object()

    def dataclass(cls=None, *, slots=False, kw_only=False, **options):
        """``dataclasses.dataclass`` with ``kw_only``. ``slots`` only saves memory, so it is ignored."""
        if cls is None:
            return functools.partial(dataclass, slots=slots, kw_only=kw_only, **options)
        if not kw_only:
            return dataclasses.dataclass(cls, **options)
        # Python 3.9 rejects a field without a default after one with a default, even if that one is
        # inherited.
        for name in vars(cls).get("__annotations__", {}):
            if name not in vars(cls):
                setattr(cls, name, _REQUIRED)
            given = getattr(cls, name)
            if isinstance(given, dataclasses.Field):
                if given.default is given.default_factory is dataclasses.MISSING:
                    given.default = _REQUIRED
        made = dataclasses.dataclass(cls, **options)
        original = made.__init__
        required = [one.name for one in dataclasses.fields(made) if one.default is _REQUIRED]

        @functools.wraps(original)
        def __init__(self, **values):  # noqa: N807 - it becomes the method of this name
            missing = [name for name in required if name not in values]
            if missing:
                raise TypeError(f"{made.__name__}() requires the keyword arguments {', '.join(missing)}")
            original(self, **values)

        made.__init__ = __init__
        return made


__all__ = ["TypeAlias", "dataclass"]

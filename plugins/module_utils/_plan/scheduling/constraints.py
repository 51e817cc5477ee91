# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Constraint expressions, parsed and evaluated as Swarm does.

Source: swarmkit, `manager/constraint/constraint.go` (and `filter.go` of the scheduler for platforms). Keys
other than label names, and all values, are compared case-insensitively; a label that a node does not have
compares as the empty string; an unknown key matches no node. Engines before 23.0 do not know `node.ip`.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from ..._model.compat import dataclass
from ..._model.errors import OrcastraError
from ..._model.snapshot import Node

NODE_LABEL_PREFIX = "node.labels."
ENGINE_LABEL_PREFIX = "engine.labels."

# Go's \s is ASCII only, and its $ without flags matches only at the end of the text
_KEY = re.compile(r"[a-z_][a-z0-9\-_.]+", re.IGNORECASE)
_VALUE = re.compile(r"[a-z0-9:\-_ \t\n\f\r.*()?+\[\]\\^$|/]+", re.IGNORECASE)
_OPERATORS = ("==", "!=")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class ConstraintError(OrcastraError):
    """An expression that Swarm refuses."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One parsed expression: ``key``, ``value``, and whether they must match (``==``) or must not
    (``!=``)."""

    key: str
    must_match: bool
    value: str

    def __str__(self) -> str:
        return f"{self.key}{'==' if self.must_match else '!='}{self.value}"

    def allows(self, node: Node) -> bool:
        """Return whether Swarm would let a task with this constraint run on ``node``."""
        key = _fold(self.key)
        if key == "node.id":
            return self._compare(node.id)
        if key == "node.hostname":
            return self._compare(node.hostname)
        if key == "node.ip":
            return self._compare_address(node.address)
        if key == "node.role":
            return self._compare(node.role)
        if key == "node.platform.os":
            return self._compare(node.os)
        if key == "node.platform.arch":
            return self._compare(node.architecture)
        if key.startswith(NODE_LABEL_PREFIX) and len(key) > len(NODE_LABEL_PREFIX):
            return self._compare(node.labels.get(self.key[len(NODE_LABEL_PREFIX) :], ""))
        if key.startswith(ENGINE_LABEL_PREFIX) and len(key) > len(ENGINE_LABEL_PREFIX):
            return self._compare(node.engine_labels.get(self.key[len(ENGINE_LABEL_PREFIX) :], ""))
        return False

    def _compare(self, found: str) -> bool:
        return (_fold(self.value) == _fold(found)) == self.must_match

    def _compare_address(self, found: str) -> bool:
        try:
            network = ipaddress.ip_network(self.value, strict=False)
        except ValueError:
            return False
        try:
            inside = ipaddress.ip_address(found) in network
        except ValueError:
            inside = False
        return inside == self.must_match


def parse_constraint(expression: str) -> Constraint:
    """Parse ``key==value`` or ``key!=value``. Raises ConstraintError with the message that Swarm uses."""
    for operator in _OPERATORS:
        key, found, value = expression.partition(operator)
        if not found:
            continue
        key, value = key.strip(), value.strip()
        if not _KEY.fullmatch(key):
            raise ConstraintError(f"key '{key}' is invalid")
        if not _VALUE.fullmatch(value):
            raise ConstraintError(f"value '{value}' is invalid")
        return Constraint(key, operator == "==", value)
    raise ConstraintError(f"constraint expected one operator from {', '.join(_OPERATORS)}")


def parse_constraints(expressions: Iterable[str]) -> tuple[Constraint, ...]:
    return tuple(parse_constraint(expression) for expression in expressions)


def violated(expressions: Iterable[str], node: Node) -> tuple[str, ...]:
    """Return the expressions that keep a task off ``node``; empty if all of them allow it.

    As in Swarm's scheduler, none of the expressions applies if one of them cannot be parsed.
    """
    expressions = tuple(expressions)
    try:
        constraints = parse_constraints(expressions)
    except ConstraintError:
        return ()
    pairs = zip(expressions, constraints)
    return tuple(expression for expression, constraint in pairs if not constraint.allows(node))


def platform_allows(platforms: Iterable[tuple[str, str]], node: Node) -> bool:
    """Return whether one of the (OS, architecture) pairs of a service's image fits ``node``.

    Unlike in constraints, the two spellings of an architecture are equal here. An empty part fits any node.
    """
    platforms = tuple(platforms)
    if not platforms:
        return True
    architecture = _ARCHITECTURES.get(node.architecture, node.architecture)
    for wanted_os, wanted_architecture in platforms:
        normal = _ARCHITECTURES.get(wanted_architecture, wanted_architecture)
        if normal in ("", architecture) and wanted_os in ("", node.os):
            return True
    return False


def _fold(text: str) -> str:
    """Fold case like Go's ``strings.EqualFold``: one character always folds to one."""
    return "".join(folded if len(folded := char.casefold()) == 1 else char for char in text)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Suggestions for service names that the swarm does not have."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from .._model.reasons import Reason
from .._model.snapshot import Service, SwarmSnapshot

# the maximum number of suggestions
SUGGESTED = 3
# how similar names must be, from 0 to 1
SIMILAR = 0.65
# the same for names with a stack in front, which alone makes them somewhat similar
SIMILAR_WITH_STACK = 0.75
CLOSE = 0.08
_SEPARATORS = re.compile(r"[-_.]+")


def no_service(snapshot: SwarmSnapshot, name: str, stack: str) -> Reason:
    """Return that there is no such service, with the full name that was searched for."""
    return Reason("service_unknown", service=full_name(snapshot, name, stack), also=None, hint=None)


def no_requested_service(snapshot: SwarmSnapshot, name: str, stack: str) -> Reason:
    """Return the same for a name that a user requested, who may not expect the stack as a prefix."""
    full = full_name(snapshot, name, stack)
    return Reason(
        "service_unknown",
        service=full,
        also=name if name != full else None,
        hint=_similar(similar_services(snapshot, name, stack)),
    )


def service_hint(snapshot: SwarmSnapshot, name: str, stack: str) -> Reason | None:
    """Return the service that a name in the configuration probably means; None if no name is similar.

    Most of the time that is a service of the same name in another stack.
    """
    found = similar_services(snapshot, name, stack)
    if len(found) == 1 and found[0].stack not in (None, stack) and short_name(found[0]) == name:
        return Reason("did_you_mean_other_stack", name=found[0].name, stack=found[0].stack)
    return _similar(found)


def similar_services(snapshot: SwarmSnapshot, name: str, stack: str) -> list[Service]:
    """Return the services that may be meant: those with this name in another stack, or those with a similar
    name."""
    services = sorted(snapshot.services, key=lambda service: service.name)
    # the short name may have the wrong stack as a prefix, or none
    same = [service for service in services if _fold(short_name(service)) == _fold(name)]
    if not same:
        same = [service for service in services if _fold(name).endswith(f"_{_fold(short_name(service))}")]
    if same:
        return same[:SUGGESTED]
    by_name = {service.name: service for service in services}
    short = {short_name(service): service for service in reversed(services)}
    full = closest(f"{stack}_{name}", by_name, SIMILAR_WITH_STACK) if stack else []
    found = [by_name[one] for one in full or closest(name, by_name, SIMILAR_WITH_STACK)]
    return (found or [short[one] for one in closest(name, short)])[:SUGGESTED]


def short_name(service: Service) -> str:
    """The name without the stack's prefix."""
    return service.name.removeprefix(f"{service.stack}_") if service.stack else service.name


def closest(name: str, known: Iterable[str], similar: float = SIMILAR) -> list[str]:
    """Return the known names that resemble ``name``, or of which a part does, the closest first."""
    known = sorted(known)
    desired = _fold(name)
    ratios = {one: _ratio(desired, _fold(one)) for one in known}
    if max(ratios.values(), default=0.0) < similar:
        ratios = {
            one: max(_ratio(desired, part) for part in (*_SEPARATORS.split(_fold(one)), "")) for one in known
        }
    best = max(ratios.values(), default=0.0)
    near = [one for one in known if ratios[one] >= max(similar, best - CLOSE)]
    return sorted(near, key=lambda one: -ratios[one])[:SUGGESTED]


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio() if one else 0.0


def full_name(snapshot: SwarmSnapshot, name: str, stack: str) -> str:
    """Return the name with the stack as a prefix, unless it already begins with a stack of the swarm."""
    has_stack = any(one.stack and name.startswith(f"{one.stack}_") for one in snapshot.services)
    return name if has_stack or not stack else f"{stack}_{name}"


def _similar(services: list[Service]) -> Reason | None:
    return Reason("did_you_mean", names=[one.name for one in services]) if services else None


def _fold(text: str) -> str:
    return text.strip().lower().replace("-", "_")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that nothing in the swarm has: what is missing, and what may have been meant."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Node, Picture, Service

# how many names are suggested at most
SUGGESTED = 3
# how similar names must be, from 0 to 1, and how much less than the most similar one
SIMILAR = 0.7
CLOSE = 0.08
# so many characters of an ID mean something
MIN_ID_CHARACTERS = 6
_SEPARATORS = re.compile(r"[-_.]+")


def no_service(picture: Picture, name: str, stack: str) -> str:
    """Say that there is no such service, under the full name that was looked for."""
    return f"there is no service {_full_name(picture, name, stack)} in this swarm"


def no_service_asked_for(picture: Picture, name: str, stack: str) -> str:
    """The same where someone asks for it, who may not know that a stack is put in front of the name."""
    also = f", nor one called {name}" if _full_name(picture, name, stack) != name else ""
    return f"{no_service(picture, name, stack)}{also}{service_hint(picture, name)}"


def service_hint(picture: Picture, name: str) -> str:
    """``; did you mean apps_wiki (stack: apps)?``, empty if there is no such service."""
    found = similar_services(picture, name)
    return _did_you_mean([f"{one.name} (stack: {one.stack})" if one.stack else one.name for one in found])


def no_node(picture: Picture, name: str) -> str:
    """Say that there is no such node, and which one may have been meant."""
    return f"there is no node {name} in this swarm{node_hint(picture, name)}"


def node_hint(picture: Picture, name: str) -> str:
    """``; did you mean node1?``, empty if there is no such node."""
    return _did_you_mean(list(dict.fromkeys(node.hostname for node in similar_nodes(picture, name))))


def similar_services(picture: Picture, name: str) -> list[Service]:
    """Services that may be meant: those with this name in another stack, else those with a similar one."""
    services = sorted(picture.services, key=lambda service: service.name)
    # the short name may have been given with the wrong stack in front, or none
    same = [service for service in services if _fold(short_name(service)) == _fold(name)]
    if not same:
        same = [service for service in services if _fold(name).endswith(f"_{_fold(short_name(service))}")]
    if same:
        return same[:SUGGESTED]
    by_name = {service.name: service for service in services}
    short = {short_name(service): service for service in reversed(services)}
    found = [by_name[one] for one in closest(name, by_name)] or [short[one] for one in closest(name, short)]
    return found[:SUGGESTED]


def similar_nodes(picture: Picture, name: str) -> list[Node]:
    """Nodes that may be meant: by address, by another spelling of the name, or by the beginning of the ID."""
    nodes = sorted(picture.nodes, key=lambda node: (not node.is_ready, node.hostname))
    wanted = _fold(name)
    if not wanted:
        return []
    same = [
        node
        for node in nodes
        if wanted in (_fold(node.hostname), node.address)
        or wanted.partition(".")[0] == _fold(node.hostname).partition(".")[0]
        or (len(name) >= MIN_ID_CHARACTERS and node.id.startswith(name))
    ]
    if same:
        return same[:SUGGESTED]
    by_name = {node.hostname: node for node in reversed(nodes)}
    return [by_name[one] for one in closest(name, by_name)][:SUGGESTED]


def short_name(service: Service) -> str:
    """The name without the stack's prefix."""
    return service.name.removeprefix(f"{service.stack}_") if service.stack else service.name


def closest(name: str, known: Iterable[str]) -> list[str]:
    """Those of the known names that resemble ``name``, or of which a part does, the closest first."""
    known = sorted(known)
    wanted = _fold(name)
    ratios = {one: _ratio(wanted, _fold(one)) for one in known}
    if max(ratios.values(), default=0.0) < SIMILAR:
        ratios = {
            one: max(_ratio(wanted, part) for part in (*_SEPARATORS.split(_fold(one)), "")) for one in known
        }
    best = max(ratios.values(), default=0.0)
    near = [one for one in known if ratios[one] >= max(SIMILAR, best - CLOSE)]
    return sorted(near, key=lambda one: -ratios[one])[:SUGGESTED]


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio() if one else 0.0


def _full_name(picture: Picture, name: str, stack: str) -> str:
    """The name with the stack in front, unless it begins with a stack of the swarm as full names do."""
    has_stack = any(one.stack and name.startswith(f"{one.stack}_") for one in picture.services)
    return name if has_stack or not stack else f"{stack}_{name}"


def _did_you_mean(names: list[str]) -> str:
    if not names:
        return ""
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return f"; did you mean {listed}?"


def _fold(text: str) -> str:
    return text.strip().lower().replace("-", "_")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find what the configuration names: nodes by host name or ID, services with or without their stack.

A host name is what a node says of itself, and whoever is root there can make it say any name. So a node only
counts as a configured host if its address is the configured one, as far as one is configured; and of several
nodes that are up under one name none does, unless the address tells which.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from .._model.address import Address, parse_address
from .._model.compat import dataclass
from .._model.desired import DesiredState, NodeConfig
from .._model.membership import KnownNode
from .._model.reasons import Reason
from .._model.snapshot import Node, Service, SwarmSnapshot
from .._model.text import closest

# Swarm's own IDs. What looks like one is no host name: a node that has left could be impersonated.
_NODE_ID = re.compile(r"[a-z0-9]{25}")
_ALIKE = 0.8
_MANY = 200


@dataclass(frozen=True, slots=True)
class Identity:
    """Which nodes an entry of the configuration means.

    ``nodes``: those that count as it: one, or what is left of a host that joined several times. ``impostors``
    have its name at another address. ``namesakes`` are all up under its name, and nothing tells which of them
    it is: then ``nodes`` is empty. ``alias``: a node under another name that probably is it. ``hint``: the
    name of that one, or another that is like it; empty for none.
    """

    entry: NodeConfig
    nodes: tuple[Node, ...] = ()
    impostors: tuple[Node, ...] = ()
    namesakes: tuple[Node, ...] = ()
    alias: Node | None = None
    hint: str = ""

    @property
    def doubtful(self) -> tuple[Node, ...]:
        """The nodes that have its name, and do not count as it."""
        return self.impostors + self.namesakes

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """Problems that the user must solve."""
        found = [self.why_not(node) for node in self.impostors]
        name = self.entry.name
        if self.namesakes:
            ids = sorted(node.id for node in self.namesakes)
            found.append(Reason("node_name_shared", name=name, count=len(ids), node_ids=ids))
        elif not self.nodes and not self.impostors:
            found.append(Reason("node_unknown", name=name, hint=did_you_mean(self.hint)))
        return tuple(found)

    def why_not(self, node: Node | KnownNode) -> Reason:
        """Why a node of this name is another one."""
        return Reason(
            "node_at_other_address",
            name=self.entry.name,
            node_id=node.id,
            addresses=list(dict.fromkeys(map(str, node.addresses))),
            expected=self.entry.swarm_addr or self.entry.ip,
            key="swarm_addr" if self.entry.swarm_addr else "ip",
        )


@dataclass(frozen=True)
class Identities:
    """Who is who: the identity of each entry of the configuration, by name."""

    by_name: Mapping[str, Identity] = field(default_factory=dict)

    @property
    def doubtful_ids(self) -> frozenset[str]:
        """The IDs of the nodes that have a configured name, and count as no configured host."""
        known = {node.id for identity in self.by_name.values() for node in identity.nodes}
        found = {node.id for identity in self.by_name.values() for node in identity.doubtful}
        return frozenset(found - known)

    @property
    def warnings(self) -> tuple[Reason, ...]:
        return tuple(warning for identity in self.by_name.values() for warning in identity.warnings)


def identify_all(snapshot: SwarmSnapshot, desired: DesiredState) -> Identities:
    """Tell which nodes the configuration means."""
    strangers = _Strangers(
        node
        for node in snapshot.nodes
        if node.id not in desired.nodes and node.hostname not in desired.nodes and node.hostname
    )
    return Identities({name: _identify(snapshot, entry, strangers) for name, entry in desired.nodes.items()})


def without_doubtful(snapshot: SwarmSnapshot, desired: DesiredState) -> SwarmSnapshot:
    """The snapshot, in which no node is found by a configured name that it has no right to."""
    return replace(snapshot, doubtful=identify_all(snapshot, desired).doubtful_ids)


def identify(snapshot: SwarmSnapshot, entry: NodeConfig) -> Identity:
    """Tell which nodes a single entry means."""
    return _identify(snapshot, entry, _Strangers(snapshot.nodes))


def _identify(snapshot: SwarmSnapshot, entry: NodeConfig, strangers: _Strangers) -> Identity:
    """``strangers``: the nodes that no entry names, one of which may be meant."""
    if entry.name in snapshot.node_by_id:
        # an ID is proven by a certificate
        return Identity(entry, nodes=(snapshot.node_by_id[entry.name],))
    named = _by_hostname(snapshot, entry.name)
    right = tuple(node for node in named if is_where_expected(entry, node))
    # Swarm knows the address of each node that it has ever heard
    counted = right or tuple(node for node in named if is_where_expected(entry, node) is None)
    # what a host has left behind at an address from before is no news while it is there itself
    impostors = tuple(
        node for node in named if is_where_expected(entry, node) is False and not (node.is_down and counted)
    )
    ready = tuple(node for node in counted if node.is_ready)
    if len(ready) > 1:
        return Identity(entry, impostors=impostors, namesakes=ready)
    if named:
        return Identity(entry, nodes=ready or counted, impostors=impostors)
    alias = strangers.alias(entry)
    hint = strangers.like(entry.name) if alias is None else alias.hostname
    return Identity(entry, alias=alias, hint=hint or "")


def is_where_expected(entry: NodeConfig, node: Node | KnownNode) -> bool | None:
    """Whether the swarm sees a node at the address of an entry; None where one of the two is not known."""
    expected = entry.expected_address
    if expected is None or not node.addresses:
        return None
    return expected in node.addresses


def why_not_its_node(
    entry: NodeConfig, node: Node | KnownNode | None, entries: Mapping[str, NodeConfig]
) -> Reason | None:
    """Why a host that says it is ``node`` is not believed; None if it is.

    ``entries``: all hosts. A host that could pass for another one could have that one demoted or removed.
    """
    if node is None or entry.name == node.id:
        return None
    if is_where_expected(entry, node) is False:
        return Identity(entry).why_not(node)
    if goes_by(node.hostname, entry.name):
        return None
    for name, other in entries.items():
        is_other = name == node.id or goes_by(node.hostname, name)
        if name != entry.name and is_other and is_where_expected(other, node) is not False:
            return Reason("node_is_another_host", name=entry.name, node_id=node.id, other=name)
    return None


def goes_by(hostname: str, name: str) -> bool:
    """Whether people may call a host so: with or without its domain, in any case."""
    return _folded(hostname) == _folded(name) or _short(hostname) == _short(name) != ""


def find_nodes(snapshot: SwarmSnapshot, name: str, desired: DesiredState | None = None) -> tuple[Node, ...]:
    """The nodes that ``name`` means, which may be a host name or a node ID.

    Several nodes can share a host name: one that joined again leaves its old entry behind as Down. Where
    any of them is ready, those that are not are such leftovers and are passed over. ``desired``: of a name
    that is configured, only those that count as that host.
    """
    if desired is not None and name in desired.nodes:
        identity = identify(snapshot, desired.nodes[name])
        return identity.nodes or identity.namesakes
    if name in snapshot.node_by_id:
        return (snapshot.node_by_id[name],)
    nodes = _by_hostname(snapshot, name)
    ready = tuple(node for node in nodes if node.is_ready)
    return ready or nodes


def node_hint(snapshot: SwarmSnapshot, name: str) -> str:
    """``; did you mean 'wrk-b'?`` for a name that no node has; empty if none is like it."""
    hint = similar_node(snapshot, name)
    return "" if hint is None else f"; {hint}"


def similar_node(snapshot: SwarmSnapshot, name: str) -> Reason | None:
    """The node that a name which no node has probably means; None if none is like it."""
    return did_you_mean(identify(snapshot, NodeConfig(name)).hint)


def did_you_mean(name: str) -> Reason | None:
    """The suggestion of a name; None without one."""
    return Reason("did_you_mean", names=[name]) if name else None


def _by_hostname(snapshot: SwarmSnapshot, name: str) -> tuple[Node, ...]:
    if not name or _NODE_ID.fullmatch(name):
        return ()
    return snapshot.named(name)


class _Strangers:
    """Nodes, to be found by what they may be called, or by their address."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._by_name: dict[str, list[Node]] = {}
        self._by_short: dict[str, list[Node]] = {}
        self._by_address: dict[Address, list[Node]] = {}
        for node in nodes:
            self._by_name.setdefault(_folded(node.hostname), []).append(node)
            self._by_short.setdefault(_short(node.hostname), []).append(node)
            for address in dict.fromkeys(node.addresses):
                self._by_address.setdefault(address, []).append(node)

    def alias(self, entry: NodeConfig) -> Node | None:
        """The one node that an entry probably means: the one at its address, or of a like name."""
        address = parse_address(entry.name) or entry.expected_address
        at_it = self._by_address.get(address, []) if address is not None else []
        node = _only(at_it) or self._alike(entry.name)
        return None if node is None or is_where_expected(entry, node) is False else node

    def like(self, name: str) -> str | None:
        """The host name that is most like ``name``, if any is. In a large swarm only one that is alike."""
        node = self._alike(name)
        if node is not None:
            return node.hostname
        if len(self._by_name) > _MANY:
            return None
        return closest(name, sorted({nodes[0].hostname for nodes in self._by_name.values()}), _ALIKE)

    def _alike(self, name: str) -> Node | None:
        short = _short(name)
        return _only(self._by_name.get(_folded(name), [])) or _only(
            self._by_short.get(short, []) if short else []
        )


def _only(nodes: list[Node]) -> Node | None:
    """The one of them, or the one that is ready."""
    left = [node for node in nodes if node.is_ready] or nodes
    return left[0] if len(left) == 1 else None


def _folded(name: str) -> str:
    return name.rstrip(".").lower()


def _short(name: str) -> str:
    """The name without its domain; empty for an address."""
    return "" if parse_address(name) is not None else _folded(name).partition(".")[0]


def find_service(snapshot: SwarmSnapshot, name: str, stack: str) -> Service | None:
    """The service that ``name`` means: ``<stack>_<name>``, or else the service of exactly this name."""
    if stack:
        service = snapshot.service_by_name.get(f"{stack}_{name}")
        if service is not None:
            return service
    return snapshot.service_by_name.get(name)

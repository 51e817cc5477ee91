# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolve names in the configuration: nodes by host name or ID, services with or without their stack.

A node reports its own host name, and anyone who is root there can make it report any name. So a node only
counts as a configured host if its address matches the configured one, if there is one. If several nodes that
are up share a name, none of them counts unless the address decides.
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
from .hints import closest as similar_names

# Swarm's IDs. A text of this form is never a host name; otherwise a departed node could be impersonated.
_NODE_ID = re.compile(r"[a-z0-9]{25}")
_ALIKE = 0.8
_MANY = 200


@dataclass(frozen=True, slots=True)
class Identity:
    """The nodes that an entry of the configuration means.

    ``nodes``: those that count as this host: one, or the entries of a host that joined several times.
    ``impostors``: nodes with its name at another address. ``namesakes``: several nodes that are up with its
    name, so that the right one is unknown; then ``nodes`` is empty. ``alias``: a node with another name that
    is probably this host. ``hint``: the name of the alias, or a similar name; empty if there is none.
    """

    entry: NodeConfig
    nodes: tuple[Node, ...] = ()
    impostors: tuple[Node, ...] = ()
    namesakes: tuple[Node, ...] = ()
    alias: Node | None = None
    hint: str = ""

    @property
    def doubtful(self) -> tuple[Node, ...]:
        """The nodes that have its name but do not count as this host."""
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
        """Return why a node with this name is another host."""
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
    """The identity of each entry of the configuration, by name."""

    by_name: Mapping[str, Identity] = field(default_factory=dict)

    @property
    def doubtful_ids(self) -> frozenset[str]:
        """The IDs of the nodes that have a configured name but do not count as a configured host."""
        known = {node.id for identity in self.by_name.values() for node in identity.nodes}
        found = {node.id for identity in self.by_name.values() for node in identity.doubtful}
        return frozenset(found - known)

    @property
    def warnings(self) -> tuple[Reason, ...]:
        return tuple(warning for identity in self.by_name.values() for warning in identity.warnings)


def identify_all(snapshot: SwarmSnapshot, desired: DesiredState) -> Identities:
    """Resolve all entries of the configuration."""
    strangers = _Strangers(
        node
        for node in snapshot.nodes
        if node.id not in desired.nodes and node.hostname not in desired.nodes and node.hostname
    )
    return Identities({name: _identify(snapshot, entry, strangers) for name, entry in desired.nodes.items()})


def without_doubtful(snapshot: SwarmSnapshot, desired: DesiredState) -> SwarmSnapshot:
    """Return the snapshot in which configured names do not resolve to nodes that don't count as those
    hosts."""
    return replace(snapshot, doubtful=identify_all(snapshot, desired).doubtful_ids)


def identify(snapshot: SwarmSnapshot, entry: NodeConfig) -> Identity:
    """Resolve a single entry."""
    return _identify(snapshot, entry, _Strangers(snapshot.nodes))


def _identify(snapshot: SwarmSnapshot, entry: NodeConfig, strangers: _Strangers) -> Identity:
    """Resolve an entry. ``strangers``: the nodes that no entry names, one of which may be meant."""
    if entry.name in snapshot.node_by_id:
        # a certificate proves the ID
        return Identity(entry, nodes=(snapshot.node_by_id[entry.name],))
    named = _by_hostname(snapshot, entry.name)
    right = tuple(node for node in named if is_where_expected(entry, node))
    # Swarm knows the address of each node that has ever contacted it
    counted = right or tuple(node for node in named if is_where_expected(entry, node) is None)
    # a stale entry at an earlier address is not reported while the host itself is present
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
    """Return whether the swarm sees a node at the address of an entry; None if either is unknown."""
    expected = entry.expected_address
    if expected is None or not node.addresses:
        return None
    return expected in node.addresses


def why_not_its_node(
    entry: NodeConfig, node: Node | KnownNode | None, entries: Mapping[str, NodeConfig]
) -> Reason | None:
    """Return why the report of a host that it is ``node`` is not trusted; None if it is.

    ``entries``: all hosts. An impostor could cause the demotion or removal of another host.
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
    """Return whether ``name`` may mean the host, with or without its domain, in any case."""
    return _folded(hostname) == _folded(name) or _short(hostname) == _short(name) != ""


def find_nodes(snapshot: SwarmSnapshot, name: str, desired: DesiredState | None = None) -> tuple[Node, ...]:
    """Return the nodes that ``name``, a host name or a node ID, means.

    Several nodes can share a host name: a host that joined again leaves a stale entry that is down. If any of
    them is ready, the others are treated as stale. ``desired``: for a configured name, return only nodes that
    count as that host.
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
    """Return ``; did you mean 'wrk-b'?`` for a name that no node has; empty if no name is similar."""
    hint = similar_node(snapshot, name)
    return "" if hint is None else f"; {hint}"


def similar_node(snapshot: SwarmSnapshot, name: str) -> Reason | None:
    """Return a suggestion for a name that no node has; None if no name is similar."""
    hint = identify(snapshot, NodeConfig(name)).hint
    return did_you_mean(hint or next(iter(similar_names(name, snapshot.nodes_by_hostname)), ""))


def did_you_mean(name: str) -> Reason | None:
    """Return the suggestion of a name; None without a name."""
    return Reason("did_you_mean", names=[name]) if name else None


def _by_hostname(snapshot: SwarmSnapshot, name: str) -> tuple[Node, ...]:
    if not name or _NODE_ID.fullmatch(name):
        return ()
    return snapshot.named(name)


class _Strangers:
    """An index of nodes by their possible names and by address."""

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
        """Return the only node that an entry probably means: by its address, or by a similar name."""
        address = parse_address(entry.name) or entry.expected_address
        at_it = self._by_address.get(address, []) if address is not None else []
        node = _only(at_it) or self._alike(entry.name)
        return None if node is None or is_where_expected(entry, node) is False else node

    def like(self, name: str) -> str | None:
        """Return the most similar host name, if any. In a large swarm, it must differ only in case or
        domain."""
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
    """Return the only node, or the only one that is ready."""
    left = [node for node in nodes if node.is_ready] or nodes
    return left[0] if len(left) == 1 else None


def _folded(name: str) -> str:
    return name.rstrip(".").lower()


def _short(name: str) -> str:
    """Return the name without its domain; empty for an address."""
    return "" if parse_address(name) is not None else _folded(name).partition(".")[0]


def find_service(snapshot: SwarmSnapshot, name: str, stack: str) -> Service | None:
    """Return the service that ``name`` means: ``<stack>_<name>``, or the service with exactly this name."""
    if stack:
        service = snapshot.service_by_name.get(f"{stack}_{name}")
        if service is not None:
            return service
    return snapshot.service_by_name.get(name)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A starting configuration for a running swarm: its nodes, and proposals for anchors.

Nodes are described as they are, so that the configuration changes nothing. Anchors are proposals: each says
what in the swarm suggests it.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .._model.mount import SHARED, residence_of
from .._model.reasons import Reason
from .._model.snapshot import Node, Service, SwarmSnapshot
from .._model.state import State
from .hints import short_name
from .scheduling.constraints import NODE_LABEL_PREFIX, ConstraintError, parse_constraint
from .scheduling.finished import runs_once

DATABASES = frozenset(
    {
        "arangodb", "cassandra", "clickhouse", "clickhouse-server", "cockroach", "couchbase", "couchdb",
        "elasticsearch", "influxdb", "mariadb", "meilisearch", "mongo", "mongodb", "mssql", "mysql", "neo4j",
        "opensearch", "percona", "pgvector", "postgis", "postgres", "postgresql", "questdb", "rethinkdb",
        "scylla", "server-mssql", "solr", "surrealdb", "timescaledb", "timescaledb-ha", "victoria-metrics",
    }
)  # fmt: skip
CACHES = frozenset({"dragonfly", "keydb", "memcached", "redis", "redis-stack", "valkey"})

_TAG = re.compile(r"(?:@[^/]*|:[^/]*)$")


@dataclass(frozen=True)
class StarterNode:
    """A node as it is today. ``address`` is empty if Swarm doesn't know it."""

    hostname: str
    role: str
    address: str
    availability: str
    labels: Mapping[str, str]
    is_leader: bool
    is_ready: bool
    engine_version: str


@dataclass(frozen=True)
class Proposal:
    """An anchor with its followers, by the names that the configuration uses; ``reasons``: one for each."""

    anchor: str
    stack: str
    followers: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class SharedStorage:
    """A mount that several nodes seem to reach, and why."""

    service: str
    name: str
    reason: Reason


@dataclass(frozen=True)
class Starter:
    """``skipped``: host names that several nodes share, so that a configuration can't distinguish them."""

    nodes: tuple[StarterNode, ...]
    skipped: tuple[str, ...]
    stacks: Mapping[str, tuple[str, ...]]
    proposals: tuple[Proposal, ...]
    shared: tuple[SharedStorage, ...]


@dataclass
class _Found:
    """The followers found for one anchor so far: full name → reason."""

    anchor: Service
    followers: dict[str, Reason] = field(default_factory=dict)


def plan_starter(snapshot: SwarmSnapshot, state: State, networks: Mapping[str, str]) -> Starter:
    """Describe the swarm. ``networks`` maps IDs to names."""
    names = sorted({node.hostname for node in snapshot.nodes if node.hostname})
    known = [name for name in names if len(snapshot.nodes_by_hostname[name]) == 1]
    services = sorted(snapshot.services, key=lambda service: service.name)
    stacks: dict[str, list[str]] = {}
    for service in services:
        if service.stack:
            stacks.setdefault(service.stack, []).append(short_name(service))
    return Starter(
        nodes=tuple(_node(snapshot.nodes_by_hostname[name][0], state) for name in known),
        skipped=tuple(name for name in names if name not in known),
        stacks={stack: tuple(members) for stack, members in sorted(stacks.items())},
        proposals=_proposals(services, networks),
        shared=tuple(_shared(services)),
    )


def _node(node: Node, state: State) -> StarterNode:
    owned = state.owned_labels.get(node.id, frozenset())
    marks = state.anchor_labels.get(node.id, frozenset())
    # an anchor's label follows its service, so it is no static label of the node
    labels = {key: value for key, value in sorted(node.labels.items()) if key not in owned & marks}
    addresses = [str(address) for address in node.addresses if not address.is_loopback]
    return StarterNode(
        hostname=node.hostname,
        role=node.role,
        address=addresses[0] if addresses else "",
        availability=node.availability,
        labels=labels,
        is_leader=node.leader,
        is_ready=node.is_ready,
        engine_version=node.engine_version,
    )


def _proposals(services: list[Service], networks: Mapping[str, str]) -> tuple[Proposal, ...]:
    found: dict[str, _Found] = {}
    for service in services:
        for anchor, reason in [
            *_by_label(service, services),
            *_by_volume(service, services),
            *_by_network(service, services, networks),
        ]:
            # the first reason is the strongest, and no service follows its own follower
            entry = found.setdefault(anchor.name, _Found(anchor))
            is_loop = service.name in found and anchor.name in found[service.name].followers
            if not is_loop:
                entry.followers.setdefault(service.name, reason)
    taken: set[str] = set()
    proposals: list[tuple[_Found, list[str]]] = []
    for name in sorted(found):
        entry = found[name]
        followers = [one for one in sorted(entry.followers) if one not in taken]
        taken.update(followers)
        if followers:
            proposals.append((entry, followers))
    anchors = [short_name(entry.anchor) for entry, _followers in proposals]
    return tuple(
        _proposal(entry, followers, services, is_unique=anchors.count(short_name(entry.anchor)) == 1)
        for entry, followers in proposals
    )


def _proposal(entry: _Found, followers: list[str], services: list[Service], *, is_unique: bool) -> Proposal:
    """``is_unique``: no other proposed anchor has the same name without its stack."""
    by_name = {service.name: service for service in services}
    stack = (entry.anchor.stack or "") if is_unique else ""
    names = [short_name(by_name[one]) if stack and by_name[one].stack == stack else one for one in followers]
    return Proposal(
        anchor=short_name(entry.anchor) if stack else entry.anchor.name,
        stack=stack,
        followers=tuple(names),
        reasons=tuple(entry.followers[one] for one in followers),
    )


def _by_label(service: Service, services: list[Service]) -> Iterable[tuple[Service, Reason]]:
    """A service that asks for a label which another service is named after."""
    for label in _required_labels(service):
        named = [one for one in services if label in (one.name, short_name(one)) and one is not service]
        # in another stack, only a full name is clear
        same = [one for one in named if one.stack == service.stack] or [
            one for one in named if one.name == label
        ]
        if len(same) == 1 and _can_lead(same[0]):
            reason = Reason("proposal_label", follower=service.name, label=label, anchor=same[0].name)
            yield same[0], reason


def _by_volume(service: Service, services: list[Service]) -> Iterable[tuple[Service, Reason]]:
    """Services that mount the same volume of a node; the one that looks like a database leads."""
    for mount in service.mounts:
        if mount.type != "volume" or not mount.source or not residence_of(mount).is_tied:
            continue
        sharing = [
            one
            for one in services
            if _can_lead(one)
            and any(other.source == mount.source and other.type == "volume" for other in one.mounts)
        ]
        if len(sharing) < 2 or not _can_follow(service):
            continue
        lead = min(sharing, key=lambda one: (not _is_database(one), _reads_only(one, mount.source), one.name))
        if lead is not service:
            yield (
                lead,
                Reason("proposal_volume", follower=service.name, volume=mount.source, anchor=lead.name),
            )


def _by_network(
    service: Service, services: list[Service], networks: Mapping[str, str]
) -> Iterable[tuple[Service, Reason]]:
    """A service that shares a network of its stack with exactly one database, or else one cache."""
    if not service.stack or not _can_follow(service) or _is_database(service):
        return
    for network in service.networks:
        members = [
            one
            for one in services
            if network in one.networks and one.stack == service.stack and _can_lead(one)
        ]
        leads = [one for one in members if _is_database(one)]
        if not leads and not _is_cache(service):
            leads = [one for one in members if _is_cache(one)]
        if len(leads) == 1 and leads[0] is not service:
            yield (
                leads[0],
                Reason(
                    "proposal_network",
                    follower=service.name,
                    network=networks.get(network, network),
                    anchor=leads[0].name,
                    image=_image_name(leads[0].image),
                ),
            )
            return


def _required_labels(service: Service) -> list[str]:
    found = []
    for text in service.constraints:
        try:
            constraint = parse_constraint(text)
        except ConstraintError:
            continue
        key = constraint.key
        if key.lower().startswith(NODE_LABEL_PREFIX) and constraint.must_match and constraint.value == "true":
            found.append(key[len(NODE_LABEL_PREFIX) :])
    return found


def _can_lead(service: Service) -> bool:
    return service.is_replicated and service.replicas == 1 and not runs_once(service)


def _can_follow(service: Service) -> bool:
    return service.is_replicated and not runs_once(service)


def _image_name(image: str) -> str:
    """``docker.io/library/postgres:16@sha256:…`` → ``postgres:16``."""
    return image.partition("@")[0].rpartition("/")[2]


def _kind(service: Service) -> str:
    return _TAG.sub("", _image_name(service.image)).lower()


def _is_database(service: Service) -> bool:
    return _kind(service) in DATABASES


def _is_cache(service: Service) -> bool:
    return _kind(service) in CACHES


def _reads_only(service: Service, volume: str) -> bool:
    return all(mount.read_only for mount in service.mounts if mount.source == volume)


def _shared(services: list[Service]) -> Iterable[SharedStorage]:
    for service in services:
        for mount in service.mounts:
            residence = residence_of(mount, stack=service.stack)
            if residence.kind == SHARED:
                yield SharedStorage(service.name, mount.name, residence.reason)

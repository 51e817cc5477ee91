# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trust: decide which hosts manage the configured swarm, from the reports of all hosts.

Anyone who is root on a host can make it report any membership. So no host counts as a manager because of its
own report, or that of a single other host.

Rules
- Electors are the configured managers: the hosts with ``role: manager`` and the leader. If no role is
  configured, any host may be a manager, and all hosts vote that no role excludes.
- A manager votes for the managers in its list of nodes, a worker for those that its engine knows. A vote only
  counts for a manager with nearly the same list; otherwise a single common entry would be enough.
- A host manages the swarm if a majority of the electors votes for it. Hosts in no swarm, such as those that
  have not joined yet, do not contradict it. Hosts that do not answer, or are in another swarm, may.
- The swarm's nodes are those that most of these managers list. Only a majority of the swarm's managers can
  remove a host from that list.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ..._model.desired import DesiredState
from ..._model.membership import ACTIVE, INACTIVE, KnownNode, Member, quorum
from ..._model.reasons import Reason
from .managers import choose_managers

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Trust:
    """The managers of the configured swarm.

    - ``cluster_id``: its ID, if known
    - ``claims``: the hosts that report that they manage it
    - ``managing``: those of them that are trusted, in no particular order
    - ``is_certain``: whether a majority confirms it; otherwise no host has contradicted it
    - ``contested``: why only the report of the configured leader decides; None if others confirm it
    - ``doubts``: hosts that are not trusted → the reason
    - ``trouble``: why none is trusted; ``is_contradicted``: whether that is due to the report of another host
    """

    cluster_id: str = ""
    intent_edits: Mapping[str, Member] = field(default_factory=dict)
    managing: tuple[str, ...] = ()
    is_certain: bool = False
    contested: Reason | None = None
    doubts: Mapping[str, Reason] = field(default_factory=dict)
    trouble: Reason | None = None
    is_contradicted: bool = False


def believe(
    hosts: Mapping[str, Member],
    sound: Mapping[str, Member],
    desired: DesiredState,
    force_new_cluster: str = "",
) -> Trust:
    """Decide which hosts manage the configured swarm.

    ``hosts``: all of them. ``sound``: those that answered. ``force_new_cluster``: the host that the user has
    chosen to continue alone, which is trusted.
    """
    return _Election(hosts, sound, desired, force_new_cluster).result()


class _Election:
    def __init__(
        self, hosts: Mapping[str, Member], sound: Mapping[str, Member], desired: DesiredState, named: str
    ) -> None:
        roles = {name: desired.nodes[name].role for name in hosts if name in desired.nodes}
        self.desired = desired
        self.named = named
        self.electors = choose_managers(desired, tuple(hosts), ())
        # the configuration sets the role of each host
        self.is_exact = desired.managers is None and "manager" in roles.values()
        self.voters = self.electors if self.is_exact else tuple(n for n in hosts if roles.get(n) != "worker")
        self.sound = sound
        self.bare = {name for name in self.electors if name in sound and sound[name].state == INACTIVE}
        self.intent_edits = {name: member for name, member in sound.items() if member.manages}
        self.known = {
            name: managers_known_to(member) for name, member in sound.items() if member.state == ACTIVE
        }
        self.listed = {name: self.known[name] for name in self.voters if name in self.known}
        self.needed = quorum(len(self.electors))

    def result(self) -> Trust:
        if not self.intent_edits:
            return Trust(cluster_id=self.desired.swarm.cluster_id or "")
        cluster_id = self.desired.swarm.cluster_id or self._most_supported()
        intent_edits = {
            name: one for name, one in self.intent_edits.items() if one.cluster_id in (cluster_id, "")
        }
        certain = tuple(name for name in intent_edits if name == self.named or self._is_certain(name))
        managing = certain or tuple(name for name in intent_edits if self._is_uncontradicted(name))
        found = Trust(
            cluster_id=cluster_id,
            intent_edits=intent_edits,
            managing=managing,
            is_certain=bool(certain),
            doubts={name: self._doubt(name) for name in intent_edits if name not in managing},
        )
        if managing or not intent_edits:
            return found
        why = self._why_none(intent_edits)
        leader = self.desired.leader
        silent = [name for name in self.electors if name not in self.listed and name not in self.bare]
        if leader in intent_edits and not silent and self._is_best(str(leader)):
            return replace(found, managing=(str(leader),), contested=why)
        return replace(found, trouble=why, is_contradicted=any(self.against(name) for name in intent_edits))

    def votes(self, name: str) -> set[str]:
        """Return the voters that list a host as a manager. Managers of another swarm do not vote on this
        one."""
        member = self.sound[name]
        return {
            voter
            for voter, ids in self.listed.items()
            if member.node_id in ids
            and _are_much_the_same(ids, self.known[name])
            and not _are_of_two_swarms(member, self.sound[voter])
        }

    def against(self, name: str) -> set[str]:
        """Return the voters in a swarm that do not list the host. Hosts of a swarm that isn't configured
        don't count."""
        meant = self.desired.swarm.cluster_id
        elsewhere = {
            voter
            for voter in self.listed
            if meant and self.sound[voter].manages and self.sound[voter].cluster_id not in (meant, "")
        }
        return self.listed.keys() - self.votes(name) - elsewhere

    def _most_supported(self) -> str:
        support: dict[str, set[str]] = {}
        for name, member in self.intent_edits.items():
            if member.cluster_id:
                support.setdefault(member.cluster_id, set()).update(self.votes(name))
        leader = self.intent_edits.get(self.desired.leader or "")

        def rank(cluster_id: str) -> tuple[int, int, bool]:
            votes = support[cluster_id]
            is_leaders = leader is not None and leader.cluster_id == cluster_id
            return len(votes), len(votes & set(self.electors)), is_leaders

        return max(support, key=rank, default="")

    def _is_certain(self, name: str) -> bool:
        votes, against = self.votes(name), self.against(name)
        elected = len(votes & set(self.electors)) >= self.needed
        if self.is_exact:
            return elected
        if not self._are_enough_heard(name):
            return False
        if len(votes) >= quorum(len(self.voters)) or (not against and len(votes) >= self.needed):
            return True
        is_leader = name == self.desired.leader
        return elected and (len(votes) > len(against) or (is_leader and len(votes) == len(against)))

    def _is_uncontradicted(self, name: str) -> bool:
        """Return whether the hosts that could contradict are too few to be the managers of another swarm."""
        votes = self.votes(name)
        asked = (votes & set(self.electors)) | self.bare
        is_heard = self.is_exact or self._are_enough_heard(name)
        return bool(votes) and is_heard and not self.against(name) and len(asked) >= self.needed

    def _are_enough_heard(self, name: str) -> bool:
        """Return whether most of the managers that a host lists report that they are managers.

        Workers may confirm a manager, but its list is still the report of one host.
        """
        ids = {member.node_id for member in self.intent_edits.values()}
        return len(self.known[name] & ids) >= quorum(len(self.known[name]))

    def _is_best(self, name: str) -> bool:
        return all(len(self.votes(name)) >= len(self.votes(other)) for other in self.intent_edits)

    def _doubt(self, name: str) -> Reason:
        others = sorted(self.against(name) - {name})
        return Reason("manager_not_believed", others=tuple(others) or None)

    def _why_none(self, intent_edits: Iterable[str]) -> Reason:
        facts = [
            Reason("host_claims", host=name, votes=len(self.votes(name) & set(self.electors)))
            for name in intent_edits
        ]
        silent = [name for name in self.electors if name not in self.listed and name not in self.bare]
        if silent:
            facts.append(Reason("hosts_silent", hosts=silent))
        others = sorted(name for name in self.listed if name not in set(intent_edits))
        if others:
            facts.append(Reason("hosts_in_swarm", hosts=others))
        return Reason("no_majority", electors=self.electors, facts=facts, needed=self.needed)


def managers_known_to(member: Member) -> frozenset[str]:
    """Return the IDs of the managers that a host knows."""
    known = {node.id for node in member.managers} if member.manages else set()
    known = known or set(member.remote_managers)
    return frozenset({*known, member.node_id} if member.manages and member.node_id else known)


def _are_much_the_same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether two hosts know the same managers, except a few that have just joined or left."""
    return 2 * len(one & other) >= len(one | other)


def _are_of_two_swarms(one: Member, other: Member) -> bool:
    both = one.manages and other.manages and one.cluster_id and other.cluster_id
    return bool(both) and one.cluster_id != other.cluster_id


@dataclass(frozen=True)
class Agreed:
    """The nodes that most managers list, by ID, and the IDs of those on which they disagree."""

    nodes: Mapping[str, KnownNode] = field(default_factory=dict)
    disputed: frozenset[str] = frozenset()


def agree(lists: Sequence[Sequence[KnownNode]]) -> Agreed:
    """Merge the lists of several managers. For each entry and value, the majority counts.

    If they disagree, an entry gets the values that cause no action.
    """
    found: dict[str, list[KnownNode]] = {}
    for nodes in lists:
        for node_id, node in {node.id: node for node in nodes}.items():
            found.setdefault(node_id, []).append(node)
    agreed = {
        node_id: _agreed_node(entries) for node_id, entries in found.items() if 2 * len(entries) > len(lists)
    }
    disputed = frozenset(node_id for node_id, entries in found.items() if 2 * len(entries) == len(lists))
    return Agreed(agreed, disputed)


def _agreed_node(entries: Sequence[KnownNode]) -> KnownNode:
    first = entries[0]
    return KnownNode(
        id=first.id,
        hostname=_most([one.hostname for one in entries], first.hostname),
        role=_most([one.role for one in entries], "worker"),
        state=_most([one.state for one in entries], "unknown"),
        reachability=_most([one.reachability for one in entries], "unreachable"),
        # no host joins because of a single manager's report
        manager_addr=_most([one.manager_addr for one in entries], ""),
        # at least half of them report this age or more
        age_seconds=sorted(one.age_seconds for one in entries)[(len(entries) - 1) // 2],
        address=_most([one.address for one in entries], ""),
    )


def _most(values: Sequence[T], otherwise: T) -> T:
    """Return the value of more than half of them, or ``otherwise``."""
    value, number = Counter(values).most_common(1)[0]
    return value if 2 * number > len(values) else otherwise


def most_common(values: Sequence[T]) -> T | None:
    """Return the most common value, the first in a tie; None if there are no values."""
    return Counter(values).most_common(1)[0][0] if values else None

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user wants: the configuration after it was checked, as plain immutable data."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_RETRY_INTERVALS = (2.0, 10.0, 60.0, 300.0, 900.0)


@dataclass(frozen=True, slots=True)
class NodeWanted:
    """One entry of ``nodes``: a host name (or node ID) and its labels, as the strings Swarm keeps."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ip: str | None = None
    role: str | None = None
    availability: str | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """An anchor and the services that stay where it runs.

    ``anchor`` and ``followers`` are service names without the prefix of their ``stack``; ``label`` is
    the key of the node label that marks the anchor's nodes; ``retry_intervals`` are seconds.
    """

    anchor: str
    stack: str
    label: str
    followers: tuple[str, ...] = ()
    restart_dependents: bool = False
    retry_intervals: tuple[float, ...] = DEFAULT_RETRY_INTERVALS
    relocate: str = "auto"
    manage_constraint: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """The whole configuration; the files' ``options`` are fields of their own here."""

    nodes: Mapping[str, NodeWanted] = field(default_factory=dict)
    dependencies: Mapping[str, Dependency] = field(default_factory=dict)
    leader: str | None = None
    advertise_addr: str | None = None
    prune_unknown_labels: bool = False

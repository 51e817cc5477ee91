# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a follower of several anchors belongs: where all of them run, else with the one that leads.

The first anchor leads, in the order of the configuration. A constraint of ours holds the follower to its
label alone: a second one would leave the follower without a node as soon as the anchors part.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..._model.snapshot import Service
from ..scheduling.managed import requires_label
from .anchor import AnchorPlacement


@dataclass(frozen=True)
class Anchorage:
    """``place`` is the leading anchor's, with only those nodes on which all the others run, too.

    ``places`` are the anchors' own, the leading one's first; of the others those whose place is known.
    ``apart``: those that run on other nodes than the leading one, so that they don't count.
    """

    place: AnchorPlacement
    places: tuple[AnchorPlacement, ...]
    apart: tuple[AnchorPlacement, ...] = ()

    @property
    def followed(self) -> tuple[str, ...]:
        """The names of the anchors beside which the follower belongs."""
        return tuple(
            place.dependency.anchor
            for place in self.places
            if place.dependency.anchor not in {other.dependency.anchor for other in self.apart}
        )

    @property
    def without_others(self) -> Anchorage:
        """The same where only the leading anchor counts."""
        return replace(self, place=self.places[0])


def find_anchorage(places: Sequence[AnchorPlacement], service: Service) -> Anchorage:
    """Where ``service`` belongs, which follows the anchors with these places."""
    lead = _lead(places, service)
    # where an anchor starts, is scaled to 0 or doesn't exist, its followers need not move because of that
    known = [
        place
        for place in places
        if place.dependency.anchor != lead.dependency.anchor and place.settled and place.on
    ]
    if not known or not lead.settled or not lead.on:
        return Anchorage(lead, (lead, *known))
    shared = {node_id: why for node_id, why in lead.on.items() if all(node_id in place.on for place in known)}
    if not shared:
        apart = tuple(place for place in known if not place.on.keys() & lead.on.keys())
        # three that run in pairs
        return Anchorage(lead, (lead, *known), apart or tuple(known))
    return Anchorage(replace(lead, on=shared), (lead, *known))


def _lead(places: Sequence[AnchorPlacement], service: Service) -> AnchorPlacement:
    """The first anchor that exists, or that the service has followed before it was removed."""
    for place in places:
        if place.service is not None or requires_label(service.constraints, place.dependency.label):
            return place
    return places[0]

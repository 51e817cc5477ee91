# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The place of a follower of several anchors: with all of them, or only with the leading one.

The first anchor in the configuration leads. The managed constraint only requires the label of the leading
anchor: a second constraint would leave the follower without a node if the anchors separate.
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
    """``place``: that of the leading anchor, reduced to the nodes on which all the others run too.

    ``places``: those of the anchors, the leading one first, the others if they are known. ``apart``: the
    anchors on other nodes than the leading one, which are ignored.
    """

    place: AnchorPlacement
    places: tuple[AnchorPlacement, ...]
    apart: tuple[AnchorPlacement, ...] = ()

    @property
    def followed(self) -> tuple[str, ...]:
        """The names of the anchors with which the follower should be co-located."""
        return tuple(
            place.dependency.anchor
            for place in self.places
            if place.dependency.anchor not in {other.dependency.anchor for other in self.apart}
        )

    @property
    def without_others(self) -> Anchorage:
        """The same anchorage, considering only the leading anchor."""
        return replace(self, place=self.places[0])


def find_anchorage(places: Sequence[AnchorPlacement], service: Service) -> Anchorage:
    """Return where ``service`` belongs, given the places of its anchors."""
    lead = _lead(places, service)
    # an anchor that is starting, scaled to 0 or missing does not make its followers move
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
        # e.g. three anchors of which only pairs share a node
        return Anchorage(lead, (lead, *known), apart or tuple(known))
    return Anchorage(replace(lead, on=shared), (lead, *known))


def _lead(places: Sequence[AnchorPlacement], service: Service) -> AnchorPlacement:
    """Return the first anchor that exists, or that the service followed before the anchor was removed."""
    for place in places:
        if place.service is not None or requires_label(service.constraints, place.dependency.label):
            return place
    return places[0]

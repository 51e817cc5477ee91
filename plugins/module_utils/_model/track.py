# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the saved state that tells a service that has moved from one that keeps moving."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .compat import dataclass

if TYPE_CHECKING:
    from .state import State

# Of a service that keeps moving, so many times are kept.
MAX_TIMES = 20
# A track without news for that long is of no use any more.
KEPT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Track:
    """Where a service went last, and how restless it is.

    ``nodes`` are the IDs of the nodes it went to at ``last``, ``moves`` are the times of its latest moves.
    ``restless`` are those at which it moved although it should have stayed (see
    ``_plan.anchors.unrest``). Times are in seconds since the epoch.
    """

    nodes: tuple[str, ...]
    last: float
    moves: tuple[float, ...] = ()
    restless: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class SetTrack:
    """Remember that a service has moved, and forget the tracks of others that are too old to matter."""

    service_id: str
    track: Track

    def apply(self, state: State) -> State:
        oldest = self.track.last - KEPT_SECONDS
        kept = {key: track for key, track in state.tracks.items() if track.last >= oldest}
        return replace(state, tracks={**kept, self.service_id: self.track})

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the saved state that distinguishes a service that has moved from one that keeps moving."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .compat import dataclass

if TYPE_CHECKING:
    from .state import State

# The number of times that are kept of a service that keeps moving.
MAX_TIMES = 20
# A track without a move for this long is removed.
KEPT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Track:
    """The last target of a service, and the times of its moves, in seconds since the epoch.

    ``nodes`` are the IDs of the nodes that it moved to at ``last``. ``moves`` are the times of its latest
    moves; ``restless`` are those of moves that should not have been necessary (see ``_plan.anchors.unrest``).
    """

    nodes: tuple[str, ...]
    last: float
    moves: tuple[float, ...] = ()
    restless: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class SetTrack:
    """Save the track of a service, and remove the old tracks of others."""

    service_id: str
    track: Track

    def apply(self, state: State) -> State:
        oldest = self.track.last - KEPT_SECONDS
        kept = {key: track for key, track in state.tracks.items() if track.last >= oldest}
        return replace(state, tracks={**kept, self.service_id: self.track})

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a starting configuration proposes an anchor."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "proposal_label": "{follower} requires the node label {label}, and the service {anchor} has that name",
    "proposal_network": "{follower} shares the network {network} with {anchor}, which runs {image}",
    "proposal_volume": "{follower} mounts the volume {volume}, as {anchor} does",
}

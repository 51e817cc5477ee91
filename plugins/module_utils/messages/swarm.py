# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state object, and everything that concerns the swarm as a whole."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    # a reason that another release has saved
    "saved_reason": "{text}",
}

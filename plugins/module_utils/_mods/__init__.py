# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mods: where they come from, how they are fetched, and the folder they are kept in."""

# This module is private to the collection: its interface may change in any release.

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of this package. Apart, because looking it up takes longer than a whole health check."""

from __future__ import annotations

from importlib import metadata

try:
    __version__ = metadata.version("orcastra")
except metadata.PackageNotFoundError:  # run from a tree that was never installed
    __version__ = "unknown"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of this package.

It has its own module because the lookup takes longer than a whole health check.
"""

from __future__ import annotations

from importlib import metadata

try:
    __version__ = metadata.version("orcastra")
except metadata.PackageNotFoundError:  # run from a source tree without installation
    __version__ = "unknown"

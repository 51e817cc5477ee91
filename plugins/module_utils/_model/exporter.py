# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service that runs the node exporter, as it is wanted."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ExporterConfig:
    """``spec`` has only the fields of a service's spec that somebody has said something about.

    ``initial`` is the spec to create it with, filled in from the default. ``mounts`` are to be there, too,
    whatever other mounts it has. ``port`` is where the exporter of a node is reached.
    """

    name: str
    spec: Mapping[str, Any]
    initial: Mapping[str, Any]
    port: int
    mounts: tuple[Mapping[str, Any], ...] = ()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desired state of the node exporter service."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ExporterConfig:
    """The configured node exporter service.

    ``spec`` contains only the fields of a service spec that the user has set. ``initial`` is the spec to
    create the service with: ``spec`` and the defaults. ``mounts`` are added to the mounts the service has.
    ``port`` is the port of the exporter on each node.
    """

    name: str
    spec: Mapping[str, Any]
    initial: Mapping[str, Any]
    port: int
    mounts: tuple[Mapping[str, Any], ...] = ()

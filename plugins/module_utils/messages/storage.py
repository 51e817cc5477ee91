# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The location of the data in mounts."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "mount_without_data": "{mount} is of type {type}, which keeps no data",
    "mount_cluster_volume": "volume {volume} is a cluster volume, which follows its task",
    "mount_declared_shared": "{mount} is shared: the configuration lists {entry} under storage",
    "mount_volume_driver": "volume {volume} uses the driver {driver}, not a disk of the node",
    "mount_network": "volume {volume} mounts a network file system ({type})",
    "mount_network_address": "volume {volume} mounts a network file system (its options name an address)",
    "mount_network_loopback": (
        "volume {volume} mounts a share of its own node (its address is that of the local host)"
    ),
    "mount_driver_tied": "volume {volume} uses the driver {driver}, which stores data on the node",
    "mount_observed": "{reason} (reported by the node; the service names no driver)",
    "mount_volume_tied": "volume {volume} stays on its node",
    "mount_socket": "{path} is a socket, which holds no data",
    "mount_host_file": "{path} is read-only and exists on every host",
    "mount_path_tied": "the host path {path} stays on its node",
    "mount_type_unknown": "{mount} is of the unknown type {type}; it counts as data of its node",
}

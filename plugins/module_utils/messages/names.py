# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in the configuration that match no node or service, or several."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "did_you_mean": "did you mean {names:quoted or}?",
    "did_you_mean_other_stack": "did you mean {name:quoted}? Then set stack: {stack}",
    "service_unknown": (
        "there is no service {service} in this swarm{also:after , nor one called }{hint:after ; }"
    ),
    "node_unknown": "nodes.{name}: no node of this swarm has this host name or ID{hint:after ; }",
    "node_name_shared": (
        "nodes.{name}: {count} ready nodes have this host name, so none of them counts as this host: "
        "{node_ids}. Next step: give each host a unique name, or set ip"
    ),
    "node_at_other_address": (
        "node {node_id} has the host name {name}, but the swarm sees it at {addresses:and}, not at "
        "{expected} (nodes.{name}.{key}), so it does not count as this host. Next step: if it is this host, "
        "set swarm_addr to the address that the swarm sees"
    ),
    "node_is_another_host": "{name} reports that it is node {node_id}, but that node is {other}",
    "node_configured_twice": "nodes.{name}: this is the same node as {other}, so it is left out",
    "node_id_invalid": "a node has the invalid ID {node_id:quoted}, so it is left out",
    "node_named_by_id": "node {node_id}: {because}, so the inventory names it by its ID",
    "hostname_empty": "it has no host name",
    "hostname_unsafe": (
        "its host name {hostname:quoted} contains characters other than letters, digits, '_', '-' and '.'"
    ),
    "hostname_local": "its host name {hostname:quoted} means the control node itself",
    "hostname_is_address": "its host name {hostname:quoted} is an address of another host",
    "hostname_is_group": "its host name {hostname:quoted} is the name of a group",
    "hostname_differs_in_case": "its host name {hostname:quoted} differs from a configured one only in case",
    "hostname_is_node_id": "its host name {hostname:quoted} is the ID of another node",
    "hostname_of_other_host": (
        "its host name {hostname:quoted} belongs to another host of the inventory, at {address}"
    ),
    "hostname_shared": (
        "{hostname}: {count} nodes have this host name, so the inventory names each of them by its ID: "
        "{node_ids}"
    ),
    "nodes_without_hostname": (
        "{count} nodes have no host name, so the inventory names each of them by its ID: {node_ids}"
    ),
    "label_record_malformed": (
        "{service}: label {label}: expected a JSON list of constraints, found {found:quoted}; all "
        "constraints of the service are treated as your own"
    ),
}

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prerequisites, as `orcastra doctor` and the playbook doctor report them."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "doctor_python": "Python {version}",
    "doctor_python_old": "Python {version} is too old: {oldest} or newer is required",
    "doctor_python_fix": "install Python {oldest} or newer, or set ansible_python_interpreter to one",
    "doctor_library": "Python library {library} {version}",
    "doctor_library_missing": "the Python library {library} is not installed",
    "doctor_library_fix": "pip install {library}",
    "doctor_package_fix": "apt install {package}, or pip install {library}",
    "doctor_engine": "Docker Engine {version} answers at {host}",
    "doctor_engine_old": "Docker Engine {version} is too old: Orcastra is tested with {oldest} and newer",
    "doctor_engine_old_fix": "upgrade Docker Engine, one node at a time",
    "doctor_socket_missing": "there is no socket at {host}",
    "doctor_socket_missing_fix": (
        "start Docker (systemctl start docker), mount the socket into the container, or set DOCKER_HOST"
    ),
    "doctor_socket_denied": "no permission to use {host}",
    "doctor_socket_denied_fix": (
        "run as root, add the user to the group {group}, or start the container with that group (--group-add)"
    ),
    "doctor_engine_unreachable": "no Docker engine answers at {host}{error:after : }",
    "doctor_engine_unreachable_fix": "check the address in DOCKER_HOST, the firewall, and that Docker runs",
    "doctor_no_member": "the engine is not part of a swarm",
    "doctor_no_member_fix": "run the playbook orcastra.swarm.bootstrap, or docker swarm init or join",
    "doctor_member": "the engine is a {role} of the swarm",
    "doctor_clock": "the clock agrees with the control node",
    "doctor_clock_ahead": "the clock is {seconds:duration} ahead",
    "doctor_clock_behind": "the clock is {seconds:duration} behind",
    "doctor_clock_fix": "synchronize the clock, for example with chrony or systemd-timesyncd",
    "doctor_ports": "all {count} ports that were checked on other nodes are open",
    "doctor_port_closed": "{host} can't be reached at {address}, TCP port {port}: {error}",
    "doctor_port_fix": (
        "open TCP port {port} between the hosts; Swarm needs TCP 2377 and 7946, and UDP 7946 and 4789"
    ),
    "doctor_logs_unlimited": "the log files of these containers have no size limit: {containers}",
    "doctor_logs_fix": "set max-size in the engine's daemon.json and recreate the containers",
    "doctor_nodes_ready": "{count:plural node} of the swarm, all ready",
    "doctor_node_not_ready": "node {node} is {state}",
    "doctor_node_fix": "start the host, or run the playbook orcastra.swarm.heal",
    "doctor_managers": "{managers:plural manager}, enough of which are reachable",
    "doctor_quorum_thin": (
        "{reachable} of {managers} managers are reachable: the swarm can't lose another one"
    ),
    "doctor_managers_even": "{managers:plural manager} found, expected 1, 3, 5 or 7",
    "doctor_managers_fix": (
        "promote or demote a node: an even number of managers survives no more failures than one manager less"
    ),
    "doctor_versions": "Docker Engine {versions} on the nodes",
    "doctor_versions_differ": "the nodes run different releases of Docker Engine: {versions}",
    "doctor_versions_fix": "upgrade the older nodes",
    "doctor_nodes_old": "the engines of {nodes:and} are too old: Orcastra is tested with {oldest} and newer",
    "doctor_image_missing": "the image {image} is missing on {nodes:and} and can't be pulled",
    "doctor_image_fix": "push {image} to a registry, or copy it: docker save {image} | ssh HOST docker load",
    "doctor_damage": "a part of the saved state is damaged: {damage}",
    "doctor_damage_fix": "no action is needed: Orcastra sets the damaged part aside",
    "doctor_configuration": "configuration: {files}",
    "doctor_configuration_missing": "there is no configuration in {folder}",
    "doctor_configuration_missing_fix": "orcastra init writes one that describes the swarm",
    "doctor_configuration_wrong": "{problem}",
    "doctor_configuration_wrong_fix": "correct it; orcastra config check lists everything that is wrong",
    "doctor_inventory": "inventory: {path}",
    "doctor_inventory_missing": "no inventory is set, so Orcastra can't repair hosts over SSH",
    "doctor_inventory_missing_fix": "set ORCASTRA_INVENTORY if you want it to",
    "doctor_exporters": "all nodes report their memory",
    "doctor_exporter_missing": "there is no memory sample for node {node}: {error}",
    "doctor_exporter_fix": (
        "deploy node exporters with the playbook orcastra.swarm.node_exporter, or check exporter_url"
    ),
    "doctor_state_folder": "the state folder {folder} is writable",
    "doctor_state_folder_denied": "the state folder {folder} is not writable, so there is no API token",
    "doctor_state_folder_fix": "set ORCASTRA_STATE_DIR to a writable folder, or set ORCASTRA_API_TOKEN",
}

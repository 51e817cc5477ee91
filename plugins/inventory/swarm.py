# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E402 - Ansible requires the documentation above the imports

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm
short_description: The configured and live nodes of a Docker Swarm
version_added: 0.1.0
author:
  - Orcastra contributors (@orcastra)
description:
  - Merges the nodes that are configured in C(swarm.yml) or C(nodes.yml), if there are any, with the nodes of
    the live swarm.
  - A host has its configured name, or its host name if it is not configured. If several nodes that are up
    share a name, each of them is named after its ID. Stale entries that a host left behind when it rejoined
    are skipped.
  - If an entry has an C(ip) or C(swarm_addr), a node with the same name at another address is not that host,
    and is named after its ID. The same applies to a node whose host name contains characters other than
    letters, digits, C(_), C(-) and C(.), or which means the control node, a group, an address or another
    host. The plugin warns about these nodes.
  - The inventory file must be named C(orcastra.yml) or C(swarm_inventory.yml), or end in C(.orcastra.yml) or
    C(.swarm.yml). The extension C(.yaml) is also supported.
  - 'The plugin creates the groups C(swarm) (all hosts), C(managers) and C(workers) (by their role in the
    swarm), C(leader), C(reachable) (nodes that Swarm hears from), C(down) (nodes that Swarm considers down),
    C(missing) (configured hosts that are not in the swarm), and C(unknown) (nodes of the swarm that are not
    configured).'
  - 'For each label, the plugin creates the group C(label_KEY) and, unless the value is empty, the group
    C(label_KEY_VALUE), as C(keyed_groups) would. For example, the label V(disk=hdd) creates the groups
    C(label_disk) and C(label_disk_hdd). Characters that are invalid in group names become underscores.'
  - A missing host has its configured labels, and is in none of the groups C(managers), C(workers),
    C(reachable) and C(down).
  - Values that come from the swarm are never evaluated as templates.
  - The plugin passes its configuration to the roles. All hosts get O(swarm_file) as the variable
    C(orcastra_swarm_file), and the contents of O(nodes_file) as C(orcastra_nodes) and similar variables. If
    you set these variables yourself, your values take precedence, no matter where you set them.
notes:
  - 'Host variables: C(ansible_host) and C(swarm_ip), the configured address, or the address as seen by the
    managers if there is none (a host that another inventory source also defines keeps its own
    C(ansible_host)); C(swarm_id), C(swarm_hostname), C(swarm_role), C(swarm_availability), C(swarm_state)
    (V(missing) for missing hosts), C(swarm_leader), C(swarm_reachability) (managers only), C(swarm_labels),
    C(swarm_engine_labels), C(swarm_engine_version), C(swarm_os), C(swarm_architecture), and
    C(swarm_configured), which shows whether the host is configured. You can use them in O(compose), O(groups)
    and O(keyed_groups). Unknown strings are empty.'
  - O(cache) stores only the data from the swarm. The plugin always reads the configuration files.
extends_documentation_fragment:
  - orcastra.swarm.connection
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: The name of this plugin, V(orcastra.swarm.swarm).
    type: str
    required: true
    choices: [orcastra.swarm.swarm]
  swarm_file:
    description:
      - The path to the configuration file C(swarm.yml). A relative path is relative to the directory of the
        inventory file.
      - Without this option and O(nodes_file), no host is configured, and the groups C(missing) and C(unknown)
        are empty.
    type: str
  nodes_file:
    description:
      - The path to a separate C(nodes.yml) file for the nodes. Its entries override those in O(swarm_file).
    type: str
  strict_connection:
    description:
      - Whether to fail if the plugin cannot query the swarm.
      - With V(false), the plugin warns instead. The inventory then contains only the configured hosts with
        their configured roles, and the groups C(missing), C(reachable) and C(down) are empty. Use this for
        C(orcastra.swarm.bootstrap), when there is no swarm yet.
    type: bool
    default: true
  docker_host:
    env:
      - name: DOCKER_HOST
  tls:
    env:
      - name: DOCKER_TLS
  validate_certs:
    env:
      - name: DOCKER_TLS_VERIFY
  tls_hostname:
    env:
      - name: DOCKER_TLS_HOSTNAME
  api_version:
    env:
      - name: DOCKER_API_VERSION
  timeout:
    env:
      - name: DOCKER_TIMEOUT
seealso:
  - module: orcastra.swarm.swarm_info
"""

EXAMPLES = r"""
# All nodes of the swarm, queried from the local engine or the engine in DOCKER_HOST
plugin: orcastra.swarm.swarm

---
# The nodes of the swarm merged with the configured nodes, queried from a manager with TLS
plugin: orcastra.swarm.swarm
swarm_file: swarm.yml
docker_host: tcp://10.0.0.11:2376
validate_certs: true
ca_path: /etc/docker/ca.pem
client_cert: /etc/docker/cert.pem
client_key: /etc/docker/key.pem

---
# The configured nodes only, if there is no swarm yet, with additional groups and variables
plugin: orcastra.swarm.swarm
swarm_file: swarm.yml
strict_connection: false
compose:
  ansible_user: "'root'"
groups:
  drained: swarm_availability == 'drain'
keyed_groups:
  - key: swarm_architecture
    prefix: arch
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/orcastra
cache_timeout: 60
"""

import re
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from ansible import constants
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.module_utils.parsing.convert_bool import BOOLEANS
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
    read_nodes,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._config.words import describe, suggest
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import one_line, printable
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    CONNECTION_ARGUMENT_SPEC,
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe_nodes
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.inventory import (
    GROUPS,
    InventoryHost,
    merge_hosts,
)

# Variables that this plugin has set for all hosts, by the group "all" of each inventory.
_passed: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()

_NAMES = ("orcastra.yml", "orcastra.yaml", "swarm_inventory.yml", "swarm_inventory.yaml")
# Text that no release of Ansible evaluates as a template.
_PLAIN = re.compile(r"[\w.:/@+, -]*")
_ENDINGS = (".orcastra.yml", ".orcastra.yaml", ".swarm.yml", ".swarm.yaml")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    NAME = "orcastra.swarm.swarm"

    def verify_file(self, path: str) -> bool:
        name = Path(path).name
        return bool(super().verify_file(path)) and (name in _NAMES or name.endswith(_ENDINGS))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_options(path)
        try:
            desired = self._configuration(path)
            options = self._connection()
        except OrcastraError as error:
            raise AnsibleParserError(f"{path}: {error}") from None
        nodes = self._nodes(path, options, use_cache=cache)
        others = {
            name: str(host.get_vars().get("ansible_host") or "")
            for name, host in self.inventory.hosts.items()
        }
        merged = merge_hosts(desired, nodes, others)
        for problem in desired.warnings:
            self.display.warning(printable(str(problem)))
        for warning in merged.warnings:
            self.display.warning(printable(f"{path}: {warning}"))
        for group in GROUPS:
            self.inventory.add_group(group)
        configured = self.get_option("swarm_file") or self.get_option("nodes_file")
        for host in merged.hosts:
            self._add(path, host, leave_out=() if configured else ("unknown",))
        self._pass_to_roles(path, [host.name for host in merged.hosts])

    def _read_options(self, path: str) -> None:
        try:
            data = self._read_config_data(path)
        except AttributeError:
            # Ansible itself assumes that the file contains a mapping
            raise AnsibleParserError(
                f"{path}: expected a mapping with the key plugin, found no mapping"
            ) from None
        except AnsibleParserError:
            raise
        except AnsibleError as error:
            raise AnsibleParserError(f"{path}: {error}") from None
        known = {}
        definitions = constants.config.get_configuration_definitions("inventory", self._load_name)
        for name, definition in definitions.items():
            for alias in (name, *(definition.get("aliases") or ())):
                known[alias] = definition.get("type")
        for key, value in data.items():
            if key not in known:
                expected = f"an option of {self.NAME}"
                raise AnsibleParserError(
                    f"{path}: {key}: expected {expected}, found another name{suggest(str(key), known)}"
                )
            # Ansible itself treats any unknown word as false
            if known[key] == "bool" and str(value).lower() not in BOOLEANS:
                raise AnsibleParserError(f"{path}: {key}: expected true or false, found {describe(value)}")

    def _configuration(self, path: str) -> DesiredState:
        files = {}
        for option in ("swarm_file", "nodes_file"):
            given = self.get_option(option)
            if not given:
                continue
            file = self._file(path, given)
            if not file.is_file():
                raise OrcastraError(f"{option}: expected a file, found none at {file}")
            files[option] = file
        return load_configuration(
            ConfigFiles(swarm=files.get("swarm_file"), nodes=files.get("nodes_file")), stack_name=""
        )

    def _file(self, path: str, given: str) -> Path:
        return Path(path).absolute().parent / Path(given).expanduser()

    def _pass_to_roles(self, path: str, hosts: list[str]) -> None:
        """Pass the configuration to the roles, with less precedence than everything that the user sets.

        Variables of the group "all" have the lowest precedence. If the inventory of another swarm has already
        set one, each host gets its own.
        """
        everyone = self.inventory.groups["all"]
        passed = _passed.setdefault(everyone, {})
        for name, value in self._role_variables(path).items():
            found = everyone.get_vars()
            if name not in found:
                self.inventory.set_variable("all", name, _literal(value))
                passed[name] = value
            elif name in passed and found[name] == passed[name] != value:
                for host in hosts:
                    if name not in self.inventory.hosts[host].get_vars():
                        self.inventory.set_variable(host, name, _literal(value))

    def _role_variables(self, path: str) -> dict[str, Any]:
        """Return the configuration as role variables. The nodes file takes precedence, as elsewhere."""
        variables: dict[str, Any] = {}
        if self.get_option("swarm_file"):
            variables["orcastra_swarm_file"] = str(self._file(path, self.get_option("swarm_file")))
        if self.get_option("nodes_file"):
            for part, value in read_nodes(self._file(path, self.get_option("nodes_file"))).items():
                if value is not None:
                    variables[f"orcastra_{part}"] = value
        return variables

    def _connection(self) -> ConnectionOptions:
        options = {name: self.get_option(name) for name in CONNECTION_ARGUMENT_SPEC}
        if options["timeout"] < 1:
            raise OrcastraError(f"timeout: expected at least 1 second, found {describe(options['timeout'])}")
        return ConnectionOptions.from_parameters(options)

    def _nodes(self, path: str, options: ConnectionOptions, *, use_cache: bool) -> tuple[Node, ...] | None:
        """Return the nodes of the swarm, if possible from the cache. None: the swarm cannot be queried."""
        caches = self.get_option("cache")
        key = self.get_cache_key(path)
        if caches and use_cache:
            kept = self._cache.get(key)
            # another engine may belong to another swarm
            if kept and kept["docker_host"] == options.docker_host:
                return tuple(Node(**node) for node in kept["nodes"])
        try:
            with closing(connect(options)) as engine:
                nodes = observe_nodes(engine)
        except EngineError as error:
            if self.get_option("strict_connection"):
                raise AnsibleParserError(
                    f"{path}: {error} (set strict_connection: false to use only the configured nodes)"
                ) from None
            self.display.warning(
                f"{path}: {one_line(error)}. Only the configured nodes are in the inventory."
            )
            return None
        except OrcastraError as error:
            raise AnsibleParserError(f"{path}: {error}") from None
        if caches:
            self._cache[key] = {"docker_host": options.docker_host, "nodes": [asdict(node) for node in nodes]}
        return nodes

    def _add(self, path: str, host: InventoryHost, leave_out: tuple[str, ...]) -> None:
        name = self._name(path, host)
        is_new = name not in self.inventory.hosts
        self.inventory.add_host(name)
        for group in host.groups:
            if group not in leave_out:
                self.inventory.add_host(
                    name, group=self.inventory.add_group(self._sanitize_group_name(group))
                )
        variables = _literal(dict(host.variables))
        if not is_new and not host.pinned:
            # the inventory source that defines the host knows its address better
            variables.pop("ansible_host", None)
        for key, value in variables.items():
            self.inventory.set_variable(name, key, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def _name(self, path: str, host: InventoryHost) -> str:
        """Return the host's name, or its node ID if a group has that name.

        Otherwise, the group would get the variables of the host.
        """
        if host.name not in self.inventory.groups:
            return host.name
        if not host.node_id or host.node_id in self.inventory.groups:
            raise AnsibleParserError(
                f"{path}: nodes.{host.name}: expected a name that no group has, found the name of a group"
            )
        what = f"a group has its name '{host.name}', so it is named after its ID"
        self.display.warning(printable(f"{path}: node {host.node_id}: {what}"))
        return host.node_id


def _literal(value: Any) -> Any:
    """Mark strings that Ansible might evaluate as templates.

    A template can begin with a line that defines other delimiters than braces.
    """
    if isinstance(value, dict):
        return {_literal(key): _literal(item) for key, item in value.items()}
    return wrap_var(value) if isinstance(value, str) and not _PLAIN.fullmatch(value) else value

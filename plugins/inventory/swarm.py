# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E402 - documentation stands above the imports

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm
short_description: The nodes of a Docker Swarm, configured and live
version_added: 0.2.0
author:
  - Orcastra contributors (@orcastra)
description:
  - Merges the nodes that are configured in C(swarm.yml) or C(nodes.yml), if there is such a file, with
    those that are in the swarm.
  - A host has the name under which it is configured, else its host name. Where several nodes that are up
    share a name, each goes by its ID. An entry that a host has left behind when it joined again is passed
    over.
  - A node that has a configured name at another address than the C(ip), or the C(swarm_addr), of its entry is
    not that host, and goes by its ID. So does a node whose host name has other characters than letters,
    digits, C(_), C(-) and C(.), or means the control node, a group, an address or another host. A warning
    says so.
  - The name of the inventory file is C(orcastra.yml), C(swarm_inventory.yml), or ends in C(.orcastra.yml)
    or C(.swarm.yml). C(.yaml) is as good.
  - 'Groups: C(swarm), all of them; C(managers) and C(workers), by their role in the swarm; C(leader);
    C(reachable), those that Swarm hears from; C(down), those that it has given up; C(missing), which are
    configured and not in the swarm; C(unknown), which are in the swarm and not configured.'
  - 'Each label makes the group C(label_KEY) and, unless its value is empty, C(label_KEY_VALUE), as
    C(keyed_groups) would make it: the label V(disk=hdd) makes C(label_disk) and C(label_disk_hdd).
    Characters that the name of a group cannot have become underscores.'
  - A host that is missing has its configured labels and is in none of the groups C(managers), C(workers),
    C(reachable) and C(down).
  - Nothing that comes from the swarm is evaluated as a template.
  - The roles get the same configuration, O(swarm_file) as the variable C(orcastra_swarm_file) of all hosts,
    and what is in O(nodes_file) as C(orcastra_nodes) and others. Your own values of these variables win,
    wherever they are set.
notes:
  - 'Host variables: C(ansible_host) and C(swarm_ip), the configured address, else the one that the
    managers see (a host that the inventory has from elsewhere, too, keeps its own C(ansible_host));
    C(swarm_id), C(swarm_hostname), C(swarm_role), C(swarm_availability), C(swarm_state) (V(missing) for a
    host that is missing), C(swarm_leader), C(swarm_reachability) of managers, C(swarm_labels),
    C(swarm_engine_labels), C(swarm_engine_version), C(swarm_os), C(swarm_architecture), and
    C(swarm_configured), whether it is configured. They are there for O(compose), O(groups) and
    O(keyed_groups), too. Text that is not known is empty.'
  - With O(cache), what is kept is what the swarm says. The configuration is always read.
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
      - The configuration, C(swarm.yml). A relative path counts from the folder of the inventory file.
      - Without it and O(nodes_file), no node is configured, and none is missing or unknown.
    type: str
  nodes_file:
    description: The nodes in a file of their own, C(nodes.yml). It wins over O(swarm_file), node by node.
    type: str
  strict_connection:
    description:
      - Whether it is an error if the swarm cannot be asked.
      - With V(false) it is a warning, and the inventory has the configured nodes alone, with the roles
        that they are configured with; C(missing), C(reachable) and C(down) are empty then. That is the
        way to begin with, for C(orcastra.swarm.bootstrap), when there is no swarm yet.
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
# Everything that the engine on this machine, or the one in DOCKER_HOST, knows of its swarm
plugin: orcastra.swarm.swarm

---
# With the configured nodes beside it, through a manager that is reached with TLS
plugin: orcastra.swarm.swarm
swarm_file: swarm.yml
docker_host: tcp://10.0.0.11:2376
validate_certs: true
ca_path: /etc/docker/ca.pem
client_cert: /etc/docker/cert.pem
client_key: /etc/docker/key.pem

---
# Before there is a swarm, and groups and variables of one's own
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

# the variables of all hosts that were set here, by the group all of each inventory
_handed: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()

_NAMES = ("orcastra.yml", "orcastra.yaml", "swarm_inventory.yml", "swarm_inventory.yaml")
# What no release of Ansible evaluates.
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
        self._hand_over(path, [host.name for host in merged.hosts])

    def _read_options(self, path: str) -> None:
        try:
            data = self._read_config_data(path)
        except AttributeError:
            # Ansible itself takes for granted that it is a mapping
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
            # Ansible itself takes any word that it doesn't know for false
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

    def _hand_over(self, path: str, hosts: list[str]) -> None:
        """Give the roles the configuration, below everything that the user sets.

        A variable of all hosts is the weakest there is. Only if an inventory of another swarm has set it,
        each host needs its own.
        """
        everyone = self.inventory.groups["all"]
        handed = _handed.setdefault(everyone, {})
        for name, value in self._role_variables(path).items():
            found = everyone.get_vars()
            if name not in found:
                self.inventory.set_variable("all", name, _literal(value))
                handed[name] = value
            elif name in handed and found[name] == handed[name] != value:
                for host in hosts:
                    if name not in self.inventory.hosts[host].get_vars():
                        self.inventory.set_variable(host, name, _literal(value))

    def _role_variables(self, path: str) -> dict[str, Any]:
        """The configuration as the roles take it, in which the nodes' own file wins as well."""
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
        """The swarm's nodes, from the cache if it has them; None where it cannot be asked."""
        caches = self.get_option("cache")
        key = self.get_cache_key(path)
        if caches and use_cache:
            kept = self._cache.get(key)
            # another engine may be that of another swarm
            if kept and kept["docker_host"] == options.docker_host:
                return tuple(Node(**node) for node in kept["nodes"])
        try:
            with closing(connect(options)) as engine:
                nodes = observe_nodes(engine)
        except EngineError as error:
            if self.get_option("strict_connection"):
                raise AnsibleParserError(
                    f"{path}: {error} (strict_connection: false makes do with the configured nodes)"
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
            # the inventory knows better where a host of its own is
            variables.pop("ansible_host", None)
        for key, value in variables.items():
            self.inventory.set_variable(name, key, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def _name(self, path: str, host: InventoryHost) -> str:
        """The host's name, unless a group of the inventory has it: that would get the host's variables."""
        if host.name not in self.inventory.groups:
            return host.name
        if not host.node_id or host.node_id in self.inventory.groups:
            raise AnsibleParserError(
                f"{path}: nodes.{host.name}: expected a name that no group of the inventory has"
            )
        what = f"its name '{host.name}' is that of a group, so it goes by its ID"
        self.display.warning(printable(f"{path}: node {host.node_id}: {what}"))
        return host.node_id


def _literal(value: Any) -> Any:
    """The value, marked where Ansible might take it for a template.

    A template may begin with a line that gives it other delimiters than braces.
    """
    if isinstance(value, dict):
        return {_literal(key): _literal(item) for key, item in value.items()}
    return wrap_var(value) if isinstance(value, str) and not _PLAIN.fullmatch(value) else value

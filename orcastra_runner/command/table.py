# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of commands, which the parser, the help and the documentation use."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.hints import closest


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    ``argument`` is ``service`` or ``node``, also as the key in a mapping; None if it takes no argument.
    ``playbook`` runs it, with the argument as a list in ``variable`` and the variables in ``more``.
    ``leaves_its_host``: it reboots hosts, but reports its own host instead of rebooting it. ``on_hosts``: it
    works over SSH, on the hosts of ORCASTRA_INVENTORY. ``makes_swarm``: it can run without a swarm, and is
    not recorded then. ``remark`` is added to the result if the command succeeds. ``has_no_limit``:
    ORCASTRA_PLAYBOOK_TIMEOUT doesn't apply, because each step of its playbook has its own limit.
    ``accepts_removals``: it runs in this process, without a playbook; see ``command.accept``.
    """

    name: str
    help: str
    playbook: str
    argument: str | None = None
    variable: str | None = None
    needs_configuration: bool = False
    remark: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    leaves_its_host: bool = False
    on_hosts: bool = False
    makes_swarm: bool = False
    has_no_limit: bool = False
    accepts_removals: bool = False

    @property
    def usage(self) -> str:
        """How the command is written in the file, such as ``restart_service:SERVICE``."""
        return self.name if self.argument is None else f"{self.name}:{self.argument.upper()}"

    def words(self, argument: str | None) -> str:
        """Return the command with its argument for people, such as ``restart_service apps_wiki``."""
        return self.name if argument is None else f"{self.name} {argument}"

    def variables(self, argument: str | None, own_node_id: str = "") -> dict[str, Any]:
        """Return the playbook's variables besides the configuration.

        ``own_node_id``: this instance's node.
        """
        found = dict(self.more)
        if self.leaves_its_host:
            found["orcastra_reboot_hand_over"] = True
            found["orcastra_reboot_own_nodes"] = [own_node_id] if own_node_id else []
        if self.variable is not None and argument is not None:
            found[self.variable] = [argument]
        return found


REFRESH_MODS = "refresh_mods"
ACCEPT_REMOVALS = "accept_removals"
# Statistics of the playbooks that reboot hosts.
# The nodes that were left to another instance: host names by node ID.
LEFT_NODES = "orcastra_reboot_left"
# The host names of the nodes that were rebooted.
REBOOTED = "orcastra_rebooted"
# In check mode, the host names of the nodes that would be rebooted.
WOULD_REBOOT = "orcastra_would_reboot"

IN_PROGRESS = "the next cycles complete moves in progress"

_ALL = (
    Command(
        "relabel_all",
        "correct all node labels now: the configured ones and those of anchors",
        playbook="orcastra.swarm.label_sync",
        needs_configuration=True,
    ),
    Command(
        "update_dependents",
        "move all misplaced followers to their anchors now, ignoring backoff and give-ups; co-located "
        "services keep running",
        playbook="orcastra.swarm.update_dependents",
        needs_configuration=True,
        remark=IN_PROGRESS,
    ),
    Command(
        ACCEPT_REMOVALS,
        "confirm that missing configuration is intended: remove the objects of files and sections that are "
        "missing or empty",
        playbook="",
        needs_configuration=True,
        accepts_removals=True,
        remark=IN_PROGRESS,
    ),
    Command(
        "remove_all_labels",
        "remove all labels and constraints that Orcastra has set, before you uninstall it; the next cycle "
        "sets them again unless you stop Orcastra or remove its configuration",
        playbook="orcastra.swarm.remove_labels",
        remark="the next cycle sets the configured labels again, unless you stop Orcastra or remove its "
        "configuration",
    ),
    Command(
        "restart_service",
        "make Swarm replace all tasks of a service, according to its update settings",
        playbook="orcastra.swarm.service_restart",
        argument="service",
        variable="orcastra_services",
    ),
    Command(
        "rebalance",
        "balance the memory of the nodes now, even if the difference is recent (sustained_high_minutes)",
        playbook="orcastra.swarm.rebalance_now",
        needs_configuration=True,
        remark=IN_PROGRESS,
    ),
    Command(
        REFRESH_MODS,
        "check for new versions of mods now on the active node, and on all other nodes with an instance "
        "within RELABEL_TIME",
        playbook="orcastra.swarm.mods",
        more={"orcastra_become": False},
    ),
    Command(
        "bootstrap_swarm",
        "join all configured hosts to the swarm over SSH, with the inventory ORCASTRA_INVENTORY",
        playbook="orcastra.swarm.bootstrap",
        needs_configuration=True,
        on_hosts=True,
        makes_swarm=True,
    ),
    Command(
        "reboot_node",
        "drain a node, reboot it, and activate it again over SSH, with the inventory ORCASTRA_INVENTORY; an "
        "instance on another manager reboots this instance's own host",
        playbook="orcastra.swarm.reboot_node",
        argument="node",
        variable="orcastra_reboot_nodes",
        leaves_its_host=True,
        on_hosts=True,
        has_no_limit=True,
    ),
    Command(
        "rolling_reboot",
        "reboot all hosts of ORCASTRA_INVENTORY in the same way, one at a time; stop at the first problem",
        playbook="orcastra.swarm.rolling_reboot",
        leaves_its_host=True,
        on_hosts=True,
        has_no_limit=True,
    ),
    Command(
        "drain_node",
        "drain a node: Swarm moves its tasks to other nodes, and it gets no new ones until activate_node",
        playbook="orcastra.swarm.drain_node",
        argument="node",
        variable="orcastra_nodes",
        # waiting here would block the loop, which moves the followers together with their anchors
        more={"orcastra_drain_wait": False},
        remark="Swarm moves its tasks to other nodes now; it stays drained until activate_node",
    ),
    Command(
        "activate_node",
        "activate a drained or paused node",
        playbook="orcastra.swarm.activate_node",
        argument="node",
        variable="orcastra_nodes",
    ),
)
COMMANDS = {command.name: command for command in _ALL}
# The command for a host that another instance has handed over.
REBOOT = COMMANDS["reboot_node"]


def has_limit(playbook: str) -> bool:
    """Whether ORCASTRA_PLAYBOOK_TIMEOUT applies to a playbook."""
    return not any(command.has_no_limit for command in _ALL if command.playbook == playbook)


def suggest_command(name: str) -> str:
    """Return ``; did you mean 'restart_service'?``; empty if no command is similar."""
    matches = [f"'{found}'" for found in closest(name, COMMANDS)]
    return f"; did you mean {' or '.join(matches)}?" if matches else ""


def commands_help() -> str:
    """Return the commands as plain text, for ``--help``."""
    lines = ["commands:"]
    for command in COMMANDS.values():
        lines.append(f"  {command.usage.replace(':', ' ')}")
        lines += textwrap.wrap(command.help, 90, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)

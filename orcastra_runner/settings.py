# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings: what the environment and the command line say about how to run.

``VARIABLES`` is the one place where a variable, its default and its help stand; the parser, the command
line's help and the documentation all read it. The connection to the engine (``DOCKER_HOST`` and its kin)
is read by the collection itself.
"""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import (
    ConfigError,
    OrcastraError,
    Problem,
)
from orcastra_runner import address
from orcastra_runner.values import PREFIX, Variable

DEFAULT_CONFIG_DIR = "/etc/swarm-orchestration"
DEFAULT_MODS_CONFIG = "/etc/mods/config.json"


class UsageError(OrcastraError):
    """What we were started with is wrong, in a way that has no more structure than a sentence."""


VARIABLES = (
    Variable("STACK_NAME", "stack", "swarm-dev", "stack of the services that name no stack of their own"),
    Variable(
        "ORCASTRA_CONFIG_DIR", "path", DEFAULT_CONFIG_DIR, "folder of the configuration files (--config)"
    ),
    Variable("SWARM_FILE", "path", None, "swarm.yml, all in one; default: the one in that folder"),
    Variable("DEPENDENCIES_FILE", "path", None, "dependencies.yml; default: the one in that folder"),
    Variable("NODES_FILE", "path", None, "nodes.yml; default: the one in that folder"),
    Variable(
        "REBALANCE_CONFIG",
        "path",
        None,
        "rules of rebalancing; default: rebalance_config.yml in that folder, without which nothing is moved",
    ),
    Variable(
        "COMMAND_FILE",
        "path",
        None,
        "commands to be carried out once; default: commands/swarm-orch.command.yml in that folder",
    ),
    Variable(
        "ORCASTRA_INVENTORY",
        "path",
        None,
        "Ansible inventory of the hosts, for what is done over SSH: bootstrap_swarm, reboots, lost hosts",
    ),
    Variable(
        "ORCASTRA_REMOTE_HOSTS",
        "text",
        None,
        "hosts of that inventory without an instance of their own, such as workers or all:!managers: they "
        "are healed, pruned … over SSH",
    ),
    Variable(
        "TZ",
        "zone",
        None,
        "time zone of GC_CRON and of the log, such as Europe/Berlin; default: that of this machine",
    ),
    Variable("RESTART_DEPENDENTS", "bool", False, "default of restart_dependents"),
    Variable("ORCASTRA_LABEL_PREFIX", "prefix", "", "put in front of the names of anchor labels"),
    Variable("RELABEL_TIME", "seconds", 60.0, "seconds between two looks at the swarm"),
    Variable("ORCASTRA_RESYNC_INTERVAL", "seconds", 600.0, "seconds between two syncs from scratch"),
    Variable("LOOP_INTERVAL", "seconds", 300.0, "seconds between two looks at the swarm's members (heal)"),
    Variable("POLLING_MODE", "bool", True, "look at the swarm every RELABEL_TIME seconds"),
    Variable("EVENT_MODE", "bool", False, "act as soon as something happens to an anchor, follower or node"),
    Variable(
        "ORCASTRA_EVENT_POLL_INTERVAL",
        "seconds",
        1.0,
        "in event mode, seconds between two looks at the tasks of anchors and followers",
        least=0.1,
    ),
    Variable(
        "MAX_MISMATCH_DURATION",
        "seconds",
        600.0,
        "seconds after which a service that is out of order is reported as given up",
    ),
    Variable(
        "ORCASTRA_LEADER",
        "text",
        "auto",
        "auto: act only while our own engine is the swarm's leader; always: act from anywhere",
        choices=("auto", "always"),
    ),
    Variable(
        "AUTOHEAL_CHECK_INTERVAL",
        "seconds",
        None,
        "seconds between two looks for unhealthy containers of this node, 0: none; default: the next one",
        least=0,
    ),
    Variable("AUTOHEAL_INTERVAL", "seconds", 30.0, "the same, as docker-autoheal calls it", least=0),
    Variable(
        "AUTOHEAL_GRACE_PERIOD",
        "seconds",
        60.0,
        "seconds that a container must have been unhealthy, on top of the time it may take to stop",
        least=0,
    ),
    Variable(
        "AUTOHEAL_START_PERIOD",
        "seconds",
        0.0,
        "seconds to wait before the first look after the start",
        least=0,
    ),
    Variable(
        "AUTOHEAL_CONTAINER_LABEL",
        "label",
        "autoheal",
        "label that opts tasks out (false) and plain containers in (true); all: heal all containers",
    ),
    Variable(
        "AUTOHEAL_DEFAULT_STOP_TIMEOUT",
        "seconds",
        10.0,
        "seconds that a container may take to stop where nothing else says so",
        least=0,
    ),
    Variable(
        "ORCASTRA_AUTOHEAL_BACKOFF",
        "seconds",
        60.0,
        "pause between the first and the second attempt to heal; then it doubles",
    ),
    Variable(
        "ORCASTRA_AUTOHEAL_MAX_ATTEMPTS", "count", 5, "attempts within the window after which it is given up"
    ),
    Variable("ORCASTRA_AUTOHEAL_WINDOW", "seconds", 3600.0, "that window"),
    Variable(
        "WEBHOOK_URL",
        "url",
        None,
        "where to tell, as JSON, of what was healed, failed or given up",
        is_secret=True,
    ),
    Variable("GC_CRON", "cron", "0 */4 * * *", "when to prune this node, in the time zone of TZ; off: never"),
    Variable(
        "GC_GRACE_PERIOD_SECONDS",
        "seconds",
        10800.0,
        "seconds that something must have been unused before it is pruned",
        least=0,
    ),
    Variable(
        "GC_MINIMUM_IMAGES_TO_SAVE",
        "count",
        3,
        "how many images of each repository stay, the newest",
        least=0,
    ),
    Variable(
        "GC_FORCE_IMAGE_REMOVAL", "bool", True, "prune images that have names in several repositories, too"
    ),
    Variable(
        "GC_FORCE_CONTAINER_REMOVAL", "bool", True, "prune ended containers by force where it takes that"
    ),
    Variable("GC_CLEAN_UP_VOLUMES", "bool", True, "prune the anonymous volumes of pruned containers"),
    Variable(
        "ORCASTRA_GC_NAMED_VOLUMES",
        "bool",
        False,
        "prune unused volumes with a name, too: those of stacks, and with GC_PLAIN_CONTAINERS all",
    ),
    Variable(
        "GC_PLAIN_CONTAINERS",
        "bool",
        False,
        "also prune ended containers of docker run, docker create and Compose, with their anonymous volumes",
    ),
    Variable("GC_DRY_RUN", "bool", False, "only log what would be pruned"),
    Variable(
        "GC_EXCLUDE_LABELS",
        "list",
        ("orchestration.prune=false",),
        "what has one of these labels is not pruned, with commas between them",
    ),
    Variable("GC_EXCLUDE_IMAGES", "list", (), "patterns of images that are not pruned, with commas"),
    Variable("GC_EXCLUDE_CONTAINERS", "list", (), "patterns of containers that are not pruned, with commas"),
    Variable("GC_EXCLUDE_VOLUMES", "list", (), "patterns of volumes that are not pruned, with commas"),
    Variable(
        "MOD_MANAGER_CONFIG",
        "path",
        DEFAULT_MODS_CONFIG,
        "mods to download; without the file, those that services and containers ask for",
    ),
    Variable("MOD_MANAGER_DEST", "path", "/mnt/mods", "folder that mods are downloaded into"),
    Variable(
        "MOD_MANAGER_REFRESH_INTERVAL_MINUTES",
        "minutes",
        6.0,
        "minutes between two looks for new versions of mods, 0: none",
        least=0,
    ),
    Variable(
        "ORCASTRA_MANAGER_HOST",
        "text",
        None,
        "URL of a manager's engine that a worker asks; without it, a worker keeps its images and its mods",
    ),
    Variable(
        "ORCASTRA_STATE_DIR", "path", "/var/lib/orcastra", "folder for what is remembered of this node alone"
    ),
    Variable(
        address.VARIABLE,
        "address",
        address.DEFAULT,
        "where page, API and metrics are served: HOST:PORT, :PORT for all addresses, off: nowhere",
    ),
    Variable(
        "ORCASTRA_HTTP_HOSTS", "domains", (), "domain names under which browsers may use them, with commas"
    ),
    Variable(
        "ORCASTRA_API_TOKEN",
        "text",
        None,
        "bearer token that writes over HTTP need; default: the one in api_token in ORCASTRA_STATE_DIR",
        is_secret=True,
    ),
    Variable("ORCASTRA_API_TOKEN_FILE", "path", None, "file that holds that token, such as a Swarm secret"),
    Variable("RUN_ONCE", "bool", False, "do one whole cycle, then exit (--once)"),
    Variable(
        "ORCASTRA_ONCE_WAIT",
        "seconds",
        60.0,
        "seconds that one cycle (--once) waits for what has begun while it can do nothing new itself",
        least=0,
    ),
    Variable("DRY_RUN", "bool", False, "plan only, write nothing (--check)"),
    Variable("DEBUG", "bool", False, "log the details too (--debug)"),
    Variable(
        "ORCASTRA_LOG_FORMAT",
        "text",
        "text",
        "text for people, json for machines (--log-format)",
        choices=("text", "json"),
    ),
    Variable("ORCASTRA_PLAYBOOK_TIMEOUT", "seconds", 900.0, "seconds after which a playbook is ended"),
    Variable(
        "ORCASTRA_ARTIFACTS_DIR",
        "path",
        None,
        "folder that keeps what the playbooks print; default: nothing is kept",
    ),
    Variable("ORCASTRA_KEEP_ARTIFACTS", "count", 20, "how many playbook runs are kept there"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked. Times are seconds; a file is None where the one in ``config_dir`` is meant."""

    stack_name: str
    config_dir: Path
    swarm_file: Path | None
    dependencies_file: Path | None
    nodes_file: Path | None
    rebalance_config: Path | None
    command_file: Path | None
    inventory: Path | None
    remote_hosts: str | None
    tz: str | None
    restart_dependents: bool
    label_prefix: str
    relabel_time: float
    resync_interval: float
    loop_interval: float
    polling_mode: bool
    event_mode: bool
    event_poll_interval: float
    max_mismatch_duration: float
    leader: str
    autoheal_check_interval: float | None
    autoheal_interval: float
    autoheal_grace_period: float
    autoheal_start_period: float
    autoheal_container_label: str
    autoheal_default_stop_timeout: float
    autoheal_backoff: float
    autoheal_max_attempts: int
    autoheal_window: float
    webhook_url: str | None
    gc_cron: str
    gc_grace_period_seconds: float
    gc_minimum_images_to_save: int
    gc_force_image_removal: bool
    gc_force_container_removal: bool
    gc_clean_up_volumes: bool
    gc_named_volumes: bool
    gc_plain_containers: bool
    gc_dry_run: bool
    gc_exclude_labels: tuple[str, ...]
    gc_exclude_images: tuple[str, ...]
    gc_exclude_containers: tuple[str, ...]
    gc_exclude_volumes: tuple[str, ...]
    mod_manager_config: Path
    mod_manager_dest: Path
    mod_manager_refresh_interval_minutes: float
    manager_host: str | None
    state_dir: Path
    http_address: str
    http_hosts: tuple[str, ...]
    api_token: str | None = field(repr=False)
    api_token_file: Path | None
    run_once: bool
    once_wait: float
    dry_run: bool
    debug: bool
    log_format: str
    playbook_timeout: float
    artifacts_dir: Path | None
    keep_artifacts: int

    @property
    def listen(self) -> tuple[str | None, int] | None:
        """Host (None: all addresses) and port to serve HTTP at; None: nowhere."""
        return address.parse_address(self.http_address)

    @property
    def autoheal_interval_seconds(self) -> float:
        """Seconds between two looks for unhealthy containers; 0: there are none."""
        said = self.autoheal_check_interval
        return self.autoheal_interval if said is None else said

    @property
    def prunes(self) -> bool:
        """Whether the node is pruned at all."""
        return self.gc_cron.strip().lower() != address.OFF

    @property
    def acts_anywhere(self) -> bool:
        """Whether this instance acts although its engine is not the swarm's leader."""
        return self.leader == "always"


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises ConfigError with every problem at once; the ``key`` of each is the name of the variable.
    """
    settings, problems = collect_settings()
    if problems:
        raise ConfigError(problems)
    return settings


def collect_settings() -> tuple[Settings, list[Problem]]:
    """Read the settings, with the default for each variable that is wrong, and what is wrong with them."""
    read = [(variable, *variable.read(os.environ)) for variable in VARIABLES]
    values = {variable.field: value for variable, value, _problem in read}
    problems = [problem for _variable, _value, problem in read if problem is not None]
    wrong = {problem.key for problem in problems}
    if values["polling_mode"] is False and values["event_mode"] is False and "EVENT_MODE" not in wrong:
        found = "false for both, so that nothing would ever be done"
        problems.append(Problem(key="POLLING_MODE", expected="true, or EVENT_MODE=true", found=found))
    has_inventory = values["inventory"] is not None or "ORCASTRA_INVENTORY" in wrong
    if values["remote_hosts"] is not None and not has_inventory:
        desired = "ORCASTRA_INVENTORY, whose hosts they are"
        problems.append(Problem(key="ORCASTRA_REMOTE_HOSTS", expected=desired, found="none"))
    if values["api_token"] is not None and values["api_token_file"] is not None:
        desired = "one of ORCASTRA_API_TOKEN and ORCASTRA_API_TOKEN_FILE"
        problems.append(Problem(key="ORCASTRA_API_TOKEN_FILE", expected=desired, found="both"))
    return Settings(**values), problems


def unknown_variables() -> list[str]:
    """Return the names in the environment that look like ours but mean nothing: typing errors, mostly."""
    known = {variable.name for variable in VARIABLES}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def variables_help() -> str:
    """Return the table of variables in plain text, for ``orcastra help environment``."""
    lines = ["environment variables (the command line wins over them):"]
    for variable in VARIABLES:
        default = f" [{variable.shown_default}]" if variable.shown_default else ""
        lines.append(f"  {variable.name}")
        lines += textwrap.wrap(
            f"{variable.help}{default}", 90, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    lines.append("  DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, DOCKER_TIMEOUT …")
    lines.append("      the engine to talk to, as for Docker's own command line")
    return "\n".join(lines)

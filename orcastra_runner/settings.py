# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings from the environment and the command line.

A field of ``Settings`` declares its variable, default and help text; the parser, the command-line help and
the documentation read them from there. The collection itself reads the variables of the engine connection
(``DOCKER_HOST`` and related).
"""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import (
    ConfigError,
    OrcastraError,
    Problem,
)
from orcastra_runner import address, heartbeat
from orcastra_runner.values import PREFIX, Variable

DEFAULT_CONFIG_DIR = "/etc/swarm-orchestration"
METADATA = "variable"
DEFAULT_MODS_CONFIG = "/etc/mods/config.json"


class UsageError(OrcastraError):
    """An error in the command line or the environment that is not about a single key."""


def setting(
    name: str,
    kind: str,
    default: Any,
    text: str,
    *,
    least: float = 1,
    choices: tuple[str, ...] = (),
    is_secret: bool = False,
) -> Any:
    """Return a field of ``Settings`` for a variable; the parameters are those of ``Variable``."""
    found = Variable(name, kind, default, text, least, choices, is_secret)
    return field(repr=not is_secret, metadata={METADATA: found})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, validated. Times are in seconds; a file is None if it is the one in ``config_dir``."""

    stack_name: str = setting(
        "STACK_NAME", "stack", "swarm-dev", "default stack of the services in dependencies and commands"
    )
    config_dir: Path = setting(
        "ORCASTRA_CONFIG_DIR", "path", DEFAULT_CONFIG_DIR, "folder with the configuration files (--config)"
    )
    swarm_file: Path | None = setting(
        "SWARM_FILE",
        "path",
        None,
        "path of swarm.yml, the whole configuration in one file; default: swarm.yml in ORCASTRA_CONFIG_DIR",
    )
    dependencies_file: Path | None = setting(
        "DEPENDENCIES_FILE",
        "path",
        None,
        "path of dependencies.yml; default: dependencies.yml in ORCASTRA_CONFIG_DIR",
    )
    nodes_file: Path | None = setting(
        "NODES_FILE", "path", None, "path of nodes.yml; default: nodes.yml in ORCASTRA_CONFIG_DIR"
    )
    rebalance_config: Path | None = setting(
        "REBALANCE_CONFIG",
        "path",
        None,
        "path of the rebalancing rules; default: rebalance_config.yml in ORCASTRA_CONFIG_DIR; without the "
        "file, rebalancing is off",
    )
    command_file: Path | None = setting(
        "COMMAND_FILE",
        "path",
        None,
        "path of the command file; default: commands/swarm-orch.command.yml in ORCASTRA_CONFIG_DIR",
    )
    inventory: Path | None = setting(
        "ORCASTRA_INVENTORY",
        "path",
        None,
        "Ansible inventory of the hosts, for tasks over SSH: bootstrap, reboots, membership repair",
    )
    remote_hosts: str | None = setting(
        "ORCASTRA_REMOTE_HOSTS",
        "text",
        None,
        "hosts of ORCASTRA_INVENTORY to maintain over SSH because they run no instance, such as workers or "
        "all:!managers",
    )
    tz: str | None = setting(
        "TZ",
        "zone",
        None,
        "time zone of GC_CRON and of the log, such as Europe/Berlin; default: the host's",
    )
    restart_dependents: bool = setting(
        "RESTART_DEPENDENTS", "bool", False, "default for restart_dependents of a dependency"
    )
    label_prefix: str = setting("ORCASTRA_LABEL_PREFIX", "prefix", "", "prefix of all anchor labels")
    relabel_time: float = setting("RELABEL_TIME", "seconds", 60.0, "reconciliation interval, in seconds")
    resync_interval: float = setting(
        "ORCASTRA_RESYNC_INTERVAL", "seconds", 600.0, "interval of full syncs, in seconds"
    )
    loop_interval: float = setting(
        "LOOP_INTERVAL", "seconds", 300.0, "interval of membership checks (heal), in seconds"
    )
    polling_mode: bool = setting("POLLING_MODE", "bool", True, "reconcile every RELABEL_TIME seconds")
    event_mode: bool = setting(
        "EVENT_MODE", "bool", False, "reconcile as soon as an anchor, a follower or a node changes"
    )
    event_poll_interval: float = setting(
        "ORCASTRA_EVENT_POLL_INTERVAL",
        "seconds",
        1.0,
        "interval at which event mode polls the tasks of anchors and followers, in seconds",
        least=0.1,
    )
    max_mismatch_duration: float = setting(
        "MAX_MISMATCH_DURATION",
        "seconds",
        600.0,
        "seconds after which Orcastra gives up on an unhealthy service and reports it",
    )
    leader: str = setting(
        "ORCASTRA_LEADER",
        "text",
        "auto",
        "auto: act only while this instance's engine is the swarm leader; always: act regardless",
        choices=("auto", "always"),
    )
    autoheal_check_interval: float | None = setting(
        "AUTOHEAL_CHECK_INTERVAL",
        "seconds",
        None,
        "interval of container health checks, in seconds; 0 disables them; default: AUTOHEAL_INTERVAL",
        least=0,
    )
    autoheal_interval: float = setting(
        "AUTOHEAL_INTERVAL", "seconds", 30.0, "alias kept for docker-autoheal", least=0
    )
    autoheal_grace_period: float = setting(
        "AUTOHEAL_GRACE_PERIOD",
        "seconds",
        60.0,
        "seconds, in addition to its stop timeout, that a container must be unhealthy before it is restarted",
        least=0,
    )
    autoheal_start_period: float = setting(
        "AUTOHEAL_START_PERIOD", "seconds", 0.0, "delay before the first health check, in seconds", least=0
    )
    autoheal_container_label: str = setting(
        "AUTOHEAL_CONTAINER_LABEL",
        "label",
        "autoheal",
        "label that excludes a task (false) or includes a plain container (true); all: heal all containers",
    )
    autoheal_default_stop_timeout: float = setting(
        "AUTOHEAL_DEFAULT_STOP_TIMEOUT",
        "seconds",
        10.0,
        "stop timeout for containers that don't set one, in seconds",
        least=0,
    )
    autoheal_backoff: float = setting(
        "ORCASTRA_AUTOHEAL_BACKOFF",
        "seconds",
        60.0,
        "seconds between the first and second restart of a container; doubles with each attempt",
    )
    autoheal_max_attempts: int = setting(
        "ORCASTRA_AUTOHEAL_MAX_ATTEMPTS",
        "count",
        5,
        "restarts within ORCASTRA_AUTOHEAL_WINDOW after which Orcastra gives up on a container",
    )
    autoheal_window: float = setting(
        "ORCASTRA_AUTOHEAL_WINDOW",
        "seconds",
        3600.0,
        "window in which restarts count towards ORCASTRA_AUTOHEAL_MAX_ATTEMPTS, in seconds",
    )
    webhook_url: str | None = setting(
        "WEBHOOK_URL",
        "url",
        None,
        "URL that receives a JSON POST when a container is healed, can't be healed, or is given up on",
        is_secret=True,
    )
    notify_urls: str | None = setting(
        "NOTIFY_URLS",
        "urls",
        None,
        "Apprise URLs that receive notifications, such as ntfy://topic; several are separated by white space "
        "or commas",
        is_secret=True,
    )
    notify_urls_file: Path | None = setting(
        "NOTIFY_URLS_FILE", "path", None, "file with the Apprise URLs, such as a Swarm secret"
    )
    notify_level: str = setting(
        "NOTIFY_LEVEL",
        "text",
        "info",
        "least severe level to notify about: info, warning or error",
        choices=("info", "warning", "error"),
    )
    notify_moves: bool = setting("NOTIFY_MOVES", "bool", False, "also notify about each move of a service")
    notify_interval: float = setting(
        "NOTIFY_INTERVAL",
        "seconds",
        60.0,
        "seconds between two messages to a URL; events in between are combined into one message",
        least=0,
    )
    gc_cron: str = setting(
        "GC_CRON",
        "cron",
        "0 */4 * * *",
        "cron schedule for pruning this node, in the time zone TZ; off: never",
    )
    gc_grace_period_seconds: float = setting(
        "GC_GRACE_PERIOD_SECONDS",
        "seconds",
        10800.0,
        "seconds that an image, container or volume must be unused before it is pruned",
        least=0,
    )
    gc_minimum_images_to_save: int = setting(
        "GC_MINIMUM_IMAGES_TO_SAVE",
        "count",
        3,
        "number of images to keep per repository, newest first",
        least=0,
    )
    gc_force_image_removal: bool = setting(
        "GC_FORCE_IMAGE_REMOVAL", "bool", True, "also prune images that are tagged in several repositories"
    )
    gc_force_container_removal: bool = setting(
        "GC_FORCE_CONTAINER_REMOVAL", "bool", True, "remove stopped containers by force if necessary"
    )
    gc_clean_up_volumes: bool = setting(
        "GC_CLEAN_UP_VOLUMES", "bool", True, "also prune the anonymous volumes of pruned containers"
    )
    gc_named_volumes: bool = setting(
        "ORCASTRA_GC_NAMED_VOLUMES",
        "bool",
        False,
        "also prune unused named volumes of stacks, and with GC_PLAIN_CONTAINERS all unused named volumes",
    )
    gc_plain_containers: bool = setting(
        "GC_PLAIN_CONTAINERS",
        "bool",
        False,
        "also prune stopped containers of docker run, docker create and Compose, with their anonymous "
        "volumes",
    )
    gc_dry_run: bool = setting("GC_DRY_RUN", "bool", False, "log what would be pruned, but remove nothing")
    gc_exclude_labels: tuple[str, ...] = setting(
        "GC_EXCLUDE_LABELS",
        "list",
        ("orchestration.prune=false",),
        "labels that protect an object from pruning, separated by commas",
    )
    gc_exclude_images: tuple[str, ...] = setting(
        "GC_EXCLUDE_IMAGES", "list", (), "name patterns of images to keep, separated by commas"
    )
    gc_exclude_containers: tuple[str, ...] = setting(
        "GC_EXCLUDE_CONTAINERS", "list", (), "name patterns of containers to keep, separated by commas"
    )
    gc_exclude_volumes: tuple[str, ...] = setting(
        "GC_EXCLUDE_VOLUMES", "list", (), "name patterns of volumes to keep, separated by commas"
    )
    mod_manager_config: Path = setting(
        "MOD_MANAGER_CONFIG",
        "path",
        DEFAULT_MODS_CONFIG,
        "path of the mods file; without the file, only the mods that services and containers request are "
        "downloaded",
    )
    mod_manager_dest: Path = setting("MOD_MANAGER_DEST", "path", "/mnt/mods", "folder for downloaded mods")
    mod_manager_refresh_interval_minutes: float = setting(
        "MOD_MANAGER_REFRESH_INTERVAL_MINUTES",
        "minutes",
        6.0,
        "interval of checks for new versions of mods, in minutes; 0 disables them",
        least=0,
    )
    manager_host: str | None = setting(
        "ORCASTRA_MANAGER_HOST",
        "text",
        None,
        "URL of a manager's engine, for instances on workers; without it, a worker prunes no images and "
        "removes no mods",
    )
    state_dir: Path = setting(
        heartbeat.VARIABLE, "path", heartbeat.DEFAULT_STATE_DIR, "folder for this node's local state"
    )
    http_address: str = setting(
        address.VARIABLE,
        "address",
        address.DEFAULT,
        "address of the status page, API and metrics: HOST:PORT, or :PORT for all addresses; off: disabled",
    )
    http_hosts: tuple[str, ...] = setting(
        "ORCASTRA_HTTP_HOSTS",
        "domains",
        (),
        "domain names under which browsers may open the status page, separated by commas",
    )
    peers: tuple[str, ...] = setting(
        "ORCASTRA_PEERS",
        "links",
        (),
        "URLs of the pages of other instances, separated by commas, to link from the page; in "
        "http://{address}:6060/, the address of each other manager replaces {address}",
    )
    api_token: str | None = setting(
        "ORCASTRA_API_TOKEN",
        "text",
        None,
        "bearer token for HTTP requests that change something; default: the contents of api_token in "
        "ORCASTRA_STATE_DIR",
        is_secret=True,
    )
    api_token_file: Path | None = setting(
        "ORCASTRA_API_TOKEN_FILE", "path", None, "file with the bearer token, such as a Swarm secret"
    )
    run_once: bool = setting("RUN_ONCE", "bool", False, "run one complete cycle, then exit (--once)")
    once_wait: float = setting(
        "ORCASTRA_ONCE_WAIT",
        "seconds",
        60.0,
        "seconds that a single cycle (--once) waits for work in progress",
        least=0,
    )
    dry_run: bool = setting("DRY_RUN", "bool", False, "plan only, change nothing (--check)")
    debug: bool = setting("DEBUG", "bool", False, "log debug messages and tracebacks (--debug)")
    log_format: str = setting(
        "ORCASTRA_LOG_FORMAT",
        "text",
        "text",
        "format of the log: text or json (--log-format)",
        choices=("text", "json"),
    )
    playbook_timeout: float = setting(
        "ORCASTRA_PLAYBOOK_TIMEOUT", "seconds", 900.0, "seconds after which a playbook is stopped"
    )
    artifacts_dir: Path | None = setting(
        "ORCASTRA_ARTIFACTS_DIR", "path", None, "folder for the output of playbooks; default: discarded"
    )
    keep_artifacts: int = setting(
        "ORCASTRA_KEEP_ARTIFACTS", "count", 20, "number of playbook runs to keep in ORCASTRA_ARTIFACTS_DIR"
    )

    @property
    def listen(self) -> tuple[str | None, int] | None:
        """Host (None: all addresses) and port of the HTTP server; None if it is off."""
        return address.parse_address(self.http_address)

    @property
    def autoheal_interval_seconds(self) -> float:
        """Seconds between two container health checks; 0 disables them."""
        given = self.autoheal_check_interval
        return self.autoheal_interval if given is None else given

    @property
    def prunes(self) -> bool:
        """Whether the node is pruned."""
        return self.gc_cron.strip().lower() != address.OFF

    @property
    def acts_anywhere(self) -> bool:
        """Whether this instance acts even if its engine is not the swarm leader."""
        return self.leader == "always"


VARIABLES: tuple[Variable, ...] = tuple(found.metadata[METADATA] for found in fields(Settings))


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises ConfigError with all errors at once; the ``key`` of each is the name of the variable.
    """
    settings, problems = collect_settings()
    if problems:
        raise ConfigError(problems)
    return settings


def collect_settings() -> tuple[Settings, list[Problem]]:
    """Return the settings, with the default for each invalid variable, and the errors."""
    read = [(variable, *variable.read(os.environ)) for variable in VARIABLES]
    values = {variable.field: value for variable, value, _problem in read}
    problems = [problem for _variable, _value, problem in read if problem is not None]
    wrong = {problem.key for problem in problems}
    if values["polling_mode"] is False and values["event_mode"] is False and "EVENT_MODE" not in wrong:
        found = "false for both, which disables reconciliation"
        problems.append(Problem(key="POLLING_MODE", expected="true, or EVENT_MODE=true", found=found))
    has_inventory = values["inventory"] is not None or "ORCASTRA_INVENTORY" in wrong
    if values["remote_hosts"] is not None and not has_inventory:
        expected = "an inventory with these hosts in ORCASTRA_INVENTORY"
        problems.append(Problem(key="ORCASTRA_REMOTE_HOSTS", expected=expected, found="none"))
    if values["api_token"] is not None and values["api_token_file"] is not None:
        expected = "either ORCASTRA_API_TOKEN or ORCASTRA_API_TOKEN_FILE"
        problems.append(Problem(key="ORCASTRA_API_TOKEN_FILE", expected=expected, found="both"))
    if values["notify_urls"] is not None and values["notify_urls_file"] is not None:
        expected = "either NOTIFY_URLS or NOTIFY_URLS_FILE"
        problems.append(Problem(key="NOTIFY_URLS_FILE", expected=expected, found="both"))
    return Settings(**values), problems


def unknown_variables() -> list[str]:
    """Return unknown variables with our prefix, which are mostly typos."""
    known = {variable.name for variable in VARIABLES}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def variables_help() -> str:
    """Return the variables as plain text, for ``orcastra help environment``."""
    lines = ["environment variables (options on the command line override them):"]
    for variable in VARIABLES:
        default = f" [{variable.shown_default}]" if variable.shown_default else ""
        lines.append(f"  {variable.name}")
        lines += textwrap.wrap(
            f"{variable.help}{default}", 90, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    lines.append("  NO_COLOR, FORCE_COLOR")
    lines.append("      turn colors in text output off, or on even without a terminal")
    lines.append("  DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, DOCKER_TIMEOUT …")
    lines.append("      engine to connect to; the same variables as for the Docker CLI")
    return "\n".join(lines)

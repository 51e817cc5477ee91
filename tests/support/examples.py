# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classify the code blocks of the documentation by their content, and check each with the real parser.

``classify`` raises Unclassified for a block that it does not know: give the block a language, or put
``<!-- not checked: reason -->`` on the line above it.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import runpy
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter import build_exporter
from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter_schema import EXPORTER_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
    read_nodes,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import build_rebalance
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance_schema import REBALANCE_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import ALL_PARTS
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import build_mods
from orcastra_runner.cli import build_parser
from orcastra_runner.command.file import parse, parse_words
from orcastra_runner.settings import VARIABLES, collect_settings
from tests.lab.__main__ import _parser as lab_parser
from tests.support.collection import options_of, playbooks, role_variables, roles, variables_of
from tests.support.documents import ROOT, Block, CommandLine, command_lines

_NAMESPACE = "orcastra.swarm."
_SETTINGS = {variable.name for variable in VARIABLES}
_OTHER_VARIABLES = re.compile(r"(DOCKER|ANSIBLE|REQUESTS|PYTHON|COMPOSE)_[A-Z_]+|TZ|NO_COLOR|PATH|DOCKER_GID")
_MODS_KEYS = {"version", "discover", "mods", "prune", "concurrency", "max_bytes"}
_STACK_KEYS = {
    "version", "services", "networks", "volumes", "configs", "secrets", "deploy", "stop_grace_period",
    "healthcheck", "image", "environment", "command", "labels", "ports", "user",
}  # fmt: skip
SOURCE = runpy.run_path(str(ROOT / "extensions/eda/plugins/event_source/swarm.py"))
_EVENT = re.compile(r"""event\.type\s*(?:==|in)\s*\[?((?:["'\w, ]+))\]?""")
_PLAY_KEYS = {"hosts", "ansible.builtin.import_playbook", "import_playbook"}
_TASK_KEYS = {
    "name", "register", "until", "retries", "delay", "when", "loop", "check_mode", "diff", "no_log", "vars",
    "become", "run_once", "changed_when", "failed_when", "delegate_to", "notify", "tags", "environment",
}  # fmt: skip

# Other programs, whose command lines are not checked.
_OTHER_PROGRAMS = {
    "$EDITOR", "adduser", "amtool", "ansible", "ansible-config", "ansible-inventory", "ansible-rulebook",
    "ansible-vault", "apt", "apt-get", "cat", "cd", "chmod", "chown", "chronyc", "cp", "cron", "crontab",
    "curl", "date", "df", "dnf", "do", "docker", "done", "echo", "export", "gh", "git", "gpg", "grep",
    "groupadd", "gunzip", "head", "id", "install", "jobs", "journalctl", "jq", "kill", "kubectl",
    "logger", "loginctl",
    "logrotate", "ls", "mkdir", "mv", "nano", "openssl", "pip", "pipx", "printf", "promtool", "pytest",
    "python", "python3", "rm", "scp", "sed", "set", "sh", "sha256sum", "sleep", "ss", "ssh", "ssh-keygen",
    "ssh-keyscan", "stat", "systemctl", "tail", "tar", "tee", "timedatectl", "touch", "umask", "unset",
    "until", "useradd", "usermod", "uv", "vi", "watch", "wget", "while",
}  # fmt: skip


class UnclassifiedError(AssertionError):
    """No parser is known for a block."""


Check = Callable[[Block], None]


def kind_of(block: Block) -> str:
    """The kind of a block, or ``unclassified``."""
    try:
        return classify(block)[0]
    except UnclassifiedError:
        return "unclassified"


def classify(block: Block) -> tuple[str, Check]:
    """The kind of a block, and its check, which raises an exception if the block is wrong."""
    if block.not_checked:
        return "not checked", _nothing
    by_language = {
        "console": _console,
        "json": _json,
        "ini": _unit,
        "systemd": _unit,
        "sh": _environment,
        "env": _environment,
        "python": _python,
    }
    if block.language in by_language:
        return block.language, by_language[block.language]
    # output and pictures: nothing parses them
    if block.language in {"text", "mermaid", "diff", "promql", "http", "jinja"}:
        return "text", _nothing
    if block.language in {"yaml", "yml"}:
        kinds = {_kind_of_yaml(block, data): data for data in _documents_in(block)}
        return " and ".join(
            kinds
        ), lambda checked: [_YAML[kind](checked, kinds[kind]) for kind in kinds] and None
    raise UnclassifiedError(f"{block}: expected a known language, found {block.language!r}")


def _nothing(_block: Block) -> None:
    """Nothing to check."""


def _documents_in(block: Block) -> list[Any]:
    return [data for data in yaml.safe_load_all(block.text) if data is not None]


# YAML


def _kind_of_yaml(block: Block, data: Any) -> str:
    if isinstance(data, list):
        return _kind_of_list(block, data)
    keys = {key for key in data if not str(key).startswith("x-")} if isinstance(data, Mapping) else set()
    values = [value for value in data.values() if isinstance(value, Mapping)] if keys else []
    kinds = {
        "dynamic inventory": data.get("plugin") == "orcastra.swarm.swarm" if keys else False,
        "role variables": bool(keys) and all(str(key).startswith(("orcastra_", "ansible_")) for key in keys),
        "settings": bool(keys) and all(str(key) in _SETTINGS for key in keys),
        "mods": "mods" in keys and keys <= _MODS_KEYS,
        "exporter": "image" in keys and keys <= set(EXPORTER_SCHEMA["properties"]) and "name" in keys,
        "inventory": bool(values) and all({"hosts", "vars", "children"} & set(value) for value in values),
        "swarm.yml": bool(keys) and keys <= set(ALL_PARTS),
        "stack file": bool(keys) and keys <= _STACK_KEYS and not _is_rebalance(keys, data),
        "rebalance_config.yml": _is_rebalance(keys, data),
        "prometheus": bool(keys) and keys <= {"scrape_configs", "rule_files", "groups", "alerting", "global"},
        "nodes.yml": bool(values) and all({"ip", "labels", "role", "availability"} & set(v) for v in values),
        "changelog fragment": bool(keys) and all(str(key).endswith(("_changes", "fixes")) for key in keys),
        "task result": bool(keys & {"changed", "plan", "warnings"}) and "hosts" not in keys,
    }
    found = next((kind for kind, fits in kinds.items() if fits), None)
    if found is None:
        raise UnclassifiedError(
            f"{block}: expected YAML of a known kind, found the keys {sorted(map(str, keys))}"
        )
    return found


def _is_rebalance(keys: set[Any], data: Mapping[str, Any]) -> bool:
    services = data.get("services") if keys else None
    limits = [value for value in services.values() if value] if isinstance(services, Mapping) else []
    has_others = any(
        {"image", "deploy", "environment", "volumes", "healthcheck"} & set(value) for value in limits
    )
    return bool(keys) and keys <= set(REBALANCE_SCHEMA["properties"]) and not has_others


def _kind_of_list(block: Block, data: list[Any]) -> str:
    if all(isinstance(item, Mapping) and {"sources", "rules"} <= set(item) for item in data):
        return "rulebook"
    if all(isinstance(item, Mapping) and _PLAY_KEYS & set(item) for item in data):
        return "playbook"
    if all(isinstance(item, Mapping) and "status" in item and "command" in item for item in data):
        return "command results"
    if all(isinstance(item, str) or (isinstance(item, Mapping) and "command" in item) for item in data):
        return "command file"
    if all(isinstance(item, Mapping) and any("." in str(key) for key in item) for item in data):
        return "tasks"
    raise UnclassifiedError(f"{block}: expected a list of plays, tasks or commands")


def _swarm_file(_block: Block, data: Any) -> None:
    _load({"swarm.yml": data})


def _nodes_file(_block: Block, data: Any) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "nodes.yml")
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        read_nodes(path)


def _load(files: Mapping[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        for name, data in files.items():
            Path(folder, name).write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        load_configuration(ConfigFiles.in_directory(Path(folder)), stack_name="apps")


def _rebalance(_block: Block, data: Any) -> None:
    build_rebalance(data, _any_variable(data))


def _mods(_block: Block, data: Any) -> None:
    build_mods(data, _any_variable(data))


def _exporter(_block: Block, data: Any) -> None:
    build_exporter(data)


def _any_variable(data: Any) -> dict[str, str]:
    """A value for each ``${VAR}``."""
    return dict.fromkeys(re.findall(r"\$\{(\w+)\}", json.dumps(data, default=str)), "secret")


def _commands(_block: Block, data: Any) -> None:
    written = yaml.load(yaml.safe_dump(data), yaml.BaseLoader)
    problems = parse(Document(written)).problems
    if problems:
        raise ConfigError(problems)


def _variables(block: Block, data: Any) -> None:
    unknown = sorted({str(name) for name in data if str(name).startswith("orcastra_")} - role_variables())
    assert not unknown, f"{block}: no role has the variables {unknown}"


def _settings_mapping(block: Block, data: Any) -> None:
    _check_settings(block, {name: _scalar(value) for name, value in data.items()})


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _inventory(block: Block, data: Any) -> None:
    for group in data.values():
        _variables(block, group.get("vars") or {})
        for host in (group.get("hosts") or {}).values():
            _variables(block, host or {})
        _inventory(block, group.get("children") or {})


def _dynamic_inventory(block: Block, data: Any) -> None:
    unknown = sorted(set(data) - options_of("inventory", "swarm"))
    assert not unknown, f"{block}: the inventory plugin has no options {unknown}"


def _playbook(block: Block, data: Any) -> None:
    for play in data:
        imported = play.get("ansible.builtin.import_playbook") or play.get("import_playbook")
        if imported is not None:
            _known_playbook(block, imported)
        for part in ("pre_tasks", "tasks", "post_tasks", "handlers"):
            _tasks(block, play.get(part) or [])
        for role in play.get("roles") or []:
            _role(block, {"role": role} if isinstance(role, str) else role)
        _variables(block, play.get("vars") or {})
        for group, defaults in (play.get("module_defaults") or {}).items():
            if group == "group/orcastra.swarm.swarm":
                unknown = set(defaults) - options_of("modules", "swarm_info")
                assert not unknown, f"{block}: no module has the options {sorted(unknown)}"


def _rulebook(block: Block, data: Any) -> None:
    """The sources have valid options, and the conditions name existing types of events."""
    for ruleset in data:
        for source in ruleset["sources"]:
            options = source.get("orcastra.swarm.swarm") or {}
            unknown = set(options) - set(SOURCE["ARGUMENT_SPEC"])
            assert not unknown, f"{block}: the event source has no options {sorted(unknown)}"
        for rule in ruleset["rules"]:
            types = set(re.findall(r"\w+", " ".join(_EVENT.findall(rule["condition"]))))
            assert types, f"{block}: expected a type of event in {rule['condition']}"
            assert types <= set(SOURCE["TYPES"]), f"{block}: there are no events {sorted(types)}"
            playbook = (rule.get("action") or {}).get("run_playbook")
            if playbook:
                _known_playbook(block, playbook["name"])
                _variables(block, playbook.get("extra_vars") or {})


def _role(block: Block, role: Mapping[str, Any]) -> None:
    name = str(role.get("role") or role.get("name"))
    if not name.startswith(_NAMESPACE):
        return
    assert name.removeprefix(_NAMESPACE) in roles(), f"{block}: there is no role {name}"
    given = {**role, **(role.get("vars") or {})}
    variables = {key for key in given if key.startswith("orcastra_")}
    unknown = sorted(variables - variables_of(name.removeprefix(_NAMESPACE)))
    assert not unknown, f"{block}: the role {name} has no variables {unknown}"


def _tasks(block: Block, data: Any) -> None:
    for task in data:
        for key, value in task.items():
            if key in {"block", "rescue", "always"}:
                _tasks(block, value)
            elif key in {"ansible.builtin.include_role", "ansible.builtin.import_role"}:
                _role(block, {**task, "role": value["name"]})
            elif str(key).startswith(_NAMESPACE):
                _module(block, key, value or {})
            else:
                assert key in _TASK_KEYS or "." in str(key), f"{block}: there is no keyword {key}"


def _module(block: Block, name: str, arguments: Mapping[str, Any]) -> None:
    known = options_of("modules", name.removeprefix(_NAMESPACE))
    unknown = sorted(set(arguments) - known)
    assert not unknown, f"{block}: {name} has no options {unknown}"
    literal = "{{" not in json.dumps(arguments, default=str)
    if (
        literal
        and {"nodes", "dependencies"} & set(arguments)
        and isinstance(arguments.get("nodes", {}), Mapping)
    ):
        _load({"swarm.yml": {key: arguments[key] for key in ("nodes", "dependencies") if key in arguments}})


def _result(block: Block, data: Any) -> None:
    del block, data


_YAML: Mapping[str, Callable[[Block, Any], None]] = {
    "swarm.yml": _swarm_file,
    "nodes.yml": _nodes_file,
    "rebalance_config.yml": _rebalance,
    "mods": _mods,
    "exporter": _exporter,
    "command file": _commands,
    "command results": _result,
    "role variables": _variables,
    "settings": _settings_mapping,
    "inventory": _inventory,
    "dynamic inventory": _dynamic_inventory,
    "playbook": _playbook,
    "rulebook": _rulebook,
    "tasks": _tasks,
    "stack file": _result,
    "prometheus": _result,
    "changelog fragment": _result,
    "task result": _result,
}


# other languages


def _json(block: Block) -> None:
    data = json.loads(block.text)
    if isinstance(data, Mapping) and "mods" in data:
        _mods(block, data)


def _python(block: Block) -> None:
    compile(block.text.replace(", ...}", "}"), str(block), "exec")


def _environment(block: Block) -> None:
    """Lines of ``NAME=value``, as in an environment file or in front of a program."""
    lines = [line.removeprefix("export ") for line in block.text.splitlines()]
    given = {}
    for line in lines:
        if line.strip() and not line.startswith("#"):
            name, separator, value = line.partition("=")
            assert separator, f"{block}: expected NAME=value, found {line!r}"
            given[name.strip()] = value.partition("  #")[0].strip().strip("\"'")
    _check_settings(block, given)


def _unit(block: Block) -> None:
    """A unit of systemd; its environment must be ours."""
    unit = configparser.RawConfigParser(strict=False, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(block.text)
    pairs = re.findall(r"^Environment=\"?(\w+)=(.*?)\"?$", block.text, re.MULTILINE)
    _check_settings(block, dict(pairs))
    for line in re.findall(r"^Exec\w+=[-@:+!]*(.*)$", block.text, re.MULTILINE):
        _command(block, CommandLine({}, line.split(), line))


def _check_settings(block: Block, given: Mapping[str, str]) -> None:
    unknown = sorted(n for n in given if n not in _SETTINGS and not _OTHER_VARIABLES.fullmatch(n))
    assert not unknown, f"{block}: the runner has no settings {unknown}"
    with mock.patch.dict(os.environ, given, clear=True):
        problems = [problem for problem in collect_settings()[1] if problem.key in given]
    if problems:
        raise ConfigError(problems)


# consoles


def _console(block: Block) -> None:
    found = list(command_lines(block))
    assert found, f"{block}: expected a command after a prompt ($ or #), found none; is it output? Then text"
    for line in found:
        _command(block, line)


def _command(block: Block, line: CommandLine) -> None:
    program, arguments = line.words[0].rpartition("/")[2], line.words[1:]
    if program.startswith("python") and arguments[:2] == ["-m", "tests.lab"]:
        program, arguments = "tests.lab", arguments[2:]
    if program in _PROGRAMS:
        try:
            _PROGRAMS[program](block, line, arguments)
        except SystemExit as error:  # argparse refuses the command line, or it asks for help
            if error.code:
                raise AssertionError(f"{block}: the parser refuses {line.text}") from error
    else:
        assert program in _OTHER_PROGRAMS, f"{block}: {program} is not a known program: {line.text}"


def _orcastra(block: Block, line: CommandLine, arguments: list[str]) -> None:
    settings = {k: v for k, v in line.environment.items() if not v.startswith("$")}
    _check_settings(
        block, {k: v for k, v in settings.items() if not re.fullmatch(r"[A-Z]\w*_TOKEN|.*PASSWORD", k)}
    )
    if arguments[:1] == ["help"]:
        return
    options = build_parser().parse_args(arguments)
    if arguments[:1] == ["command"]:
        parse_words(options.name, options.argument, options.id)


def _ansible_playbook(block: Block, line: CommandLine, arguments: list[str]) -> None:
    names = [word for word in arguments if word.startswith(_NAMESPACE)]
    assert names or any(word.endswith((".yml", ".yaml")) for word in arguments), (
        f"{block}: no playbook: {line.text}"
    )
    for name in names:
        _known_playbook(block, name)
    for flag, value in pairwise(arguments):
        if flag in {"-e", "--extra-vars"} and not value.startswith("@"):
            given = (
                yaml.safe_load(value)
                if value.startswith("{")
                else [p.partition("=")[0] for p in value.split()]
            )
            _variables(block, dict.fromkeys(given))


def _known_playbook(block: Block, name: str) -> None:
    if name.startswith(_NAMESPACE):
        assert name.removeprefix(_NAMESPACE) in playbooks(), f"{block}: there is no playbook {name}"


def _ansible_doc(block: Block, line: CommandLine, arguments: list[str]) -> None:
    for name in (word for word in arguments if word.startswith(_NAMESPACE)):
        short = name.removeprefix(_NAMESPACE)
        kinds = [
            ROOT / "plugins" / kind / f"{short}.py" for kind in ("modules", "inventory", "lookup", "filter")
        ]
        found = any(path.is_file() for path in kinds) or short in roles()
        assert found, f"{block}: the collection has no {name}: {line.text}"


def _ansible_galaxy(_block: Block, _line: CommandLine, _arguments: list[str]) -> None:
    """Its arguments are Ansible's."""


def _make(block: Block, line: CommandLine, arguments: list[str]) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    targets = {word for word in arguments if "=" not in word and not word.startswith("-")}
    assert targets <= known, f"{block}: the Makefile has no target for {line.text}"


def _lab(_block: Block, _line: CommandLine, arguments: list[str]) -> None:
    lab_parser().parse_args(arguments)


_PROGRAMS: Mapping[str, Callable[[Block, CommandLine, list[str]], None]] = {
    "orcastra": _orcastra,
    "ansible-playbook": _ansible_playbook,
    "ansible-doc": _ansible_doc,
    "ansible-galaxy": _ansible_galaxy,
    "make": _make,
    "tests.lab": _lab,
}

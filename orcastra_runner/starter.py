# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra init``: writes a commented ``swarm.yml`` that describes the current swarm.

The file changes nothing until the user edits it. It is validated before it gets its name, and an existing
file is never overwritten.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ENDINGS,
    KINDS,
    ConfigFiles,
    build_configuration,
    read_documents,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import (
    ConfigError,
    OrcastraError,
    Problem,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import MAX_MANAGERS
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import printable
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.starter import (
    Proposal,
    Starter,
    StarterNode,
)
from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import plural

_LABEL_KEY = re.compile(r"[^\s=\x00-\x1f\x7f\ud800-\udfff]+")
_LABEL_VALUE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
_HOST_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
MAX_SHARED = 20


def existing_files(config_dir: Path) -> list[Path]:
    """Return the configuration files that are already in a folder."""
    places = [config_dir / f"{kind.name}{ending}" for kind in KINDS for ending in ENDINGS]
    return [path for path in places if path.exists() or path.is_symlink()]


def write_starter(text: str, path: Path) -> DesiredState:
    """Validate the configuration and write it to a file that must not exist yet. Returns the configuration.

    Raises ConfigError if the file already exists or the text isn't valid, OrcastraError if it can't be
    written. A half-written file never gets the name.
    """
    if path.exists() or path.is_symlink():
        raise _taken(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".yml")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            desired = check(temporary)
            # unlike a rename, a link fails if the name exists by now
            os.link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise OrcastraError(f"could not write {path}: {error.strerror or error}") from error
    return desired


def _taken(path: Path) -> ConfigError:
    return ConfigError([Problem(key="", expected=f"no file at {path}", found="one, which is kept")])


def check(path: Path) -> DesiredState:
    """Read a file like any other configuration. Raises ConfigError."""
    return build_configuration(
        read_documents(ConfigFiles(path, None, None)),
        stack_name="",
        label_prefix="",
        restart_dependents=False,
    )


def render(starter: Starter, date: str) -> str:
    """Return the text of the file. ``date``: when the swarm was observed."""
    return "\n".join(
        [
            *_head(date),
            *_nodes(starter),
            *_stacks(starter),
            *_anchors(starter),
            *_storage(starter),
            *_spread(),
            "",
        ]
    )


def _head(date: str) -> Iterator[str]:
    yield "---"
    yield f"# Written by `orcastra init` on {date}. This file describes the swarm as it runs today, so it"
    yield "# changes nothing until you edit it."
    yield "#"
    yield "#   orcastra config check     checks this file"
    yield "#   orcastra plan             shows the pending changes and their reasons"
    yield "#   orcastra run              applies it in a loop"
    yield ""


def _nodes(starter: Starter) -> Iterator[str]:
    yield "# Orcastra sets each label that you add here, and removes it when you delete it here."
    usable = [node for node in starter.nodes if _HOST_NAME.fullmatch(node.hostname)]
    unusable = [node.hostname for node in starter.nodes if node not in usable]
    for name in starter.skipped:
        yield _comment(f"{name}: left out, because several nodes have this name")
    for name in unusable:
        yield _comment(
            f"{name}: left out, because a host name may only have letters, digits, '_', '-' and '.'"
        )
    managers = sum(node.role == "manager" for node in usable)
    has_roles = managers % 2 == 1 and managers <= MAX_MANAGERS
    if usable and not has_roles:
        yield _comment(f"Roles are left out: {plural(managers, 'manager')} found, expected 1, 3, 5 or 7")
    yield "nodes:" if usable else "nodes: {}"
    addresses = [node.address for node in usable]
    for node in usable:
        is_unique = addresses.count(node.address) == 1
        yield from _node(node, has_role=has_roles, has_address=bool(node.address) and is_unique)
    yield ""


def _node(node: StarterNode, *, has_role: bool, has_address: bool) -> Iterator[str]:
    facts = [f"{node.role}{', the leader' if node.is_leader else ''}"]
    facts += [f"Docker Engine {node.engine_version}"] if node.engine_version else []
    facts += [] if node.is_ready else ["not ready"]
    yield f"  {_scalar(node.hostname)}: {_comment(', '.join(facts), indent='')}"
    if has_address:
        yield f"    ip: {_scalar(node.address)}"
    elif node.address:
        yield _comment(f"ip is left out: other nodes are at {node.address}, too", indent="    ")
    if has_role:
        yield f"    role: {node.role}"
    if node.availability != "active":
        yield f"    availability: {node.availability}"
    labels = {
        key: value
        for key, value in node.labels.items()
        if _LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value)
    }
    if labels:
        yield "    labels:"
        for key, value in labels.items():
            yield f"      {_scalar(key)}: {'true' if value == 'true' else _scalar(value)}"
    for key in node.labels.keys() - labels.keys():
        yield _comment(f"the label {key!r} is left out: this file can't express it", indent="    ")


def _stacks(starter: Starter) -> Iterator[str]:
    if not starter.stacks:
        return
    yield "# Stacks and their services:"
    for stack, services in starter.stacks.items():
        yield _comment(f"  {stack}: {', '.join(services)}")
    yield ""


def _anchors(starter: Starter) -> Iterator[str]:
    yield "# Anchors: the services listed below an anchor follow it to the node that it runs on."
    if not starter.proposals:
        yield "# Nothing in this swarm suggests one. An example:"
        yield "#"
        yield "# dependencies:"
        yield "#   db:                       # the service shop_db"
        yield "#     stack: shop"
        yield "#     services: [app, cache]  # shop_app and shop_cache run where shop_db runs"
        yield ""
        return
    yield "# These are proposals. To use one, remove the '# ' in front of it and of `dependencies:`."
    yield "#"
    yield "# dependencies:"
    static = {key for node in starter.nodes for key in node.labels}
    for proposal in starter.proposals:
        for reason in proposal.reasons:
            yield _comment(f"  # {reason}")
        if proposal.anchor in static:
            yield _comment(
                f"  # If you use this, remove the label {proposal.anchor} from `nodes`: the anchor sets it."
            )
        for line in yaml.safe_dump(proposal_data(proposal), sort_keys=False, width=1000).splitlines():
            yield _comment(f"  {line}")
    yield ""


def proposal_data(proposal: Proposal) -> Mapping[str, Any]:
    """Return the entry of ``dependencies`` for a proposed anchor."""
    return {proposal.anchor: {"stack": proposal.stack, "services": list(proposal.followers)}}


def _storage(starter: Starter) -> Iterator[str]:
    if not starter.shared:
        return
    yield "# Storage that every node seems to reach, so it doesn't tie a service to its node:"
    for shared in starter.shared[:MAX_SHARED]:
        yield _comment(f"  {shared.service}: {shared.reason}")
    if len(starter.shared) > MAX_SHARED:
        yield _comment(f"  and {len(starter.shared) - MAX_SHARED} more")
    yield ""


def _spread() -> Iterator[str]:
    yield "# A node that returns stays empty unless Orcastra spreads tasks. To turn that on, write"
    yield "# `spread: {}` to rebalance_config.yml in this folder."
    yield ""


def _comment(text: str, indent: str = "") -> str:
    """Return a comment on one line, even if a host has put line breaks into the text."""
    return f"{indent}# {printable(text)}"


def _scalar(text: str) -> str:
    """Return a string as YAML on one line, in quotes if it would be ambiguous without them."""
    return yaml.safe_dump(text, width=10_000, allow_unicode=True).removesuffix("\n").removesuffix("\n...")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference pages of configuration files, from their JSON Schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter_schema import EXPORTER_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.mods_schema import MODS_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance_schema import REBALANCE_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import SCHEMA
from tools.docs.markdown import escape, page, sentence, table

# A longer default stays in the description.
LONGEST_DEFAULT = 40
_DEFAULT = re.compile(r"(.*?)\s*\bDefault: (.+?)\.?", re.DOTALL)
_COMMON = """\
Keys that start with `x-` are ignored; use them for YAML anchors and for other tools. An unknown key is an
error. All errors are reported at once, with file, line, key, and the expected and found values."""
_SWARM_FILE = """\
This file describes the nodes of your swarm and the services that belong together. Its parts can also be in
separate files: `dependencies.yml` may hold `dependencies`; `nodes.yml` may hold `leader`, `advertise_addr`,
`nodes` and `options`. The separate files override `swarm.yml`. All three names may also end in `.yaml`.

`orcastra config check` checks the files. `orcastra config schema` prints the JSON Schema, which editors use
to complete and check `swarm.yml`."""
_EXPORTER_FILE = """\
This file describes the service that runs the node exporter on every node, in the format of a Compose file.
The [node_exporter module](collection/node_exporter_module.rst) and the role of the same name read it."""
_MODS_FILE = """\
This file, `/etc/mods/config.json` by default, lists the mods to download to each node. It is JSON or YAML. A
plain list of mods is accepted, too."""


def swarm_file() -> str:
    return page(
        "swarm.yml",
        _SWARM_FILE,
        _COMMON,
        *sections(SCHEMA),
    )


def rebalance_file() -> str:
    return page(
        "rebalance_config.yml",
        "This file configures the balancing of memory. Without it, nothing is rebalanced.",
        _COMMON,
        *sections(REBALANCE_SCHEMA),
    )


def exporter_file() -> str:
    return page(
        "deploy_node_exporter.yml",
        _EXPORTER_FILE,
        _COMMON,
        *sections(EXPORTER_SCHEMA),
    )


def mods_file() -> str:
    return page(
        "Mods configuration",
        _MODS_FILE,
        _COMMON,
        *sections(MODS_SCHEMA),
    )


def sections(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the table of a mapping's keys, then the sections of the mappings in it, from the top down."""
    properties = dict(schema.get("properties", {}))
    if properties:
        yield f"## `{path}`" if path else "## Top level"
        if path:
            yield _description(schema)
        required = schema.get("required", ())
        rows = [row(name, value, is_required=name in required) for name, value in properties.items()]
        yield table(["Key", "Value", "Default", "Meaning"], rows)
    for name, value in properties.items():
        yield from sections(value, _join(path, name))
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping):
        yield from sections(values, f"{path}.<name>")
    if isinstance(schema.get("items"), Mapping):
        yield from sections(schema["items"], f"{path}[]")


def row(name: str, schema: Mapping[str, Any], *, is_required: bool) -> list[str]:
    description, default = _split(str(schema.get("description", "")))
    return [
        f"`{name}`",
        escape(str(schema.get("title", ""))),
        "required" if is_required else escape(default) or "–",
        escape(sentence(description)) if description else "",
    ]


def _split(description: str) -> tuple[str, str]:
    """Return the description without its last sentence, if that states the default, and the default."""
    found = _DEFAULT.fullmatch(description)
    is_short = found is not None and len(found[2]) <= LONGEST_DEFAULT
    return (found[1], found[2]) if found and is_short else (description, "")


def _description(schema: Mapping[str, Any]) -> str:
    """Return the description of a mapping, with its other forms if it has some."""
    title = str(schema.get("title", ""))
    forms = "" if title.startswith("a mapping") else f"Value: {title}."
    return escape(f"{schema.get('description', '')} {forms}".strip())


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name

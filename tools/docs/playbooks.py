# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference page of playbooks, from the playbooks themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tools.docs.markdown import code, escape, page, sentence, table

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "orcastra.swarm."
INTRODUCTION = """\
Run a playbook by its full name, for example `ansible-playbook orcastra.swarm.site -i inventory/hosts.yml`.
The pages of its roles document the variables. `orcastra_hosts` selects other hosts than the default."""


def playbooks() -> str:
    rows = []
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        plays = yaml.safe_load(path.read_text(encoding="utf-8"))
        purpose = " ".join(sentence(escape(play["name"])) for play in plays if "name" in play)
        used = ", ".join(f"[{name}](collection/{name}_role.rst)" for name in roles(plays)) or "–"
        rows.append([code(PREFIX + path.stem), purpose, used])
    return page("Playbooks", INTRODUCTION, table(["Playbook", "Purpose", "Roles"], rows))


def roles(plays: Any) -> list[str]:
    """Return the names of the collection's roles that plays use, without its prefix, in their order."""
    return list(dict.fromkeys(name.removeprefix(PREFIX) for name in _names(plays) if name.startswith(PREFIX)))


def _names(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for entry in part:
            yield from _names(entry)
    elif isinstance(part, Mapping):
        for key, value in part.items():
            if key == "role":
                yield str(value)
            elif key.endswith(("include_role", "import_role")):
                yield str(value["name"])
            elif key.endswith("import_playbook"):
                yield from _names(
                    yaml.safe_load(
                        (ROOT / "playbooks" / f"{value.removeprefix(PREFIX)}.yml").read_text(encoding="utf-8")
                    )
                )
            else:
                yield from _names(value)

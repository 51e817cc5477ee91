# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files in the contributing guide exist, and each start leads to the file that decides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+) \| `([\w/.]+\.py)` \| `([\w/.]+\.py)` \|$", GUIDE, re.MULTILINE)


def test_contributing_has_a_table_of_behaviours() -> None:
    assert len(ROWS) >= 10


@pytest.mark.parametrize("path", sorted({path for row in ROWS for path in row[1:]}))
def test_contributing_names_existing_files(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize(("behaviour", "start", "end"), ROWS, ids=[row[0] for row in ROWS])
def test_behaviour_is_at_most_two_imports_from_its_start(behaviour: str, start: str, end: str) -> None:
    """The start imports the file that decides, or a file that imports it."""
    target = Path(end).stem
    first = _imports(ROOT / start)
    assert start == end or target in first or any(target in _imports(path) for path in _files(start)), (
        behaviour
    )


def _imports(path: Path) -> set[str]:
    """The last parts of the modules that a file imports, and the names that it imports from them."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"^from ([\w.]+) import \(?([^)\n]*(?:\n [^)]*)?)", text, re.MULTILINE)
    names = {module.rsplit(".", 1)[-1] for module, _names in found}
    return names | {name for _module, imported in found for name in re.findall(r"\w+", imported)}


def _files(start: str) -> list[Path]:
    """The files of the product that a file imports."""
    names = _imports(ROOT / start)
    folders = [ROOT / "plugins" / "module_utils", ROOT / "orcastra_runner"]
    return [path for folder in folders for path in folder.rglob("*.py") if path.stem in names]


def test_docstrings_refer_to_existing_modules() -> None:
    """``_plan.names`` in a docstring or comment is a module, or something in one."""
    wrong = []
    for folder in ("plugins", "orcastra_runner", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in re.findall(
                r"``(_(?:model|plan|apply|observe|config|mods|module)\.[\w.]+)``", path.read_text()
            ):
                parts = name.split(".")
                places = [
                    ROOT / "plugins" / "module_utils" / "/".join(parts[:n])
                    for n in (len(parts), len(parts) - 1)
                ]
                if not any(place.with_suffix(".py").is_file() or place.is_dir() for place in places):
                    wrong.append(f"{path.relative_to(ROOT)}: {name}")
                elif not places[0].with_suffix(".py").is_file() and not places[0].is_dir():
                    module = places[1].with_suffix(".py")
                    if not module.is_file() or not re.search(rf"\b{parts[-1]}\b", module.read_text()):
                        wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert wrong == []

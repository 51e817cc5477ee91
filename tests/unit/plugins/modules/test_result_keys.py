# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No module returns a value under a name that Ansible reserves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from tests.support.result_keys import RESERVED

MODULES = sorted((Path(__file__).parents[4] / "plugins/modules").glob("*.py"))


def documented(path: Path) -> dict[str, object]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RETURN":
            found: dict[str, object] = yaml.safe_load(ast.literal_eval(node.value))
            return found
    raise AssertionError(f"{path.name} documents no results")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_documented_results_do_not_use_reserved_names(path: Path) -> None:
    assert not documented(path).keys() & RESERVED

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the checkout importable in all tests: as the collection, and as it stands."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
SIMULATED = CHECKOUT / "tests" / "unit" / "sim"
# Makes other installed collections importable in addition to this one.
_PACKAGE = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'

_collections = Path(tempfile.mkdtemp(prefix="orcastra-tests-"))
for _folder in ("ansible_collections", "ansible_collections/orcastra"):
    (_collections / _folder).mkdir()
    (_collections / _folder / "__init__.py").write_text(_PACKAGE)
(_collections / "ansible_collections/orcastra/swarm").symlink_to(CHECKOUT)
# At import, because test modules import the collection when they are collected.
sys.path[:0] = [str(_collections), str(CHECKOUT)]
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(_collections)
# Without cached bytecode, each process that a test starts compiles all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--lab-engine", help="Docker Engine of the lab: 20.10, 26.1, 28.5 or mixed (default: this machine's)"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many tests ``--numprocesses auto`` runs at a time. Most of them wait; each has 3 engines."""
    return 4 if (os.cpu_count() or 1) > 2 else 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark simulated swarms and property tests as slow: ``make unit`` leaves them out."""
    for item in items:
        is_simulated = SIMULATED in item.path.parents
        if is_simulated or getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.slow)


def pytest_unconfigure() -> None:
    shutil.rmtree(_collections, ignore_errors=True)

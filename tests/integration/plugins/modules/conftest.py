# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module like Ansible: as a separate program, with parameters as input and JSON as output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab
from tests.support.result_keys import OF_EVERY_MODULE, RESERVED


class Modules:
    """Runs the collection's modules against the lab's first engine."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._docker_host = lab["alpha"].docker_host
        self._folder = folder

    def __call__(self, module: str, /, *, check: bool = False, **parameters: Any) -> dict[str, Any]:
        """Return the module's result, failed or not."""
        arguments = {"docker_host": self._docker_host, **parameters, "_ansible_check_mode": check}
        file = self._folder / "arguments.json"
        file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        result = subprocess.run(
            [sys.executable, "-m", f"ansible_collections.orcastra.swarm.plugins.modules.{module}", str(file)],
            env={**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.stdout, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        assert not found.keys() & (RESERVED - OF_EVERY_MODULE)
        found["warnings"] = [_text(warning) for warning in found.get("warnings", [])]
        return found


def _text(warning: Any) -> str:
    """Return a warning's text. In ansible-core 2.19 and later, a module returns it as an event."""
    return str(warning["event"]["msg"] if isinstance(warning, dict) else warning)


@pytest.fixture
def run_module(swarm: Lab, tmp_path: Path) -> Modules:
    return Modules(swarm, tmp_path)

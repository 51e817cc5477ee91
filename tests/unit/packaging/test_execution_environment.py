# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-builder reads the requirements of the collection."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import CHECKOUT

BUILDER = Path(sys.executable).parent / "ansible-builder"
DEFINITION = """
version: 3
images: {base_image: {name: base.example.org/ee-minimal:1}}
dependencies:
  galaxy: {collections: [{name: orcastra.swarm}]}
"""


def build(*arguments: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [BUILDER, *arguments], cwd=cwd, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def collections(tmp_path: Path) -> Path:
    """A folder with the metadata of the collection."""
    target = tmp_path / "ansible_collections" / "orcastra" / "swarm"
    shutil.copytree(CHECKOUT / "meta", target / "meta")
    shutil.copy(CHECKOUT / "galaxy.yml", target)
    return tmp_path


def test_builder_finds_the_requirements_of_the_collection(collections: Path) -> None:
    printed = build("introspect", collections, cwd=collections)
    found = yaml.safe_load(printed.partition("---\n")[2])
    python = {line.split(";")[0].split("#")[0].strip() for line in found["python"]}
    system = {line.split("[")[0].strip() for line in found["system"]}
    assert python == {"docker>=5.0", "paramiko>=3.4"}
    assert system == {"openssh-client", "openssh-clients"}


def test_builder_creates_a_build_context_with_the_collection(tmp_path: Path) -> None:
    (tmp_path / "execution-environment.yml").write_text(DEFINITION)
    build("create", "--output-filename", "Containerfile", "--context", tmp_path / "context", cwd=tmp_path)
    context = tmp_path / "context"
    assert "orcastra.swarm" in (context / "_build" / "requirements.yml").read_text()
    assert "base.example.org/ee-minimal:1" in (context / "Containerfile").read_text()

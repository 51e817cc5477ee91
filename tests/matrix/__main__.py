# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try the collection with each supported ansible-core, on each Python of its control node and of its targets.

Usage: ``python -m tests.matrix [--cores "2.17 next"] [--sanity]``. For each release and each Python of the
control node, one playbook runs on a host for each Python of managed hosts, with the Docker SDK alone. Each
host has a simulated swarm, so neither root nor an engine is needed. Missing interpreters are named and
skipped. Exit status 1 if a release that isn't a pre-release fails.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests import sim as simulator
from tests.support.ansible_cores import CHECKOUT, CORES, NoCore, installed_core
from tests.support.target_pythons import TARGET_VERSIONS, find_python
from tools.lint import sanity_tree

HERE = Path(__file__).parent
PRE_RELEASE = "next"
OK, FAILED, UNSUPPORTED, MISSING = "ok", "FAILED", "–", "missing"
_LIMIT_SECONDS = 1200


@dataclass
class Row:
    """One ansible-core on one Python of the control node."""

    core: str
    python: str
    version: str = ""
    results: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def has_failed(self) -> bool:
        return FAILED in self.results.values()


def main(arguments: list[str]) -> int:
    """Try the selected releases, print a table and the output of each failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description="Try all supported releases.")
    parser.add_argument("--cores", default="", help=f"of {' '.join(CORES)} (default: all)")
    parser.add_argument(
        "--sanity", action="store_true", help="also run ansible-test sanity with each release"
    )
    options = parser.parse_args(arguments)
    cores = options.cores.split() or list(CORES)
    if unknown := set(cores) - set(CORES):
        parser.error(f"--cores: expected some of {' '.join(CORES)}, found {' '.join(sorted(unknown))}")
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(CHECKOUT / ".venv" / "collections")
    rows = []
    for core in cores:
        for python in sorted(CORES[core][1], key=_number):
            row = Row(core, python)
            rows.append(row)
            _try(row, with_sanity=options.sanity and python == min(CORES[core][1], key=_number))
            shown = ", ".join(f"{name}: {result}" for name, result in row.results.items())
            print(f"ansible-core {row.version or core} on Python {python}: {shown}", flush=True)
    for row in rows:
        for name, output in row.outputs.items():
            print(f"\n== ansible-core {row.version or row.core} on Python {row.python}: {name}\n{output}")
    text = table(rows)
    target = CHECKOUT / "build" / "ansible-matrix.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8")
    print(f"\n{text}")
    return int(any(row.has_failed and row.core != PRE_RELEASE for row in rows))


def table(rows: list[Row]) -> str:
    """Return the results as a table in Markdown, with a column for each kind of result."""
    columns = list(dict.fromkeys(name for row in rows for name in row.results))
    lines = [["ansible-core", "Control node", *columns]]
    lines += [
        [row.version or row.core, f"Python {row.python}", *(row.results.get(name, "") for name in columns)]
        for row in rows
    ]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _try(row: Row, *, with_sanity: bool) -> None:
    requirement, _pythons = CORES[row.core]
    try:
        commands = installed_core(row.core, requirement, (row.python,))
    except NoCore as error:
        row.results["installation"] = FAILED if find_python(row.python) else MISSING
        row.outputs["installation"] = str(error)
        return
    row.version = _run(commands, ["ansible", "--version"])[1].partition("[core ")[2].partition("]")[0]
    with tempfile.TemporaryDirectory(prefix="orcastra-matrix-") as folder:
        _documentation(row, commands)
        _playbooks(row, commands)
        _targets(row, commands, Path(folder))
        if with_sanity:
            tree = sanity_tree(Path(folder))
            command = ["ansible-test", "sanity", "--local", "--python", row.python, "--color", "no"]
            _record(row, "sanity", *_run(commands, command, cwd=tree, interpreter=find_python(row.python)))


def _documentation(row: Row, commands: Path) -> None:
    """The release can read the documentation of all plugins."""
    outputs = []
    for kind in ("module", "inventory", "lookup", "filter"):
        folder = CHECKOUT / "plugins" / ("modules" if kind == "module" else kind)
        names = sorted(f"orcastra.swarm.{path.stem}" for path in folder.glob("*.py"))
        outputs.append(_run(commands, ["ansible-doc", "--type", kind, "--json", *names]))
    _record(row, "documentation", *next((one for one in outputs if one[0]), outputs[0]))


def _playbooks(row: Row, commands: Path) -> None:
    """The release can parse all playbooks and roles."""
    playbooks = sorted(str(path) for path in (CHECKOUT / "playbooks").glob("*.yml"))
    command = ["ansible-playbook", "--inventory", "localhost,", "--syntax-check", *playbooks]
    _record(row, "playbooks", *_run(commands, command))


def _targets(row: Row, commands: Path, folder: Path) -> None:
    """The play of this folder on a host for each Python that the release supports on managed hosts."""
    supported = target_versions(commands)
    pythons = {}
    for version in TARGET_VERSIONS:
        found = find_python(version)
        name = f"target {version}"
        if version not in supported:
            row.results[name] = UNSUPPORTED
        elif found is None:
            row.results[name] = MISSING
        else:
            row.results[name] = ""  # keeps the order of the columns
            pythons[name] = _with_sdk(version, found)
    (folder / "play.yml").write_bytes((HERE / "play.yml").read_bytes())
    (folder / "swarm.yml").write_text("nodes:\n  alpha: {labels: [ssd]}\n")
    (folder / "live.orcastra.yml").write_text("plugin: orcastra.swarm.swarm\nswarm_file: swarm.yml\n")
    with ExitStack() as stack:
        hosts = {name: stack.enter_context(_swarm()) for name in pythons}
        inventory = {
            name.replace(" ", "_"): {
                "ansible_connection": "local",
                "ansible_python_interpreter": str(pythons[name]),
                "engine": sim.docker_host("alpha"),
            }
            for name, sim in hosts.items()
        }
        (folder / "hosts.yml").write_text(yaml.safe_dump({"targets": {"hosts": inventory}}))
        status, output = _run(
            commands, ["ansible-playbook", "--inventory", "hosts.yml", "play.yml"], cwd=folder
        )
        for name in pythons:
            recap = re.search(rf"^{name.replace(' ', '_')} .*unreachable=0 .*failed=0 ", output, re.MULTILINE)
            row.results[name] = OK if recap else FAILED
        if status:
            row.outputs["targets"] = output
        listing = ["ansible-inventory", "--inventory", "live.orcastra.yml", "--list"]
        with _swarm() as sim:
            _record(
                row, "inventory", *_run(commands, listing, cwd=folder, docker_host=sim.docker_host("alpha"))
            )


def target_versions(commands: Path) -> set[str]:
    """Return the Python versions of managed hosts that a release supports, as its ansible-test lists them."""
    (source,) = commands.parent.glob(
        "lib/python*/site-packages/ansible_test/_util/target/common/constants.py"
    )
    found: set[str] = set()
    for statement in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign):
            found.update(ast.literal_eval(statement.value))
    return found


def _swarm() -> simulator.Sim:
    sim = simulator.swarm(managers=["alpha"], workers=["bravo"])
    for name, node in (("shop_db", "alpha"), ("shop_web", "bravo")):
        sim.place({"Name": name, "TaskTemplate": {"ContainerSpec": {"Image": "app"}}}, [sim.node(node)])
    return sim


def _with_sdk(version: str, interpreter: str) -> Path:
    """Return an interpreter of this version with the Docker SDK and nothing else; made once and kept."""
    folder = CHECKOUT / ".venv" / "targets" / version
    if not (folder / "complete").exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "docker"], check=True, stderr=subprocess.DEVNULL)
        (folder / "complete").touch()
    return folder / "bin" / "python"


def _run(
    commands: Path,
    command: list[str],
    *,
    cwd: Path = CHECKOUT,
    docker_host: str = "",
    interpreter: str | None = None,
) -> tuple[int, str]:
    """Run a program of a release. Returns its exit status and its output."""
    path = [str(commands), *([str(Path(interpreter).resolve().parent)] if interpreter else [])]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER")}
    done = subprocess.run(
        [commands / command[0], *command[1:]],
        cwd=cwd,
        env={
            **kept,
            **({"DOCKER_HOST": docker_host} if docker_host else {}),
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
            "PATH": os.pathsep.join([*path, os.environ.get("PATH", os.defpath)]),
        },
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=_LIMIT_SECONDS,
    )
    return done.returncode, done.stdout + done.stderr


def _record(row: Row, name: str, status: int, output: str) -> None:
    row.results[name] = FAILED if status else OK
    if status:
        row.outputs[name] = output


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

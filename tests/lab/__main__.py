# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line: ``python -m tests.lab --help``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from tests.lab import packages
from tests.lab.errors import LabError
from tests.lab.host import Host
from tests.lab.lab import Lab, LabIsUp
from tests.lab.releases import ENGINES, MIXED
from tests.lab.state import LabState, all_labs

DEFAULT_NAME = "orca"
IMAGE = "orcastra/app"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.action(options))
    except (LabError, subprocess.TimeoutExpired) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab",
        description="Several Docker hosts on this machine, each with its own network, processes, files, "
        "memory and engine. Needs root on a Debian-like Linux.",
    )
    parser.add_argument("--name", default=DEFAULT_NAME, help="name of the lab (default: %(default)s)")
    # After the command as well; there it has no default that would undo what stood before the command.
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default=argparse.SUPPRESS, help="name of the lab")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, action: object, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=[common])
        command.set_defaults(action=action)
        return command

    up = add("up", _up, "start a lab; it stays until `down`")
    up.add_argument("--hosts", default="alpha,bravo,charlie", help="with commas (default: %(default)s)")
    up.add_argument(
        "--engine",
        choices=[*sorted(ENGINES), MIXED],
        help="version, or hosts with different versions (default: the one this machine has)",
    )
    up.add_argument("--root", metavar="DIR", help="another root folder for the hosts, with an engine in it")
    up.add_argument("--bare", action="store_true", help="hosts without an engine, which can install one")
    up.add_argument("--tls", action="store_true", help="engines also answer at port 2376 with TLS")
    up.add_argument("--memory", type=int, default=2048, metavar="MIB", help="of each host (%(default)s)")
    up.add_argument("--swarm", action="store_true", help=f"form a swarm, and load the image {IMAGE}")
    up.add_argument("--managers", type=int, metavar="N", help="managers of the swarm (default: up to 3)")
    add("down", _down, "remove a lab and all that belongs to it")
    add("status", _status, "show a lab's hosts")
    add("list", _list, "list the labs of this machine")
    needed = add("packages", _packages, "show which packages the lab still needs")
    needed.add_argument(
        "--install", action="store_true", help="install them, without starting their services"
    )
    for name, text in (
        ("crash", "take a host's power away"),
        ("boot", "switch a host on"),
        ("shutdown", "shut a host down in an orderly way"),
        ("reboot", "reboot a host in an orderly way"),
        ("cut", "pull a host's network cable"),
        ("mend", "put a host's network cable back"),
    ):
        add(name, _host_action(name), text).add_argument("host", metavar="HOST")
    memory = add("memory", _memory, "show or set what a host believes of its memory")
    memory.add_argument("host", metavar="HOST")
    memory.add_argument("--total", type=int, metavar="MIB")
    memory.add_argument("--available", type=int, metavar="MIB")
    memory.add_argument(
        "--follow",
        action=argparse.BooleanOptionalAction,
        help="the available memory follows the use of the host's containers",
    )
    run = add("run", _run, "run a command on a host, such as `run alpha -- bash`")
    run.add_argument("host", metavar="HOST")
    run.add_argument("command", nargs="+", metavar="COMMAND", help="command and arguments, after `--`")
    return parser


def _up(options: argparse.Namespace) -> int:
    packages.install(_say)
    hosts = tuple(options.hosts.split(","))
    if options.bare and options.swarm:
        raise LabError("--bare: expected no --swarm, found both")
    lab = Lab(
        options.name,
        hosts,
        options.engine,
        options.root,
        options.tls,
        memory_mb=options.memory,
        keep=True,
        bare=options.bare,
    )
    try:
        lab.up(_say)
        if options.swarm:
            _say("Forming the swarm ...")
            lab.form_swarm(options.managers or min(3, len(hosts)))
            lab.load_image(IMAGE)
    except LabIsUp as error:
        raise LabError(f"{error} (see `status`; `down` removes it)") from None
    _show(lab)
    return 0


def _down(options: argparse.Namespace) -> int:
    if options.name not in all_labs():
        _say(f"There is no lab named {options.name!r}.")
        return 0
    Lab(options.name).down()
    _say(f"Lab {options.name!r} is removed.")
    return 0


def _status(options: argparse.Namespace) -> int:
    _show(Lab.attach(options.name))
    return 0


def _list(_options: argparse.Namespace) -> int:
    for name in all_labs():
        state = LabState.load(name)
        running = sum(Host(state, host).running for host in state.hosts)
        owner = f", owned by process {state.owner.pid}" if state.owner else ""
        _say(f"{name}: {running} of {len(state.hosts)} hosts run, {_engine(state)}{owner}")
    return 0


def _packages(options: argparse.Namespace) -> int:
    if why := packages.obstacle():
        _say(f"There can be no lab here: {why}.")
    elif options.install:
        packages.install(_say)
    else:
        _say(" ".join(packages.missing()) or "All packages are there.")
    return 0


def _host_action(name: str) -> object:
    def act(options: argparse.Namespace) -> int:
        getattr(Lab.attach(options.name)[options.host], name)()
        return 0

    return act


def _memory(options: argparse.Namespace) -> int:
    host = Lab.attach(options.name)[options.host]
    if options.total is not None or options.available is not None:
        host.set_memory(options.total, options.available)
    if options.follow is not None:
        host.follow_memory(options.follow)
    _say(_memory_of(host))
    return 0


def _run(options: argparse.Namespace) -> int:
    host = Lab.attach(options.name)[options.host]
    command = host.command(options.command)
    # In place of this process, so that terminal, signals and status are the command's own.
    sys.stdout.flush()
    os.execvpe(command[0], command, host.environment())


def _show(lab: Lab) -> None:
    state = lab.state
    _say(f"Lab {lab.name!r}: {_engine(state)}, network 10.213.{state.subnet}.0/24")
    for host in lab:
        power = "on" if host.running else "off"
        cable = ", network cut" if host.is_cut else ""
        _say(f"  {host.name:<12} {host.ip:<15} {host.docker_host:<27} {power}{cable}, {_memory_of(host)}")
    _say(f"  ssh -F {lab.ssh_config} {lab.hosts[0].name}")
    if state.tls:
        _say(f"  docker --tlsverify -H {lab.hosts[0].docker_host_tls} (DOCKER_CERT_PATH={lab.certs})")


def _engine(state: LabState) -> str:
    return "made without an engine" if state.bare else f"Docker Engine {state.engine}"


def _memory_of(host: Host) -> str:
    memory = host.memory
    fields = dict(line.split(":") for line in (host.folder / "meminfo").read_text().splitlines())
    available = int(fields["MemAvailable"].split()[0]) // 1024
    return f"{available} of {memory.total_mb} MiB available{' (followed)' if memory.follow else ''}"


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn rotation entries into a configuration of logrotate, or report everything that is invalid.

The engine's own log files are refused in any spelling, because it keeps them open and tracks their size. Log
files of applications in volumes are allowed.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..._model.compat import dataclass
from ..._model.reasons import Reason
from .globs import BraceError, Form, expand_braces, form_of, has_wildcard, may_match

DEFAULT_ROOTS = ("/var/lib/docker", "/var/snap/docker/common/var-lib-docker")
CONTAINERS = "containers"
HEADER = "# Written by Ansible (orcastra.swarm.log_rotate): changes to this file are lost"

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_SIZE = re.compile(r"[1-9][0-9]*[kMG]?")
_CREATE = re.compile(r"0?[0-7]{3,4}( [A-Za-z0-9_.$-]+){0,2}")
_SU = re.compile(r"[A-Za-z0-9_.$-]+ [A-Za-z0-9_.$-]+")
_END_OF_SCRIPT = re.compile(r"^\s*endscript(\s|$)", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ID: Form = ["0123456789abcdef"] * 64
_ENGINE_FILES: tuple[Form, ...] = (
    *([*_ID, *form_of(end)] for end in ("-json.log", "-json.log.1", "-json.log.1.gz")),
    *(form_of(name) for name in ("config.v2.json", "hostconfig.json", "hostname", "hosts", "resolv.conf")),
)
_LOCAL_LOGS = tuple(form_of(name) for name in ("container.log", "container.log.1", "container.log.1.gz"))


@dataclass(frozen=True, slots=True)
class Rotation:
    """One valid entry: ``paths`` with their braces expanded."""

    name: str
    paths: tuple[str, ...]
    rotate: int
    size: str | None = None
    frequency: str | None = None
    copytruncate: bool = False
    postrotate: str = ""
    compress: bool = True
    create: str = ""
    su: str = ""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A problem of one entry. ``expected`` is the rule that it breaks."""

    entry: str
    key: str
    expected: Reason
    found: str

    def __str__(self) -> str:
        return f"entry {self.entry}: {self.key}: expected {self.expected}, found {self.found}"


def read_rotations(
    entries: Iterable[Mapping[str, Any]], roots: Sequence[str]
) -> tuple[tuple[Rotation, ...], tuple[Wrong, ...]]:
    """Return the valid entries, and all problems of the others.

    ``roots``: the data folders of engines (``DockerRootDir``), if known.
    """
    rotations: list[Rotation] = []
    wrong: list[Wrong] = []
    names: set[str] = set()
    owners: dict[str, str] = {}
    for number, entry in enumerate(entries):
        name = str(entry.get("name") or "")
        reader = _Reader(name if _NAME.fullmatch(name) else f"number {number + 1}", entry)
        if not _NAME.fullmatch(name):
            reader.report("name", Reason("rotation_name_characters"), repr(name))
        elif name in names:
            reader.report("name", Reason("rotation_name_unique"), f"{name!r} again")
        names.add(name)
        paths = reader.paths(roots, owners)
        reader.check_rest()
        wrong += reader.wrong
        if not reader.wrong:
            rotations.append(
                Rotation(
                    name=name,
                    paths=paths,
                    rotate=entry["rotate"],
                    size=entry.get("size"),
                    frequency=entry.get("frequency"),
                    copytruncate=bool(entry.get("copytruncate")),
                    postrotate=_script(entry.get("postrotate") or ""),
                    compress=entry.get("compress") is not False,
                    create=entry.get("create") or "",
                    su=entry.get("su") or "",
                )
            )
    return tuple(rotations), tuple(wrong)


class _Reader:
    def __init__(self, title: str, entry: Mapping[str, Any]) -> None:
        self.wrong: list[Wrong] = []
        self._title = title
        self._entry = entry

    def report(self, key: str, expected: Reason, found: str) -> None:
        self.wrong.append(Wrong(self._title, key, expected, found[:200]))

    def paths(self, roots: Sequence[str], owners: dict[str, str]) -> tuple[str, ...]:
        """Return all paths of the entry. ``owners``: path → the entry that has it."""
        found: list[str] = []
        given = self._entry.get("paths") or []
        if not given:
            self.report("paths", Reason("rotation_paths_given"), "none")
        for text in given:
            try:
                expanded = list(dict.fromkeys(normalised(path) for path in expand_braces(str(text))))
            except BraceError as error:
                self.report("paths", error.expected, repr(text))
                continue
            rule = next((rule for path in expanded if (rule := _path_rule(path, str(text), roots))), None)
            if rule is not None:
                self.report("paths", rule, repr(text))
                continue
            for path in expanded:
                if path in owners:
                    where = "again" if owners[path] == self._title else f"as in entry {owners[path]}"
                    self.report("paths", Reason("rotation_path_unique"), f"{path!r} {where}")
                owners.setdefault(path, self._title)
                found.append(path)
        return tuple(found)

    def check_rest(self) -> None:
        entry = self._entry
        if entry.get("rotate") is None or entry["rotate"] < 0:
            self.report("rotate", Reason("rotation_count_not_negative"), repr(entry.get("rotate")))
        size = entry.get("size")
        if size is None and entry.get("frequency") is None:
            self.report("size", Reason("rotation_size_or_frequency"), "neither")
        if size is not None and not _SIZE.fullmatch(str(size)):
            self.report("size", Reason("rotation_size_format"), repr(size))
        if entry.get("create") and not _CREATE.fullmatch(entry["create"]):
            self.report("create", Reason("rotation_create_format"), repr(entry["create"]))
        if entry.get("su") and not _SU.fullmatch(entry["su"]):
            self.report("su", Reason("rotation_su_format"), repr(entry["su"]))
        script = _script(entry.get("postrotate") or "")
        if _END_OF_SCRIPT.search(script):
            self.report("postrotate", Reason("rotation_script_without_end"), "one")
        elif _CONTROL.search(script.replace("\n", "").replace("\t", "")):
            self.report("postrotate", Reason("rotation_script_is_text"), "a control character")


def _script(text: str) -> str:
    return text.replace("\r\n", "\n").strip("\n")


def normalised(path: str) -> str:
    """Return the path without redundant parts such as ``//`` and ``/./``."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def _path_rule(path: str, text: str, roots: Sequence[str]) -> Reason | None:
    """Return the rule that a path breaks, or None. ``text``: the path as the user wrote it."""
    if not path.startswith("/"):
        return Reason("path_absolute")
    if _CONTROL.search(text):
        return Reason("path_without_control_characters")
    if "\\" in text:
        return Reason("path_without_backslashes")
    if text.rstrip().endswith("/") or path == "/":
        return Reason("path_of_files")
    if "**" in path:
        return Reason("path_without_double_star")
    if ".." in path.split("/"):
        return Reason("path_without_parents")
    if may_be_engine_log(path, roots):
        return Reason("path_not_of_engine")
    return None


def may_be_engine_log(path: str, roots: Iterable[str]) -> bool:
    """Return whether a pattern may match files that an engine keeps of its containers.

    The data folder of an unknown engine is recognized by its file names.
    """
    parts = normalised(path).strip("/").split("/")
    for root in {normalised(root) for root in (*roots, *DEFAULT_ROOTS)}:
        above = root.strip("/").split("/")
        inner = parts[len(above) :]
        if len(inner) < 2 or not all(
            may_match(pattern, form_of(name)) for pattern, name in zip(parts, above)
        ):
            continue
        # with this name, everything in it belongs to the engine
        if inner[0] == CONTAINERS:
            return True
        if may_match(inner[0], form_of(CONTAINERS)) and _may_be_of_container(inner[1:]):
            return True
    return any(
        parts[at] == CONTAINERS and _may_be_of_container(parts[at + 1 :]) and _looks_like_docker(parts, at)
        for at in range(len(parts))
    )


def _looks_like_docker(parts: Sequence[str], at: int) -> bool:
    return parts[-1].find("-json.log") >= 0 or any("docker" in part.lower() for part in parts[:at])


def _may_be_of_container(inner: Sequence[str]) -> bool:
    """Return whether a path below ``containers`` may be a file that the engine writes."""
    if len(inner) < 2 or not may_match(inner[0], _ID):
        return False
    if len(inner) == 2:
        return any(may_match(inner[1], form) for form in _ENGINE_FILES)
    is_local = len(inner) == 3 and may_match(inner[1], form_of("local-logs"))
    return is_local and any(may_match(inner[2], form) for form in _LOCAL_LOGS)


def fixed_folder(path: str) -> str:
    """Return the folder of a pattern up to its first wildcard."""
    parts = path.split("/")
    fixed = []
    for part in parts[:-1]:
        if has_wildcard(part):
            break
        fixed.append(part)
    return "/".join(fixed) or "/"


def render(rotations: Iterable[Rotation]) -> str:
    """Return the configuration of logrotate."""
    lines = [HEADER]
    for rotation in rotations:
        lines += ["", f"# {rotation.name}", f"{' '.join(map(_quoted, rotation.paths))} {{"]
        lines += [f"    {line}" for line in _directives(rotation)]
        if rotation.postrotate:
            # unchanged, because the script may contain a here-document
            lines += ["    sharedscripts", "    postrotate", rotation.postrotate, "    endscript"]
        lines.append("}")
    return "\n".join(lines) + "\n"


def _directives(rotation: Rotation) -> list[str]:
    found = [f"rotate {rotation.rotate}"]
    if rotation.frequency is not None:
        found.append(rotation.frequency)
        if rotation.size is not None:
            found.append(f"maxsize {rotation.size}")
    else:
        found.append(f"size {rotation.size}")
    found += ["missingok", "notifempty"]
    if rotation.compress:
        found += ["compress", "delaycompress"]
    found.append("copytruncate" if rotation.copytruncate else f"create {rotation.create}".rstrip())
    if rotation.su:
        found.append(f"su {rotation.su}")
    return found


def _quoted(path: str) -> str:
    escaped = path.replace('"', '\\"')
    return f'"{escaped}"'

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn the configuration of mods, a file or plain data, into entries."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._config.build import in_order, plain_document
from .._config.check import check_against
from .._config.document import Document
from .._config.mods_schema import MODS_SCHEMA
from .._config.sections import refuse_blank
from .._config.source import read_file
from .._config.text_files import read_small_text
from .._config.urls import shown, url_fault
from .._config.variables import VariableError, variable_value
from .._config.words import KeyPath, describe
from .._config.yaml_limits import MAX_BYTES
from .._model.errors import ConfigError, OrcastraError, Problem
from .._model.mods import (
    API,
    DEFAULT_CONCURRENCY,
    DEFAULT_LABEL_PREFIX,
    DEFAULT_MAX_BYTES,
    IMAGE,
    URL,
    ModEntry,
    ModRules,
    entry_key,
    name_fault,
)
from .masking import VARIABLE, set_apart
from .reference import SUFFIX, ImageReferenceError, parse_reference
from .server_names import archive_folder, last_part, says_something

try:
    import jmespath
    import jmespath.exceptions
except ImportError:
    HAS_JMESPATH = False
else:
    HAS_JMESPATH = True

_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# the size limit of a file that holds the value of one variable
_VALUE_BYTES = 64 * 1024


def load_mods(path: Path, environment: Mapping[str, str]) -> ModRules:
    """Read and check the file. Without a file, only discovered mods count.

    ``environment`` holds the values of ``${VAR}``. Raises ConfigError with all problems, also for an empty
    file, which may be half written.
    """
    document, problems = read_file(path)
    return mods_of(document, refuse_blank(document, problems), environment)


def mods_of(
    document: Document, problems: Iterable[Problem], environment: Mapping[str, str] | None
) -> ModRules:
    """Like ``load_mods``, for a document. ``problems`` are those found while reading it.

    Without ``environment``, ``${VAR}`` stays as it is. Raises ConfigError with all problems.
    """
    rules = _Builder(document, list(problems), environment).build()
    return replace(rules, is_given=document.exists)


def build_mods(data: Mapping[str, Any] | list[Any] | None, environment: Mapping[str, str]) -> ModRules:
    """Like ``load_mods``, for plain data; None is no configuration. Raises ConfigError with all problems."""
    if data is None:
        return ModRules(is_given=False)
    if isinstance(data, list):
        data = {"mods": data}
    document, problems = plain_document(data)
    return _Builder(document, problems, environment).build()


def read_mods(path: Path) -> dict[str, Any]:
    """The file's checked ``config``, and ``variables`` with the values that may be secret.

    The two can be passed on separately. ``${VAR}`` stays as it is: the node that downloads expands it.
    Raises ConfigError with all problems.
    """
    document, problems = read_file(path)
    builder = _Builder(document, refuse_blank(document, problems), None)
    builder.build()
    config, variables = set_apart(builder.document.data or {})
    return {"config": config, "variables": variables}


def mods_variables(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The values that this environment has for the file's ``${VAR}``, for hosts with another environment.

    Raises OrcastraError if the file, or a file that holds a value, can't be read.
    """
    try:
        text = read_small_text(path, MAX_BYTES)
    except FileNotFoundError:
        return {}
    except OrcastraError as error:
        raise OrcastraError(f"{path}: {error}") from error
    try:
        return mods_values(text, environment)
    except OrcastraError as error:
        raise OrcastraError(f"{path}: {error}") from error


def mods_values(data: Any, environment: Mapping[str, str]) -> dict[str, str]:
    """Like ``mods_variables``, for the data or the text of a file."""
    found = {}
    for name in sorted(_variables_in(data)):
        if name in environment or f"{name}_FILE" in environment:
            try:
                found[name] = variable_value(name, environment)
            except VariableError as error:
                raise OrcastraError(str(error)) from error
    return found


def _variables_in(data: Any) -> set[str]:
    if isinstance(data, str):
        return set(VARIABLE.findall(data))
    if isinstance(data, Mapping):
        data = data.values()
    elif not isinstance(data, list):
        return set()
    return {name for item in data for name in _variables_in(item)}


def image_entry(
    reference: str, *, trusted: bool, optional: bool = False, arch: str = "", folder: str = ""
) -> ModEntry:
    """The entry of an image. Its name begins with ``folder``. Raises ImageReferenceError."""
    parsed = parse_reference(reference)
    source = parsed.source
    return ModEntry(
        IMAGE,
        reference,
        title=f"{reference} ({arch})" if folder else reference,
        key=entry_key(IMAGE, source, source, folder),
        name=f"{folder}{parsed.filename}{SUFFIX}",
        digest=parsed.digest,
        optional=optional,
        trusted=trusted,
        arch=arch,
    )


def url_entry(url: str, *, trusted: bool, **more: Any) -> ModEntry:
    """The entry of a URL. Its name is None if only the server knows it.

    Raises OrcastraError if the URL is invalid or doesn't end in a usable name.
    """
    fault = url_fault(url)
    if fault is not None:
        raise OrcastraError(f"expected {fault[0]}, found {describe(shown(url))}")
    name = more.pop("name", None)
    if name is None:
        name = last_part(url)
        wrong = "a name" if "/" in name else name_fault(name)
        if wrong is not None and (name or not urlsplit(url).query):
            raise OrcastraError(f"expected a URL that ends in {wrong}, found {describe(shown(url))}")
        if not says_something(name):
            name = None
        elif more.get("unpack"):
            name = archive_folder(name)
    return ModEntry(
        URL,
        url,
        title=shown(url),
        key=entry_key(URL, url, shown(url), name or ""),
        name=name,
        trusted=trusted,
        **more,
    )


@dataclass
class _Builder:
    """``environment`` is None if ``${VAR}`` stays as it is."""

    document: Document
    problems: list[Problem]
    environment: Mapping[str, str] | None

    def __post_init__(self) -> None:
        if isinstance(self.document.data, list):
            self.document = self.document.under("mods")

    def build(self) -> ModRules:
        """Raises ConfigError with all problems."""
        shape = check_against(self.document, MODS_SCHEMA)
        problems = [*self.problems, *shape.values()]
        self.problems = problems
        data = self.document.data if isinstance(self.document.data, Mapping) else {}
        mods = data.get("mods")
        entries = []
        for number, mod in enumerate(mods if isinstance(mods, list) else []):
            path: KeyPath = ("mods", number)
            if not any(wrong[:2] == path for wrong in shape):
                entry = self._entry(path, {"url": mod} if isinstance(mod, str) else mod)
                if entry is not None:
                    entries.append(entry)
        self._check_names(entries, data)
        if problems:
            raise ConfigError(in_order(problems))
        discover = data.get("discover") or {}
        return ModRules(
            entries=tuple(entry for _path, entry in entries),
            docker_mods=_or(discover.get("docker_mods"), True),
            label_prefix=discover.get("label_prefix", DEFAULT_LABEL_PREFIX),
            allow_private=_or(discover.get("allow_private"), False),
            prune=_or(data.get("prune"), True),
            concurrency=_or(data.get("concurrency"), DEFAULT_CONCURRENCY),
            max_bytes=_or(data.get("max_bytes"), DEFAULT_MAX_BYTES),
        )

    def _entry(self, path: KeyPath, mod: Mapping[str, Any]) -> tuple[KeyPath, ModEntry] | None:
        before = len(self.problems)
        given = [kind for kind in (URL, IMAGE, API) if mod.get(kind) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none of them"
            self._report(path, "exactly one of url, image and api", found)
            return None
        kind = given[0]
        for key in ("name", "sha256", "headers", "unpack", "select"):
            if mod.get(key) is not None and (kind == IMAGE or (key == "select" and kind == URL)):
                self._report((*path, key), f"nothing in addition to {kind}", describe_key(mod[key]))
        source = mod[kind] if kind == IMAGE else self._expanded((*path, kind), mod[kind])
        headers = {
            name: self._expanded((*path, "headers", name), value)
            for name, value in (mod.get("headers") or {}).items()
        }
        name = mod.get("name")
        if name is not None and (fault := name_fault(name)) is not None:
            self._report((*path, "name"), fault, describe(name))
        if kind == API:
            self._check_select(path, mod)
        if len(self.problems) > before:
            return None
        optional = bool(mod.get("optional"))
        more: dict[str, Any] = {"headers": headers, "unpack": bool(mod.get("unpack")), "optional": optional}
        if mod.get("sha256"):
            more["digest"] = "sha256:" + mod["sha256"].lower().removeprefix("sha256:")
        try:
            if kind == IMAGE:
                return path, image_entry(source, trusted=True, optional=optional)
            if kind == URL:
                return path, url_entry(source, trusted=True, name=name, **more)
        except ImageReferenceError as error:
            self._report((*path, kind), "a mod's image", f"{describe(source)} ({error})")
            return None
        except OrcastraError as error:
            expected, _comma, found = str(error).removeprefix("expected ").partition(", found ")
            self._report(
                (*path, kind), expected, found if source == mod[kind] else describe(shown(mod[kind]))
            )
            return None
        wrong_url = url_fault(source)
        if wrong_url is not None:
            # as written: the value of a variable may be a secret
            self._report((*path, API), wrong_url[0], describe(shown(mod[API])))
            return None
        return self._api_entry(path, source, name, mod["select"], more)

    def _api_entry(
        self, path: KeyPath, source: str, name: str | None, select: str, more: dict[str, Any]
    ) -> tuple[KeyPath, ModEntry]:
        key = entry_key(API, source, shown(source), f"{select}\n{name}")
        entry = ModEntry(API, source, title=shown(source), key=key, name=name, select=select, **more)
        return path, entry

    def _check_select(self, path: KeyPath, mod: Mapping[str, Any]) -> None:
        select = mod.get("select")
        if select is None:
            self._report((*path, "select"), "a JMESPath expression", "nothing")
        elif HAS_JMESPATH:
            try:
                jmespath.compile(select)
            except (jmespath.exceptions.JMESPathError, ValueError):
                self._report((*path, "select"), "a JMESPath expression", describe(select))

    def _check_names(self, entries: list[tuple[KeyPath, ModEntry]], data: Mapping[str, Any]) -> None:
        places: dict[str, KeyPath] = {}
        for path, entry in entries:
            if entry.name is None:
                continue
            if entry.name in places:
                mod = data["mods"][path[1]]
                key = path if isinstance(mod, str) else (*path, "name" if "name" in mod else entry.kind)
                first = self.document.place(places[entry.name])
                self._report(key, "a file of its own", f"{describe(entry.name)}, as at {first}")
            places.setdefault(entry.name, path)

    def _expanded(self, path: KeyPath, text: str) -> str:
        """The text with ``${VAR}`` replaced. Records problems."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if not _VARIABLE_NAME.fullmatch(name):
                self._report(path, "the name of a variable in ${…}", describe(name))
                return ""
            if self.environment is None:
                return match[0] if path[-1] not in (URL, API) else "variable"
            return self._variable(path, name, self.environment)

        return VARIABLE.sub(value, text)

    def _variable(self, path: KeyPath, name: str, environment: Mapping[str, str]) -> str:
        try:
            return variable_value(name, environment)
        except VariableError as error:
            self._report(path, error.expected, error.found)
            return ""

    def _report(self, path: KeyPath, expected: str, found: str) -> None:
        self.problems.append(self.document.problem(path, expected, found))


def describe_key(value: Any) -> str:
    """Describe an unexpected value without showing headers, which may be secret."""
    return "a mapping" if isinstance(value, Mapping) else describe(value)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared code of all modules: the connection, the libraries, and the result."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._model.errors import OrcastraError
from .._model.reasons import Refused
from .._model.text import printable
from .._observe.connection import CONNECTION_ARGUMENT_SPEC, DOCKER_IMPORT_ERROR, ConnectionOptions, connect
from .._observe.engine import Engine
from .._observe.errors import EngineUnreachable, MissingLibrary


class _Module(AnsibleModule):  # type: ignore[misc]
    """A module whose messages are safe to print, although they contain names, labels and errors from outside.

    The texts of reasons are already safe; data is not changed.
    """

    def warn(self, warning: str) -> None:
        super().warn(printable(warning))

    def fail_json(self, msg: str, **result: Any) -> None:
        super().fail_json(msg="\n".join(map(printable, str(msg).splitlines())), **result)


def create_module(
    argument_spec: Mapping[str, Mapping[str, Any]] | None = None, **libraries: str | None
) -> AnsibleModule:
    """An AnsibleModule with the connection options and ``argument_spec``.

    ``libraries`` are the required Python libraries in addition to docker. The value is the traceback of a
    failed import, or None. Fails the module if a library is missing.
    """
    module = _Module(
        argument_spec={**CONNECTION_ARGUMENT_SPEC, **(argument_spec or {})},
        supports_check_mode=True,
    )
    for library, import_error in {"docker": DOCKER_IMPORT_ERROR, **libraries}.items():
        if import_error is not None:
            install = f"apt install python3-{library}, or pip install {library}"
            message = f"{missing_required_lib(library)}. To install it: {install}"
            module.fail_json(msg=message, exception=import_error, missing_library=library)
    return module


def run(module: AnsibleModule, action: Callable[[Engine], dict[str, Any]]) -> None:
    """Connect, run ``action``, and exit the module with its result, or fail it with an OrcastraError."""
    options = ConnectionOptions.from_parameters(module.params)
    try:
        engine = connect(options)
    except EngineUnreachable as error:
        _fail(module, error, unreachable_engine=options.docker_host)
    except OrcastraError as error:
        _fail(module, error)
    try:
        result = action(engine)
    except OrcastraError as error:
        _fail(module, error)
    finally:
        engine.close()
    module.exit_json(**result)


def _fail(module: AnsibleModule, error: OrcastraError, **facts: str) -> NoReturn:
    """Fail the module. Playbooks can use ``facts`` and other result fields instead of the message."""
    if isinstance(error, MissingLibrary):
        facts["missing_library"] = error.library
    reason = {"reason": error.reason.to_data()} if isinstance(error, Refused) else {}
    name = module.params.get("name")
    text = str(error)
    message = f"{name}: {text}" if name and not text.startswith(f"{name}: ") else text
    module.fail_json(msg=message, **facts, **reason)
    raise error  # not reached: fail_json exits


def check_least(module: AnsibleModule, **least: int) -> None:
    """Fail the module if one of its parameters is less than its minimum."""
    for name, number in least.items():
        if module.params[name] < number:
            module.fail_json(msg=f"{name}: expected at least {number}, found {module.params[name]}")

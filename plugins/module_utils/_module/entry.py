# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules share: the connection, the libraries, and the end."""

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
    """One whose messages are safe to print: they contain names, labels and errors of others.

    The texts of reasons are safe already, and data stays as it is.
    """

    def warn(self, warning: str) -> None:
        super().warn(printable(warning))

    def fail_json(self, msg: str, **result: Any) -> None:
        super().fail_json(msg="\n".join(map(printable, str(msg).splitlines())), **result)


def create_module(
    argument_spec: Mapping[str, Mapping[str, Any]] | None = None, **libraries: str | None
) -> AnsibleModule:
    """An AnsibleModule with the connection options and ``argument_spec``.

    ``libraries``: the Python libraries that it needs beside docker, each with the traceback of its import,
    None where that went well. Ends the module if one is missing.
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
    """Connect, let ``action`` make the result, and end the module; our own errors become its message."""
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
    """End the module. What playbooks may decide on is in ``facts`` and in fields for kinds of errors."""
    if isinstance(error, MissingLibrary):
        facts["missing_library"] = error.library
    reason = {"reason": error.reason.to_data()} if isinstance(error, Refused) else {}
    name = module.params.get("name")
    said = str(error)
    message = f"{name}: {said}" if name and not said.startswith(f"{name}: ") else said
    module.fail_json(msg=message, **facts, **reason)
    raise error  # not reached: the module has ended


def check_least(module: AnsibleModule, **least: int) -> None:
    """End the module where one of its parameters is less than it may be."""
    for name, number in least.items():
        if module.params[name] < number:
            module.fail_json(msg=f"{name}: expected at least {number}, found {module.params[name]}")

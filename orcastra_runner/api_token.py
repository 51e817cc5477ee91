# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The token for HTTP requests that change something: the configured one, or one that is generated.

The generated token is created at the first start and kept in the state folder, in a file that only its owner
can read. Access to that file grants the right to write. The address of a client proves nothing, because
requests through any proxy on this host come from this host.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from orcastra_runner.log import get_logger
from orcastra_runner.settings import Settings

FILE_NAME = "api_token"
MAX_BYTES = 4096
_EXPECTED = "one line of printable text in UTF-8"
# Without O_NONBLOCK, opening a pipe would hang.
FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

log = get_logger()


class _Unfit(Exception):
    """The contents of a file are not a valid token; the text is the reason."""


def configured_token(settings: Settings) -> bytes | None:
    """Return the token in ORCASTRA_API_TOKEN or in the file ORCASTRA_API_TOKEN_FILE; None without one.

    Surrounding white space is ignored. Raises ConfigError, which doesn't reveal the token.
    """
    if settings.api_token_file is None:
        if settings.api_token is None:
            return None
        try:
            # bytes that aren't UTF-8 are surrogates in os.environ
            return _checked(os.fsencode(settings.api_token))
        except _Unfit as error:
            raise ConfigError([Problem("ORCASTRA_API_TOKEN", _EXPECTED, str(error))]) from None
    if settings.api_token is not None:
        expected = "either ORCASTRA_API_TOKEN or ORCASTRA_API_TOKEN_FILE"
        raise ConfigError([Problem("ORCASTRA_API_TOKEN_FILE", expected, "both")])
    try:
        found, _status = read_regular_file(settings.api_token_file, FLAGS)
        return _checked(found)
    except (OSError, _Unfit) as error:
        reason = getattr(error, "strerror", None) or error
        expected = f"{_EXPECTED} in {settings.api_token_file}"
        raise ConfigError([Problem("ORCASTRA_API_TOKEN_FILE", expected, str(reason))]) from None


def own_token(folder: Path) -> bytes | None:
    """Return the token stored in ``folder``, or a new one if there is none or others may have read it.

    Returns None, with a warning, if the folder can't store it.
    """
    path = folder / FILE_NAME
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            token = _kept(path)
        except FileNotFoundError:
            token = _make(path, replace=False)
        except _Unfit as error:
            log.warning("api token replaced", file=str(path), reason=str(error))
            token = _make(path, replace=True)
    except (OSError, _Unfit) as error:
        log.warning(
            "writes over http disabled",
            summary="the state folder can't store a token; set ORCASTRA_API_TOKEN",
            file=str(path),
            error=getattr(error, "strerror", None) or str(error),
        )
        return None
    log.debug("api token loaded", file=str(path))
    return token


def _kept(path: Path) -> bytes:
    """Return the stored token. Raises OSError if the file isn't ours, _Unfit if it must be replaced."""
    found, status = read_regular_file(path, FLAGS | os.O_NOFOLLOW)
    if status.st_uid != os.geteuid():
        raise PermissionError(None, f"the file belongs to user {status.st_uid}")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise _Unfit("users other than the owner can read or change the file")
    return _checked(found)


def _make(path: Path, *, replace: bool) -> bytes:
    token = secrets.token_urlsafe(32).encode()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(token + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
            return token
        path.hardlink_to(temporary)
    except FileExistsError:
        # another instance created it first
        return _kept(path)
    finally:
        temporary.unlink(missing_ok=True)
    return token


def read_regular_file(path: Path, flags: int, limit: int = MAX_BYTES) -> tuple[bytes, os.stat_result]:
    """Return at most ``limit`` + 1 bytes of a file, and its status. Raises OSError."""
    handle = os.open(path, flags)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(None, "not a regular file")
        return file.read(limit + 1), status


def _checked(found: bytes) -> bytes:
    if len(found) > MAX_BYTES:
        raise _Unfit(f"more than {MAX_BYTES} bytes")
    try:
        text = found.decode().strip()
    except UnicodeDecodeError:
        raise _Unfit("bytes that are not UTF-8") from None
    if not text:
        raise _Unfit("nothing")
    if not text.isprintable():
        raise _Unfit("several lines or control characters")
    return text.encode()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a small text file whose path the user has set. Pipes, devices and large files are rejected."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import os
import stat
from pathlib import Path

from .._model.errors import OrcastraError, ProblemCode


class FileError(OrcastraError):
    """A file that cannot be used. The text is ``expected …, found …``."""

    def __init__(self, expected: str, found: str, code: ProblemCode = "unreadable") -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found
        self.code: ProblemCode = code


def read_small_text(path: Path, max_bytes: int) -> str:
    """The content of a UTF-8 file. Raises FileError, or FileNotFoundError if there is no file."""
    try:
        # without O_NONBLOCK, opening a pipe would wait for a writer
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(str(path)) from None
    except OSError as error:
        raise FileError("a readable file", error.strerror or str(error)) from error
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise FileError("a file", "a directory" if stat.S_ISDIR(mode) else "a pipe or a device")
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise FileError("a readable file", error.strerror or str(error)) from error
    finally:
        os.close(handle)
    if len(content) > max_bytes:
        raise FileError(f"a file of at most {max_bytes // 1024} KiB", "a larger one", "too_large")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError("UTF-8 text", "invalid bytes") from None

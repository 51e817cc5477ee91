# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a small text file that somebody has named: no pipe, no device, nothing without an end."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import os
import stat
from pathlib import Path

from .._model.errors import OrcastraError


def read_small_text(path: Path, max_bytes: int) -> str:
    """The content. Raises OrcastraError whose text is ``expected …, found …``; FileNotFoundError."""
    try:
        # opening a pipe would wait for whoever writes to it
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(str(path)) from None
    except OSError as error:
        raise OrcastraError(f"expected a file that can be read, found {error.strerror or error}") from error
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            found = "a directory" if stat.S_ISDIR(mode) else "something else (a pipe or a device)"
            raise OrcastraError(f"expected a file, found {found}")
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise OrcastraError(f"expected a file that can be read, found {error.strerror or error}") from error
    finally:
        os.close(handle)
    if len(content) > max_bytes:
        raise OrcastraError(f"expected a file of at most {max_bytes // 1024} KiB, found a larger one")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OrcastraError("expected text in UTF-8, found something else") from None

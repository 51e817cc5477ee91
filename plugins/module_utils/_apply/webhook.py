# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell a webhook."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.urls import open_url

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError

TIMEOUT_SECONDS = 10


def tell(url: str, message: Mapping[str, Any]) -> None:
    """POST ``message`` as JSON. Raises OrcastraError, in which of the URL no more than the host is told."""
    try:
        open_url(
            url,
            data=json.dumps(message).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
            timeout=TIMEOUT_SECONDS,
        ).read()
    except Exception as error:  # noqa: BLE001 - urllib, ssl and http have no base class in common
        # the path of a webhook is its password
        raise OrcastraError(f"webhook at {_host(url)}: {type(error).__name__}{_status(error)}") from None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "an address without a host"
    except ValueError:
        return "an address that is none"


def _status(error: Exception) -> str:
    code = getattr(error, "code", None)
    reason = getattr(error, "reason", None)
    return f" {code}" if code is not None else (f": {reason}" if reason is not None else "")

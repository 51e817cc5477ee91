# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A line of the JSON log as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import text_of


def sentence(entry: Mapping[str, Any]) -> str:
    """``event: what``, or the text of the ``message``, as the text format shows it."""
    if entry.get("message"):
        return text_of(entry["message"])
    return f"{entry['event']}: {text_of(entry['summary'])}" if entry.get("summary") else str(entry["event"])

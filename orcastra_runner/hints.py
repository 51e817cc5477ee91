# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do about an error, on the line after it."""

from __future__ import annotations

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    AccessDenied,
    EngineUnreachable,
    MissingLibrary,
    NotAManager,
)

DOCTOR_HINT = "to find the cause and a fix, run `orcastra doctor`"

# errors of the connection to the engine, which ``orcastra doctor`` explains
CONNECTION_ERRORS = (AccessDenied, EngineUnreachable, MissingLibrary, NotAManager)

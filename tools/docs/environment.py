# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference page of environment variables, from the fields of the runner's ``Settings``."""

from __future__ import annotations

import re

from orcastra_runner.settings import VARIABLES
from orcastra_runner.values import Variable
from tools.docs.markdown import code, escape, page, sentence, table

# The first pattern that matches the name decides the section of a variable.
SECTIONS = (
    ("Container health", r"(ORCASTRA_)?AUTOHEAL_|WEBHOOK_URL"),
    ("Notifications", r"NOTIFY_"),
    ("Pruning", r"(ORCASTRA_)?GC_"),
    ("Mods", r"MOD_MANAGER_|ORCASTRA_MANAGER_HOST"),
    ("HTTP: page, API and metrics", r"ORCASTRA_(HTTP|API)_"),
    ("Files", r"ORCASTRA_(CONFIG|STATE)_DIR|.*_FILE$|REBALANCE_CONFIG"),
    ("Hosts", r"ORCASTRA_(INVENTORY|REMOTE_HOSTS)"),
    ("Logs and playbooks", r"DEBUG|ORCASTRA_(LOG_FORMAT|PLAYBOOK_TIMEOUT|ARTIFACTS_DIR|KEEP_ARTIFACTS)"),
    ("Reconciliation", r".*"),
)
_PARENTHESES = re.compile(r" \(.*?\)")
INTRODUCTION = """\
`orcastra run` and the other commands read these variables. Options of the command line override them. An
empty variable counts as unset. Instead of true and false, you can write 1 and 0, yes and no, or on and off.
A wrong value stops Orcastra with exit code 2, and all wrong values are reported at once. An unknown
variable that starts with `ORCASTRA_` is reported as a warning.

`orcastra help environment` prints the same list. The connection to the engine is configured with
`DOCKER_HOST`, `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH` and `DOCKER_TIMEOUT`, as for Docker's own command
line; see the [variables of the connection](collection/environment_variables.rst)."""


def section_of(variable: Variable) -> str:
    """Return the title of the section that lists a variable."""
    return next(title for title, pattern in SECTIONS if re.match(pattern, variable.name))


def environment() -> str:
    blocks = []
    titles = ["Reconciliation", *(title for title, _pattern in SECTIONS if title != "Reconciliation")]
    for title in titles:
        rows = [
            [
                code(variable.name),
                code(variable.shown_default),
                escape(_PARENTHESES.sub("", variable.expected)),
                escape(sentence(variable.help)),
            ]
            for variable in VARIABLES
            if section_of(variable) == title
        ]
        blocks += [f"## {title}", table(["Variable", "Default", "Value", "Meaning"], rows)]
    return page("Environment variables", INTRODUCTION, *blocks)

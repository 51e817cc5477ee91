# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a result that Ansible reads itself, so that no module may put anything else there.

``changed``, ``diff``, ``msg`` and ``warnings`` are missing: modules return them in Ansible's sense.
"""

from __future__ import annotations

RESERVED = frozenset(
    {
        "ansible_facts",
        "ansible_job_id",
        "ansible_no_log",
        "attempts",
        "censored",
        "cmd",
        "delta",
        "deprecations",
        "end",
        "exception",
        "failed",
        "failed_when_result",
        "finished",
        "invocation",
        "item",
        "module_stderr",
        "module_stdout",
        "rc",
        "results",
        "retries",
        "skip_reason",
        "skipped",
        "start",
        "stderr",
        "stderr_lines",
        "stdout",
        "stdout_lines",
        "unreachable",
    }
)
# values that Ansible's own part of a module returns under these keys
OF_EVERY_MODULE = frozenset({"deprecations", "exception", "failed", "invocation"})

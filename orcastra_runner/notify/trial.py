# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra notify``: lists the targets of notifications, or sends a test message to each."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from typing import Any

from orcastra_runner import log
from orcastra_runner.notify.letter import trial_letter
from orcastra_runner.notify.targets import Target, configured_targets, send_to_all
from orcastra_runner.report import to_json
from orcastra_runner.settings import Settings, UsageError
from orcastra_runner.terminal import terminal_of


def show_targets(settings: Settings, *, as_json: bool) -> bool:
    """Print the targets and the rules. Returns True."""
    log.configure(settings.log_format, debug=settings.debug)
    targets = _targets(settings)
    rules = {
        "level": settings.notify_level,
        "moves": settings.notify_moves,
        "interval_seconds": settings.notify_interval,
    }
    if as_json:
        sys.stdout.write(f"{to_json({'targets': [_data(one) for one in targets], **rules})}\n")
        return True
    moves = "with moves" if settings.notify_moves else "without moves"
    interval = f"{settings.notify_interval:g} s"
    lines = [
        f"Level {settings.notify_level}, {moves}, at most one message to each target in {interval}. Targets:",
        *(f"  {target.name}" for target in targets),
        "Next: run `orcastra notify --test` to send a test message to each.",
    ]
    _show(lines)
    return True


def test_targets(settings: Settings, *, as_json: bool) -> bool:
    """Send a test message to each target, and print the result of each. Returns whether all succeeded."""
    log.configure(settings.log_format, debug=settings.debug)
    targets = _targets(settings)
    letter = trial_letter(socket.gethostname())
    results = send_to_all([(target, letter) for target in targets])
    if as_json:
        found = [
            {**_data(target), "sent": problem is None, "error": problem}
            for target, problem in results.items()
        ]
        sys.stdout.write(f"{to_json({'targets': found})}\n")
    else:
        _show(
            f"{target.name}: {'sent' if problem is None else f'failed: {problem}'}"
            for target, problem in results.items()
        )
    return not any(results.values())


def _targets(settings: Settings) -> tuple[Target, ...]:
    targets = configured_targets(settings)
    if not targets:
        raise UsageError(
            "notify: expected Apprise URLs in NOTIFY_URLS or NOTIFY_URLS_FILE, found none. "
            "An example: NOTIFY_URLS=ntfy://my-topic orcastra notify --test"
        )
    return targets


def _data(target: Target) -> dict[str, Any]:
    return {"position": target.position, "schema": target.schema}


def _show(lines: Iterable[str]) -> None:
    terminal = terminal_of(sys.stdout)
    sys.stdout.write("".join(f"{terminal.show(line)}\n" for line in lines))

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When to try again: a ladder of pauses for each service, remembered in the state."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts

# Why a follower is moved. One that was only misplaced is in order again as soon as it is in place.
MISPLACED = "not beside its anchor"

# What has failed is in order again once it has run for so long; else it would never be given up.
CALM_SECONDS = 30.0


def next_attempt(attempts: Attempts | None, reason: str, now: float) -> Attempts:
    """What is remembered once something is tried again."""
    if attempts is None:
        return Attempts(count=1, last=now, since=now, reason=reason)
    return replace(attempts, count=attempts.count + 1, last=now, reason=reason)


def wait_seconds(attempts: Attempts | None, intervals: tuple[float, ...], now: float) -> float:
    """How long to wait before the next attempt; 0 where it may be made now.

    The first attempt is free, the pause before the next is the first of ``intervals``, and so on.
    """
    if attempts is None:
        return 0.0
    pause = intervals[max(min(attempts.count, len(intervals)), 1) - 1]
    # a clock that was set back does not make it longer
    return min(pause, max(0.0, attempts.last + pause - now))


def forget_seconds(attempts: Attempts, intervals: tuple[float, ...], now: float) -> float:
    """How long what was tried is still remembered for a service that is in order; 0: it may be forgotten.

    Never before its pause is over, so that an anchor which keeps moving is followed ever more slowly.
    """
    seconds = wait_seconds(attempts, intervals, now)
    if attempts.reason == MISPLACED or attempts.given_up is not None:
        return seconds
    return max(seconds, min(CALM_SECONDS, attempts.last + CALM_SECONDS - now))


def exhausted(
    attempts: Attempts | None, intervals: tuple[float, ...], longest: float, now: float
) -> str | None:
    """Why nothing more is to be tried, or None. ``longest``: seconds after which to give up in any case.

    After the last interval has passed without success there is no further attempt.
    """
    if attempts is None:
        return None
    if attempts.count > len(intervals):
        return f"tried {attempts.count} times without success"
    if now - attempts.since > longest and wait_seconds(attempts, intervals, now) == 0:
        return f"not in order for {round(now - attempts.since)} seconds, after {attempts.count} attempts"
    return None

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When to try again: a ladder of pauses for each service, kept in the saved state."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace

from ..._model.reasons import Reason
from ..._model.state import Attempts

# Why a follower is moved, and why it is restarted with its anchor. Nothing of it has failed then: it is in
# order again as soon as it is in place and runs.
MISPLACED = Reason("misplaced")
ANCHOR_RESTARTED = Reason("anchor_restarted")
NO_FAILURES = (MISPLACED, ANCHOR_RESTARTED)

# What has failed is in order again once it has run for so long; else it would never be given up.
CALM_SECONDS = 30.0


def next_attempt(attempts: Attempts | None, reason: Reason, now: float) -> Attempts:
    """What is remembered once something is tried again. That the service had failed is not forgotten."""
    if attempts is None:
        return Attempts(count=1, last=now, since=now, reason=reason)
    if reason in NO_FAILURES and attempts.reason not in NO_FAILURES:
        reason = attempts.reason
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

    A move that succeeded is no attempt that failed: the next one begins anew. What had failed may fail again,
    and is remembered until its pause is over.
    """
    if attempts.reason in NO_FAILURES:
        return 0.0
    if attempts.given_up is not None:
        return wait_seconds(attempts, intervals, now)
    return calm_seconds(attempts, intervals, now)


def calm_seconds(attempts: Attempts, intervals: tuple[float, ...], now: float) -> float:
    """How long what has failed has yet to run until it is in order again."""
    # a time that is still to come, of a clock that was ahead, must not hold anything up
    calm = min(CALM_SECONDS, attempts.last + CALM_SECONDS - now)
    return max(wait_seconds(attempts, intervals, now), calm)


def exhausted(
    attempts: Attempts | None, intervals: tuple[float, ...], longest: float, now: float
) -> Reason | None:
    """Why to give up, or None. ``longest``: seconds after which to give up in any case.

    After the last interval has passed without success there is no further attempt.
    """
    if attempts is None:
        return None
    if attempts.count > len(intervals):
        return Reason("attempts_exhausted", count=attempts.count)
    if now - attempts.since > longest and wait_seconds(attempts, intervals, now) == 0:
        return Reason("give_up_time_over", seconds=round(now - attempts.since), count=attempts.count)
    return None

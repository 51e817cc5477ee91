# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backoff: growing pauses between the attempts for each service, kept in the saved state."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace

from ..._model.reasons import Reason
from ..._model.state import Attempts

# Reasons for an attempt without a failure: a follower is moved, or restarted with its anchor. The service is
# healthy again as soon as it is in place and runs.
MISPLACED = Reason("misplaced")
ANCHOR_RESTARTED = Reason("anchor_restarted")
NO_FAILURES = (MISPLACED, ANCHOR_RESTARTED)

# A failed service is healthy again after it has run for this long. A shorter time would never let it be given
# up.
CALM_SECONDS = 30.0


def next_attempt(attempts: Attempts | None, reason: Reason, now: float) -> Attempts:
    """Return the attempts after one more. An earlier failure of the service is kept."""
    if attempts is None:
        return Attempts(count=1, last=now, since=now, reason=reason)
    if reason in NO_FAILURES and attempts.reason not in NO_FAILURES:
        reason = attempts.reason
    return replace(attempts, count=attempts.count + 1, last=now, reason=reason)


def wait_seconds(attempts: Attempts | None, intervals: tuple[float, ...], now: float) -> float:
    """Return how long to wait before the next attempt; 0 if it is due.

    The first attempt has no pause. The pause before the second is the first of ``intervals``, and so on.
    """
    if attempts is None:
        return 0.0
    pause = intervals[max(min(attempts.count, len(intervals)), 1) - 1]
    # a clock that was set back must not make the pause longer
    return min(pause, max(0.0, attempts.last + pause - now))


def forget_seconds(attempts: Attempts, intervals: tuple[float, ...], now: float) -> float:
    """Return how long to keep the attempts of a healthy service; 0 if they may be forgotten now.

    A successful move is not a failed attempt, so it is forgotten. A service that failed may fail again, so
    its attempts are kept until the pause is over.
    """
    if attempts.reason in NO_FAILURES:
        return 0.0
    if attempts.given_up is not None:
        return wait_seconds(attempts, intervals, now)
    return calm_seconds(attempts, intervals, now)


def calm_seconds(attempts: Attempts, intervals: tuple[float, ...], now: float) -> float:
    """Return how much longer a failed service must run until it counts as healthy."""
    # a time in the future, from a clock that was ahead, must not delay anything
    calm = min(CALM_SECONDS, attempts.last + CALM_SECONDS - now)
    return max(wait_seconds(attempts, intervals, now), calm)


def exhausted(
    attempts: Attempts | None, intervals: tuple[float, ...], longest: float, now: float
) -> Reason | None:
    """Return why to give up, or None. ``longest``: seconds after which to give up in any case.

    After the last interval has passed without success, there are no more attempts.
    """
    if attempts is None:
        return None
    if attempts.count > len(intervals):
        return Reason("attempts_exhausted", count=attempts.count)
    if now - attempts.since > longest and wait_seconds(attempts, intervals, now) == 0:
        return Reason("give_up_time_over", seconds=round(now - attempts.since), count=attempts.count)
    return None

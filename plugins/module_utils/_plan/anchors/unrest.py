# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unrest: anchors that keep moving, and followers that something else keeps moving away.

Each move interrupts a follower. If the user moves an anchor, even several times in a row, its followers move
immediately. But some moves are signs of unrest:

- An anchor moves again before its followers have arrived, or it had failed on its node.
- A follower must be moved to the same nodes again although its anchor has stayed there.

After several signs within some minutes, or many moves of any kind, the follower moves at most once a minute
until the anchor has stayed on its node for a while.

"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace

from ..._model.reasons import Reason
from ..._model.snapshot import Service, SwarmSnapshot
from ..._model.state import State
from ..._model.track import MAX_TIMES, SetTrack, Track
from ..scheduling.finished import ENDED
from .anchor import ANCHOR_VALUE
from .groups import AnchorGroup, Follower

# After more signs of unrest, or more moves, than this within so many seconds,
CALM_SIGNS = 5
CALM_MOVES = 12
WINDOW_SECONDS = 600.0
# the next move of a follower waits for this long after its previous one,
PAUSE_SECONDS = 60.0
# unless its anchor has not moved for this long.
REST_SECONDS = 30.0


def watch_anchors(
    snapshot: SwarmSnapshot, groups: tuple[AnchorGroup, ...], state: State, now: float
) -> tuple[SetTrack, ...]:
    """Return the edits for anchors that are on other nodes than in the last cycle."""
    found = []
    for group in groups:
        anchor, place = group.place.service, group.place
        if anchor is None or not place.settled or not place.on or not group.followers:
            continue
        track = state.tracks.get(anchor.id)
        before = frozenset(track.nodes) if track is not None else _labelled(snapshot, group)
        on = frozenset(place.on)
        # skip anchors that have just appeared or were only scaled
        if not before - on or not on - before:
            continue
        is_sign = _has_failed(snapshot, anchor) or not _had_arrived(group, state, before)
        found.append(_with_move(anchor, on, track, now, is_sign=is_sign))
    return tuple(found)


def with_unrest(groups: tuple[AnchorGroup, ...], state: State, now: float) -> tuple[AnchorGroup, ...]:
    """Return the groups; those whose anchor keeps moving have the reason why their followers wait."""
    return tuple(replace(group, unrest=_unrest(group, state, now)) for group in groups)


def wait_for_rest(groups: Iterable[AnchorGroup], service: Service, state: State, now: float) -> float:
    """Return how long the follower ``service`` of these groups must wait before its next move; 0 if it may
    move."""
    own = state.tracks.get(service.id)
    pause = max(0.0, own.last + PAUSE_SECONDS - now) if own is not None and own.last <= now else 0.0
    waits = [0.0]
    if is_restless(own, now):
        waits.append(pause)
    for group in groups:
        anchor = group.place.service
        if group.unrest is not None and anchor is not None:
            waits.append(min(pause, state.tracks[anchor.id].last + REST_SECONDS - now))
    return max(waits)


def moved(
    groups: Iterable[AnchorGroup], service: Service, nodes: Iterable[str], state: State, now: float
) -> SetTrack:
    """Return the edit to save when a move of the follower ``service`` to ``nodes`` begins."""
    targets = frozenset(nodes)
    own = state.tracks.get(service.id)
    anchors = {group.place.service.id for group in groups if group.place.service is not None}
    followed = max((state.tracks[key].last for key in anchors & state.tracks.keys()), default=0.0)
    is_sign = own is not None and followed <= own.last and frozenset(own.nodes) == targets
    # the track of the anchor counts how often it is followed
    return _with_move(service, targets, own, now, is_sign=is_sign, counts=False)


def restarted(
    snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower, state: State, now: float
) -> SetTrack:
    """Return the edit to save when the follower is restarted with its anchor.

    It is a sign of unrest if no one has restarted the anchor, but it keeps failing.
    """
    own, anchor = state.tracks.get(follower.service.id), group.place.service
    is_sign = anchor is not None and _has_failed(snapshot, anchor)
    nodes = own.nodes if own is not None else ()
    return _with_move(follower.service, nodes, own, now, is_sign=is_sign)


def is_restless(track: Track | None, now: float) -> bool:
    """Return whether the service keeps moving."""
    if track is None:
        return False
    return len(_recent(track.restless, now)) > CALM_SIGNS or len(_recent(track.moves, now)) > CALM_MOVES


def _unrest(group: AnchorGroup, state: State, now: float) -> Reason | None:
    anchor = group.place.service
    track = state.tracks.get(anchor.id) if anchor is not None else None
    if anchor is None or track is None or not is_restless(track, now):
        return None
    if not 0 <= now - track.last < REST_SECONDS:
        return None
    return Reason("anchor_keeps_moving", anchor=anchor.name, pause=PAUSE_SECONDS, rest=REST_SECONDS)


def _with_move(
    service: Service,
    nodes: Iterable[str],
    track: Track | None,
    now: float,
    *,
    is_sign: bool,
    counts: bool = True,
) -> SetTrack:
    """Return the edit that adds a move to the service's track. ``is_sign``: whether it is a sign of
    unrest."""
    track = track or Track((), now)
    moves = (*_recent(track.moves, now), *((now,) if counts else ()))
    signs = (*_recent(track.restless, now), *((now,) if is_sign else ()))
    return SetTrack(service.id, Track(tuple(sorted(nodes)), now, moves[-MAX_TIMES:], signs[-MAX_TIMES:]))


def _recent(times: Iterable[float], now: float) -> tuple[float, ...]:
    return tuple(time for time in times if 0 <= now - time < WINDOW_SECONDS)


def _labelled(snapshot: SwarmSnapshot, group: AnchorGroup) -> frozenset[str]:
    """Return the IDs of the nodes with the anchor's label, as set in the last cycle."""
    key = group.dependency.label
    return frozenset(node.id for node in snapshot.nodes if node.labels.get(key) == ANCHOR_VALUE)


def _has_failed(snapshot: SwarmSnapshot, anchor: Service) -> bool:
    """Return whether the anchor's last task ended by itself or was lost, instead of being moved."""
    ended = [task for task in snapshot.tasks_of(anchor) if not task.should_run]
    if not ended:
        return False
    last = max(ended, key=lambda task: task.created)
    node = snapshot.node_by_id.get(last.node_id or "")
    return (last.state in ENDED and last.state != "shutdown") or node is None or node.is_down


def _had_arrived(group: AnchorGroup, state: State, before: Set[str]) -> bool:
    """Return whether all followers that can follow were on the previous nodes of the anchor."""
    return all(
        _is_on(follower, state, before)
        for follower in group.followers
        if follower.is_led_by(group.dependency)
        if follower.service.is_replicated and not follower.runs_to_its_end
        if follower.can_follow and not _is_given_up(follower, state)
    )


def _is_on(follower: Follower, state: State, node_ids: Set[str]) -> bool:
    move = state.moves.get(follower.service.id)
    if move is not None and move.replicas is not None and follower.service.replicas == 0:
        return False  # it was scaled to 0 to get there
    return follower.is_complete and all(task.node_id in node_ids for task in follower.desired)


def _is_given_up(follower: Follower, state: State) -> bool:
    attempts = state.attempts.get(follower.service.id)
    return attempts is not None and attempts.given_up is not None

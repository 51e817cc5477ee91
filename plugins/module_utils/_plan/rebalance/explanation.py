# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Explain the decisions of ``selection``: what moves and why, and why everything else stays."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..._model.reasons import Reason
from ..._model.rules import GB
from .hosts import Host
from .search import Refusal, RefusalKind
from .selection import Chosen, MemoryChoice, MoveSelector, TargetVerdict, Verdict
from .units import MoveUnit

CHOSEN = "chosen"
POSSIBLE = "possible"
REJECTED = "rejected"


@dataclass(frozen=True)
class Candidate:
    """A unit and the verdict on it: CHOSEN, POSSIBLE (another is better) or REJECTED, with its reasons.

    ``services``: the names of its services.
    """

    title: str
    node: str
    memory_bytes: int | None
    verdict: str
    reasons: tuple[Reason, ...] = field(default=())
    services: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.title} on {self.node}: {'; '.join(map(str, self.reasons))}"

    def to_data(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "node": self.node,
            "memory_bytes": self.memory_bytes,
            "verdict": self.verdict,
            "reasons": [reason.to_data() for reason in self.reasons],
        }


def candidates(selector: MoveSelector, chosen: Iterable[Chosen]) -> tuple[Candidate, ...]:
    """Return all units with their verdicts, by descending pressure of their hosts."""
    picked = {(one.unit.lead.id, one.unit.node.id): one for one in chosen}
    return tuple(
        _candidate(selector, verdict, picked.get((verdict.unit.lead.id, verdict.unit.node.id)))
        for verdict in selector.verdicts()
    )


def why(picked: Chosen) -> tuple[Reason, ...]:
    """Return why a move was chosen."""
    choice, unit = picked.choice, picked.unit
    reasons = []
    if isinstance(choice, MemoryChoice):
        source, target = choice.source, choice.target
        reasons.append(Reason("memory_gap", seconds=choice.elapsed_seconds, **_gap(source, target)))
        memory = unit.memory_bytes or 0
        reasons.append(Reason("memory_predicted", memory=memory, **_predicted(unit, source, target)))
        if choice.following:
            reasons.append(Reason("first_of_moves", count=choice.following + 1))
        if choice.was_planned:
            reasons.append(Reason("planned_with_last_move"))
    else:
        preferred, current = picked.target.hostname, unit.node.hostname
        reasons.append(Reason("not_on_preferred_node", preferred=preferred, current=current))
        reasons.append(
            Reason(
                "pressure_stays_below_worst",
                host=choice.target.name,
                share=_share(choice.after),
                worst=_share(choice.worst),
            )
        )
    reasons += [reported.reason for _name, reported in sorted(unit.volumes.items())]
    if len(picked.constraints) > 1:
        excluded = len(picked.constraints) - 1
        reasons.append(Reason("nodes_excluded", count=excluded, node=picked.target.hostname))
    return tuple(reasons)


def why_not(selector: MoveSelector, picked: Chosen, most: int) -> tuple[Reason, ...]:
    """Return why the other units on the same host were not chosen."""
    verdicts = selector.verdicts_on(selector.host_of[picked.unit.node.id])
    others = (verdict for verdict in verdicts if verdict.unit is not picked.unit)
    return tuple(_not_moved(selector, verdict) for verdict in islice(others, most))


def why_nothing(selector: MoveSelector, most: int) -> list[Reason]:
    """Return why nothing moves although there is a gap; empty without a gap."""
    worst = next((host for host in selector.hosts if host.name in selector.since), None)
    if worst is None:
        return []
    gap = _gap(worst, selector.hosts[-1])
    # round, because measurements are noisy and a note that reads the same is not repeated
    gap["gap"] = round(gap["gap"] / GB, 1) * GB
    seconds = selector.elapsed_seconds(worst)
    if worst.busy is not None:
        return [Reason("gap_on_busy_host", reason=worst.busy, seconds=seconds, **gap)]
    if not selector.has_lasted(worst):
        needed = selector.rules.sustained_seconds
        return [Reason("gap_must_last", needed=needed, seconds=seconds, **gap)]
    verdicts = islice(selector.verdicts_on(worst), most)
    return [
        Reason("gap_without_remedy", seconds=seconds, **gap),
        *(_not_moved(selector, verdict) for verdict in verdicts),
    ]


def _not_moved(selector: MoveSelector, verdict: Verdict) -> Reason:
    unit = verdict.unit
    reasons = _candidate(selector, verdict, None).reasons
    return Reason("unit_not_moved", unit=unit.title, node=unit.node.hostname, reasons=reasons)


def _candidate(selector: MoveSelector, verdict: Verdict, picked: Chosen | None) -> Candidate:
    unit, target = verdict.unit, verdict.best_target
    reasons: tuple[Reason, ...]
    if picked is not None:
        word, reasons = CHOSEN, (Reason("chosen_to_move", node=picked.target.hostname),)
    elif target is not None and verdict.source is not None and verdict.has_lasted:
        predicted = _predicted(unit, verdict.source, target.host)
        word, reasons = POSSIBLE, (Reason("other_move_better", **predicted),)
    else:
        word, reasons = REJECTED, _refusals(verdict)
    preference = selector.preference_refusal(unit)
    if preference is not None and picked is None:
        node, reason = preference
        reasons = (*reasons, Reason("preferred_node_refused", node=node.hostname, reason=reason))
    names = tuple(member.name for member in unit.members)
    return Candidate(unit.title, unit.node.hostname, unit.memory_bytes, word, reasons, names)


def _refusals(verdict: Verdict) -> tuple[Reason, ...]:
    if verdict.refused is not None:
        return (verdict.refused,)
    if verdict.best_target is not None:
        return (Reason("gap_too_recent"),)
    reasons = [
        Reason("target_refused", host=target.host.name, reason=reason)
        for target in verdict.targets
        for reason in _target_refusals(verdict.unit, target)
    ]
    return tuple(reasons) or (Reason("no_other_host"),)


def _target_refusals(unit: MoveUnit, target: TargetVerdict) -> tuple[Reason, ...]:
    if target.busy is not None:
        return (target.busy,)
    if target.refusal is not None:
        return (_too_little(unit, target.refusal),)
    return target.obstacles


def _too_little(unit: MoveUnit, refusal: Refusal) -> Reason:
    memory = unit.memory_bytes or 0
    if refusal.kind is RefusalKind.NO_GAP:
        return Reason("pressure_not_lower")
    if refusal.kind is RefusalKind.SMALL_GAP:
        return Reason("gap_too_small", gap=refusal.found, needed=refusal.needed)
    if refusal.kind is RefusalKind.REVERSES_GAP:
        return Reason("gap_would_reverse", memory=memory)
    return Reason("gain_too_small", memory=memory, gain=refusal.found, needed=refusal.needed)


def _gap(source: Host, target: Host) -> dict[str, Any]:
    return {
        "source": source.name,
        "source_share": _share(source.pressure),
        "target": target.name,
        "target_share": _share(target.pressure),
        "gap": source.gap_to(target),
    }


def _predicted(unit: MoveUnit, source: Host, target: Host) -> dict[str, Any]:
    used = unit.memory_bytes or 0
    return {
        "source": source.name,
        "source_share": _share((source.used_bytes - used) / source.total_bytes),
        "target": target.name,
        "target_share": _share((target.used_bytes + used) / target.total_bytes),
    }


def _share(share: float) -> float:
    """Round to a whole percent."""
    return round(share, 2)

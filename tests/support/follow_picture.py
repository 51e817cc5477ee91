# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run as a picture: what ran on which host when, what happened, and what was logged, as a page of HTML.

Times are seconds since whatever the run is about, such as a host that loses its power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

MARK_PIXELS, CHART_PIXELS = 22.0, 820.0


@dataclass(frozen=True)
class Bar:
    """Something was in a lane of a host from ``start`` to ``end``. ``kind``: its class in the style sheet."""

    host: str
    lane: str
    text: str
    start: float
    end: float
    kind: str


@dataclass(frozen=True)
class Mark:
    """Something happened."""

    at: float
    text: str


@dataclass(frozen=True)
class Said:
    """A line of the log."""

    at: float
    what: str
    why: str = ""


@dataclass(frozen=True)
class Run:
    """What is shown, from ``start`` to ``end``; ``lanes`` are those of each host."""

    title: str
    about: str
    start: float
    end: float
    hosts: Sequence[str]
    lanes: Sequence[str]
    bars: Sequence[Bar]
    marks: Sequence[Mark]
    log: Sequence[Said]

    def percent(self, at: float) -> str:
        """Where a time is on the axis."""
        at = min(max(at, self.start), self.end)
        return f"{(at - self.start) / (self.end - self.start) * 100:.2f}%"


def page(run: Run) -> str:
    """The whole page. It needs nothing else, and is dark where the reader's screen is."""
    hosts = "".join(_host(run, host) for host in run.hosts)
    seconds = range(-(-int(run.start) // 2) * 2, int(run.end) + 1, 2)
    ticks = "".join(f'<i style="left:{run.percent(at)}">{at}</i>' for at in seconds)
    lines = "".join(f'<b style="left:{run.percent(mark.at)}"></b>' for mark in run.marks)
    told = "".join(
        f"<li><span>{number}</span><em>{mark.at:.1f} s</em>{escape(mark.text)}</li>"
        for number, mark in enumerate(run.marks, start=1)
    )
    log = "".join(
        f"<li><em>{said.at:+.1f} s</em><p>{escape(said.what)}"
        + (f"<small>{escape(said.why)}</small>" if said.why else "")
        + "</p></li>"
        for said in run.log
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(run.title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(run.title)}</h1><p class=about>{escape(run.about)}</p>"
        f"<div class=chart><div class=numbers>{_numbers(run)}</div>{hosts}"
        f"<div class=axis>{ticks}</div><div class=lines>{lines}</div></div>"
        f"<ol class=marks>{told}</ol><h2>The log of <code>orcastra run</code></h2>"
        f"<ol class=log>{log}</ol></html>"
    )


def _host(run: Run, host: str) -> str:
    def shown(lane: str) -> str:
        return "".join(_bar(run, bar) for bar in run.bars if (bar.host, bar.lane) == (host, lane))

    # of a host without any of it one line is enough
    is_empty = not any(bar.host == host and bar.lane for bar in run.bars)
    lanes = "".join(f"<div class=lane>{shown(lane)}</div>" for lane in run.lanes[: 1 if is_empty else None])
    return f"<section><h3>{escape(host)}</h3><div class=lanes>{shown('')}{lanes}</div></section>"


def _bar(run: Run, bar: Bar) -> str:
    left, right = run.percent(bar.start), run.percent(bar.end)
    style = f"left:{left};width:calc({right} - {left})"
    return f'<div class="bar {bar.kind}" style="{style}">{escape(bar.text)}</div>'


def _numbers(run: Run) -> str:
    """The marks' numbers, one above the other where they would cover each other."""
    found, last, level = [], float("-inf"), 0
    for number, mark in enumerate(run.marks, start=1):
        pixels = (mark.at - run.start) / (run.end - run.start) * CHART_PIXELS
        level = level + 1 if pixels - last < MARK_PIXELS else 0
        last = pixels
        style = f"left:{run.percent(mark.at)};bottom:{level * MARK_PIXELS:.0f}px"
        found.append(f'<span style="{style}">{number}</span>')
    return "".join(found)


STYLE = """
:root { --back: #fff; --text: #1b2027; --soft: #59626e; --line: #d9dde3; --row: #f4f5f7; --mark: #b3261e;
  --db: #1f5c9e; --app: #1a7040; --cache: #805300; --on: #fff; --gone: #e3e6eb; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --text: #e6e9ed; --soft: #a0a9b5; --line: #333a43; --row: #161b22; --mark: #ff9189;
    --db: #7db7f2; --app: #6fce94; --cache: #f0c063; --on: #0d1117; --gone: #2b323b; }
}
* { box-sizing: border-box; margin: 0; padding: 0; }
body { width: 960px; padding: 20px; background: var(--back); color: var(--text);
  font: 15px/1.4 "DejaVu Sans", system-ui, sans-serif; }
h1 { font-size: 20px; }
h2 { font-size: 15px; margin: 16px 0 6px; }
.about { color: var(--soft); font-size: 13px; margin-bottom: 8px; }
.chart { position: relative; }
.numbers { position: relative; height: 46px; margin-left: 100px; }
.numbers span, .marks span { display: inline-block; width: 20px; height: 20px; border-radius: 50%;
  text-align: center; background: var(--mark); color: var(--on);
  font: bold 12px/20px "DejaVu Sans", sans-serif; }
.numbers span { position: absolute; margin-left: -10px; }
section { display: flex; background: var(--row); border-radius: 6px; margin-bottom: 6px; }
h3 { width: 100px; padding: 8px 12px; font-size: 15px; }
.lanes { position: relative; flex: 1; padding: 5px 0; overflow: hidden; border-radius: 0 6px 6px 0; }
.lane { position: relative; height: 22px; }
.bar { position: absolute; height: 18px; top: 2px; border-radius: 4px; padding: 0 7px; white-space: nowrap;
  overflow: hidden; font-size: 12px; line-height: 18px; background: var(--gone); color: var(--on);
  z-index: 1; }
.bar.db { background: var(--db); }
.bar.app { background: var(--app); }
.bar.cache { background: var(--cache); }
.bar.label { background: var(--row); color: var(--text); border: 1.5px solid var(--text); line-height: 15px;
  font-family: "DejaVu Sans Mono", monospace; }
.bar.off { top: 0; height: 100%; border-radius: 0; color: var(--soft); padding: 6px 10px; font-size: 13px;
  text-align: right; z-index: auto; }
.bar.note { width: auto !important; background: var(--row); color: var(--soft); top: 7px; font-size: 13px; }
.bar.believed { background: var(--row); color: var(--soft); border: 1.5px dashed var(--soft);
  line-height: 15px; }
.axis { position: relative; height: 22px; margin-left: 100px; color: var(--soft); font-size: 12px; }
.axis i { position: absolute; font-style: normal; transform: translateX(-50%); }
.lines { position: absolute; inset: 46px 0 22px 100px; pointer-events: none; }
.lines b { position: absolute; top: 0; bottom: 0; border-left: 1.5px solid var(--mark); opacity: .75; }
ol { list-style: none; }
em { font-style: normal; color: var(--soft); font-variant-numeric: tabular-nums; }
.marks { columns: 2; font-size: 14px; margin-top: 8px; }
.marks li { margin-bottom: 5px; break-inside: avoid; display: flex; align-items: baseline; gap: 8px; }
.marks em { width: 52px; text-align: right; }
code, .log { font-family: "DejaVu Sans Mono", monospace; }
.log { font-size: 12.5px; background: var(--row); border-radius: 6px; padding: 10px 14px; }
.log li { display: flex; gap: 14px; padding: 2px 0; }
.log em { width: 62px; text-align: right; flex: none; }
.log small { display: block; font-size: 12px; color: var(--soft); }
"""

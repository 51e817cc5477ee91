# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Combines the notifications for one target into one message."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import iso_time
from ansible_collections.orcastra.swarm.plugins.module_utils._model.notices import (
    ERROR,
    INFO,
    WARNING,
    Outgoing,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from orcastra_runner.notify.targets import Letter

# More lines than this only count. The services have their own limits; Apprise cuts or splits longer messages.
MAX_LINES = 20
MAX_TEXT_CHARACTERS = 600
MAX_TITLE_CHARACTERS = 100
SOLVED = "solved"


def letter_of(messages: Sequence[Outgoing], node: str) -> Letter:
    """Return the message that reports all ``messages``. ``node`` is the host name of the sender's node."""
    lines = [_line(one) for one in messages[:MAX_LINES]]
    if len(messages) > MAX_LINES:
        lines.append(Reason("notify_more", count=len(messages) - MAX_LINES).text)
    lines += ["", Reason("notify_sender", node=node).text]
    body = "\n".join(lines)
    return Letter(_harmless(_cut(_title(messages), MAX_TITLE_CHARACTERS)), _harmless(body), _level(messages))


def trial_letter(host: str) -> Letter:
    """Return a message for a test."""
    reason = Reason("notify_test", host=host)
    return Letter(_harmless(Reason("notify_title", text=reason.text).text), _harmless(reason.text), INFO)


def _title(messages: Sequence[Outgoing]) -> str:
    if len(messages) == 1:
        return Reason("notify_title", text=messages[0].reason.text).text
    solved = sum(one.solved for one in messages)
    problems = sum(not one.solved and one.level != INFO for one in messages)
    return Reason(
        "notify_title_several", problems=problems, solved=solved, events=len(messages) - solved - problems
    ).text


def _line(message: Outgoing) -> str:
    kind = SOLVED if message.solved else message.level
    text, time = _cut(message.reason.text, MAX_TEXT_CHARACTERS), iso_time(message.at)
    if message.repeat:
        return Reason("notify_line_repeated", level=kind, text=text, time=time).text
    return Reason("notify_line", level=kind, text=text, time=time).text


def _level(messages: Sequence[Outgoing]) -> str:
    """Return the type that Apprise shows as a color or symbol."""
    open_levels = {one.level for one in messages if not one.solved}
    if ERROR in open_levels:
        return "failure"
    if WARNING in open_levels:
        return "warning"
    return "success" if any(one.solved for one in messages) else "info"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _harmless(text: str) -> str:
    """Return the text without mentions: names and errors come from the swarm, and must not alert people."""
    return text.replace("@", "@\u200b")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference pages of reason codes and step actions, from the message catalogue and the step classes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from ansible_collections.orcastra.swarm.plugins.module_utils import messages
from ansible_collections.orcastra.swarm.plugins.module_utils._model import (
    deploy_steps,
    member_steps,
    mod_steps,
    node_steps,
    service_steps,
    steps,
)
from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import FORMATTER
from tools.docs.markdown import code, escape, page, sentence, table

MODULES = (steps, service_steps, deploy_steps, member_steps, node_steps, mod_steps)
REASONS_INTRODUCTION = """\
Each reason, warning and note of a plan has a code and parameters. Results of modules, the API, `--format
json` and the log carry the code, the parameters and the text. Write scripts against codes: the text may
change in any release. Words in italics are parameters."""
STEPS_INTRODUCTION = """\
A plan consists of steps. The field `action` of a step, and the label `action` of the metric
`orcastra_steps_total`, hold one of these names."""


def reasons() -> str:
    blocks = []
    for catalogue in messages.CATALOGUES:
        title = re.sub(r"\s+", " ", (catalogue.__doc__ or "").split("\n\n")[0]).strip().rstrip(".")
        rows = [[code(name), show(template)] for name, template in catalogue.MESSAGES.items()]
        blocks += [f"## {title.split(':')[0]}", table(["Code", "Text"], rows)]
    return page("Reason codes", REASONS_INTRODUCTION, *blocks)


def show(template: str) -> str:
    """Return the text of a message with its parameters as words in italics."""
    shown = ""
    is_code = False
    for text, name, spec, _conversion in FORMATTER.parse(template):
        for part in re.split("(`)", text):
            is_code ^= part == "`"
            shown += part if is_code or part == "`" else escape(part)
        if name is None:
            continue
        kind, _space, rest = (spec or "").partition(" ")
        word = f"<{name}>" if is_code else f"*{escape(name)}*"
        if kind == "after":
            word = f"\\[{rest}{word}\\]"
        elif kind == "plural":
            one, _space, many = rest.partition(" ")
            word += f" {many or (f'{one[:-1]}ies' if one.endswith('y') else f'{one}s')}"
        elif kind == "quoted":
            word = f"'{word}'"
        shown += word
    return shown


def actions() -> Iterator[tuple[str, str]]:
    """Yield each action of a step, with the description of its class."""
    for module in MODULES:
        for step in vars(module).values():
            if not inspect.isclass(step) or step.__module__ != module.__name__ or "action" not in vars(step):
                continue
            text = re.sub(r"\s+", " ", (step.__doc__ or "").split("\n\n")[0]).replace("``", "`")
            source = inspect.getsource(vars(step)["action"].fget)
            for name in re.findall(r'"([a-z]+_[a-z_]+)"', source):
                yield name, text


def step_actions() -> str:
    rows = [[code(name), escape(sentence(text))] for name, text in actions()]
    return page("Step actions", STEPS_INTRODUCTION, table(["Action", "Step"], rows))

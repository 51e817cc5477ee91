# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find out which sections are given: missing is not empty.

A section is given if its key has any value except null, or if the whole document is ``{}`` or ``[]``. A blank
file or a key without a value may be incomplete, so it does not count as empty: if one of several documents
leaves a section blank, the section is absent, even if another document has entries for it.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .._model.desired import DEPENDENCIES, NODES
from .._model.errors import Problem
from .document import Document

SECTIONS = (NODES, DEPENDENCIES)
EXPECTED = "a mapping ({} for an empty one)"


def absent_sections(
    documents: Iterable[tuple[Document, Collection[str]]],
) -> tuple[frozenset[str], tuple[Problem, ...]]:
    """The sections that no document gives or that one leaves blank, and warnings about blank ones.

    Each document comes with the parts it may contain. In data that does not come from a file, null causes no
    warning, because it means that the key is not given.
    """
    given: set[str] = set()
    blank: set[str] = set()
    warnings: list[Problem] = []
    for document, parts in documents:
        sections = [section for section in SECTIONS if section in parts]
        if not document.exists or not sections:
            continue
        data = document.data
        if data is None:
            blank.update(sections)
            if document.file is not None:
                warnings.append(document.problem((), EXPECTED, "nothing", "blank"))
        elif not isinstance(data, Mapping) or not data:
            given.update(sections)
        else:
            given.update(section for section in sections if data.get(section) is not None)
            for section in sections:
                if document.file is not None and section in data and data[section] is None:
                    blank.add(section)
                    warnings.append(document.problem((section,), EXPECTED, "nothing", "blank"))
    return frozenset(blank | (set(SECTIONS) - given)), tuple(warnings)


def refuse_blank(document: Document, met: Iterable[Problem]) -> list[Problem]:
    """The problems in ``met``, or a new one if there are none and the file exists but is blank."""
    problems = list(met)
    if document.exists and document.file is not None and document.data is None and not problems:
        problems.append(document.problem((), EXPECTED, "nothing", "blank"))
    return problems

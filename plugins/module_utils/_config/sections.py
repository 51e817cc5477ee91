# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which sections are given: missing is not empty.

A section is given by its key with any value but null, and by a document that is ``{}`` or ``[]`` as a whole.
A file without any data, or a key without a value, says nothing: it may just be half written. If one of
several documents does that, the section counts as absent although another one has entries for it.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .._model.desired import DEPENDENCIES, NODES
from .._model.errors import Problem
from .document import Document

SECTIONS = (NODES, DEPENDENCIES)
EXPECTED = "a mapping, or {} if nothing is meant"


def absent_sections(
    documents: Iterable[tuple[Document, Collection[str]]],
) -> tuple[frozenset[str], tuple[Problem, ...]]:
    """The sections that no document gives or any has without a value, and what to warn of.

    Each document comes with the parts it may hold. In data that isn't from a file, null is no reason for a
    warning: it stands for a key that isn't given.
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
                warnings.append(document.problem((), EXPECTED, "nothing"))
        elif not isinstance(data, Mapping) or not data:
            given.update(sections)
        else:
            given.update(section for section in sections if data.get(section) is not None)
            for section in sections:
                if document.file is not None and section in data and data[section] is None:
                    blank.add(section)
                    warnings.append(document.problem((section,), EXPECTED, "nothing"))
    return frozenset(blank | (set(SECTIONS) - given)), tuple(warnings)


def refuse_blank(document: Document, met: Iterable[Problem]) -> list[Problem]:
    """``met`` when the document was read, and one problem more if its file is there and says nothing."""
    problems = list(met)
    if document.exists and document.file is not None and document.data is None and not problems:
        problems.append(document.problem((), EXPECTED, "nothing"))
    return problems

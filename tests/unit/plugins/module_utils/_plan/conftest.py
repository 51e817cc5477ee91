# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each reason that a planner gives in these tests can be shown, compared and put into a result."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason


@pytest.fixture(autouse=True)
def checked_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    create = Reason.__init__

    def checked(self: Reason, code: str, /, **params: Any) -> None:
        create(self, code, **params)
        assert hash(self) is not None
        text = json.loads(json.dumps(self.to_data()))["text"]
        assert text, code
        assert text == text.strip(), text
        assert "None" not in text, text

    monkeypatch.setattr(Reason, "__init__", checked)

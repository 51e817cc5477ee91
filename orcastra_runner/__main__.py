# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entry point of ``orcastra`` and ``python -m orcastra_runner``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command of the command line. Returns the exit code.

    A container's health is checked twice a minute, so ``healthcheck`` loads nothing that it doesn't need.
    """
    if sys.argv[1:] == ["healthcheck"]:
        from orcastra_runner.healthcheck import main as healthcheck  # noqa: PLC0415

        return healthcheck()
    from orcastra_runner.cli import main as any_command  # noqa: PLC0415

    return any_command()


if __name__ == "__main__":
    sys.exit(main())

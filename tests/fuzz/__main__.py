# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fuzz all targets within a time budget: ``python -m tests.fuzz --seconds 60 --seed 1``."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from tests.faults.__main__ import make_importable


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", help="only this target; may be repeated")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="the folder for findings")
    options = parser.parse_args()
    make_importable()
    from tests.fuzz.engine import fuzz, place  # noqa: PLC0415 - needs the collection
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415

    chosen = {name: target for name, target in TARGETS.items() if name in (options.only or TARGETS)}
    total = 0
    with place() as where:
        for name, target in chosen.items():
            count, found = fuzz(name, target, where, options.seed, options.seconds / len(chosen))
            print(f"{name:14} {count:8} inputs, {len(found)} findings", flush=True)
            total += len(found)
            for finding in found:
                options.keep.mkdir(parents=True, exist_ok=True)
                path = options.keep / f"{name}-{hashlib.sha256(finding.data).hexdigest()[:12]}"
                path.write_bytes(finding.data)
                print(f"  {finding.text}\n  input: {path}", flush=True)
    return int(total > 0)


if __name__ == "__main__":
    sys.exit(main())

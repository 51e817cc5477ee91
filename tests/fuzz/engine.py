# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutates the inputs of a corpus with a seed, and gives them to a target within its limits."""

from __future__ import annotations

import random
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import LARGEST, Finding, Place, Target
from tests.unit.orcastra_runner.conftest import Clock
from tests.unit.orcastra_runner.served import acting

CORPUS = Path(__file__).with_name("corpus")
MAX_CPU_SECONDS = 5.0
MAX_MORE_MEMORY_KIB = 512 * 1024
PIECES = (
    b"\0", b"\xff", b"\n", b"  ", b"- ", b": ", b"{", b"}", b"[", b"]", b'"', b"'", b"&a ", b"*a",
    b"<<: ", b"!!",
    b"${TOKEN}", b"${", b"$", b"NaN", b"-1", b"0", b"1e999", b"9" * 40, b"true", b"null", b"~", b"..", b"/",
    b"@",
    b"\\u0000", b"\xe2\x80\xae", b"sha256:", b"\r\n", b"\r\n\r\n", b"%00", b"a" * 300, b"[" * 200, b"{" * 200,
)  # fmt: skip


@dataclass
class Found:
    """A finding: what went wrong, and with which input."""

    target: str
    text: str
    data: bytes


def corpus(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def mutate(chance: random.Random, inputs: list[bytes]) -> bytes:
    """An input with one to eight changes: bytes, pieces, and parts of other inputs."""
    data = bytearray(chance.choice(inputs))
    for _change in range(chance.choice((1, 1, 2, 3, 8))):
        start = chance.randint(0, len(data))
        end = min(len(data), start + chance.choice((0, 1, 2, 8, 64)))
        kind = chance.randrange(6)
        if kind == 0:
            data[start:end] = b""
        elif kind == 1:
            data[start:end] = chance.choice(PIECES)
        elif kind == 2 and start < len(data):
            data[start] ^= 1 << chance.randrange(8)
        elif kind == 3:
            other = chance.choice(inputs)
            cut = chance.randint(0, len(other))
            data[start:end] = other[cut : cut + chance.choice((8, 64, 512))]
        elif kind == 4:
            data[start:start] = data[start:end] * chance.choice((1, 2, 50))
        else:
            lines = bytes(data).split(b"\n")
            chance.shuffle(lines)
            data = bytearray(b"\n".join(lines))
    return bytes(data[:LARGEST])


@contextmanager
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="orcastra-fuzz-") as folder, acting(Clock()) as served:
        inner = Path(folder) / "inner"
        inner.mkdir()
        yield Place(inner, served)


def attempt(name: str, target: Target, data: bytes, where: Place) -> Found | None:
    """Give one input to a target."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.thread_time()
    try:
        target(data, where)
    except Finding as finding:
        return Found(name, str(finding), data)
    except Exception as error:  # noqa: BLE001 - any other exception is a finding
        return Found(name, f"unexpected {type(error).__name__}: {error}"[:300], data)
    seconds = time.thread_time() - started
    if seconds > MAX_CPU_SECONDS:
        return Found(name, f"took {seconds:.1f} s of CPU time", data)
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    if more > MAX_MORE_MEMORY_KIB:
        return Found(name, f"took {more // 1024} MiB of memory", data)
    return None


def fuzz(
    name: str, target: Target, where: Place, seed: int, seconds: float, most: int = 10**9
) -> tuple[int, list[Found]]:
    """Return the number of inputs, and the first finding of each kind."""
    chance = random.Random(f"{seed} {name}")
    inputs = corpus(name)
    found: dict[str, Found] = {}
    count = 0
    end = time.monotonic() + seconds
    while count < most and time.monotonic() < end:
        data = inputs[count] if count < len(inputs) else mutate(chance, inputs)
        count += 1
        finding = attempt(name, target, data, where)
        if finding is not None:
            found.setdefault(finding.text[:60], finding)
    return count, list(found.values())

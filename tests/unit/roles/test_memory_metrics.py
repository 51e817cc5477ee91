# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of the role memory_metrics."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socketserver
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.exposition import Sample, parse_sample
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.samples import TextReader, read_page
from tests.conftest import CHECKOUT

PROGRAM = CHECKOUT / "roles" / "memory_metrics" / "files" / "memory_metrics.py"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("memory_metrics", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VOLUMES = [
    {"Name": "plain", "Driver": "local", "Options": None},
    {"Name": "too long" * 50, "Driver": "plugin", "Options": {}},
    {"Name": "plugin", "Driver": "rclone", "Options": {"remote": "nas:x", "token": "secret"}},
    {
        "Name": "share",
        "Driver": "local",
        "Options": {"type": "cifs", "device": "//nas/x", "o": "addr=nas,ro,username=u,password=secret"},
    },
]


class Engine(BaseHTTPRequestHandler):
    """An engine with two task containers, one of which has just ended."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        labels = {"com.docker.swarm.task.id": "t1", "com.docker.swarm.service.id": "s1"}
        replies: dict[str, Any] = {
            "/info": {"Swarm": {"NodeID": "n1"}},
            "/volumes": {"Volumes": VOLUMES},
            "/containers/json": [{"Id": "one", "Labels": labels}, {"Id": "two", "Labels": {}}],
            "/v1.41/containers/one/stats": {"memory_stats": {"usage": 500, "stats": {"inactive_file": 100}}},
        }
        self.send_response(200 if path in replies else 404)
        self.end_headers()
        self.wfile.write(json.dumps(replies.get(path, {})).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "docker.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Engine) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def read(page: bytes) -> tuple[Sample, ...]:
    reader = TextReader(("t1", "t2"), ("t1", "t2"))
    reader.feed(page)
    return reader.close().samples


def run(engine: Path, output: Path) -> subprocess.CompletedProcess[str]:
    arguments = [f"--engine={engine}", f"--output={output}", "--interval=15"]
    return subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)


def test_program_writes_metrics_that_the_reader_understands(engine: Path, tmp_path: Path) -> None:
    output = tmp_path / "textfiles" / "orcastra.prom"
    output.parent.mkdir()
    done = run(engine, output)
    assert (done.returncode, done.stderr) == (0, "")
    samples = read(output.read_bytes())
    (written,) = [sample.value for sample in samples if sample.name.endswith("timestamp_seconds")]
    assert read_page(samples, written + 1, 60).tasks == {"t1": 400}
    page = read_page(samples, written + 1, 60)
    assert {name: (one.driver, one.options) for name, one in page.volumes["n1"].items()} == {
        "plugin": ("rclone", {}),
        "share": ("local", {"type": "cifs", "device": "//nas/x", "o": "addr=nas,ro"}),
    }
    assert "secret" not in output.read_text()
    assert stat.S_IMODE(output.stat().st_mode) == 0o644
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.parametrize(
    ("beginning", "again"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
)
def test_measure_times_out_if_the_engine_answers_byte_by_byte(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beginning: bytes, again: bytes
) -> None:
    class Dripping(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(beginning)
            with contextlib.suppress(OSError):
                while not is_closing.wait(0.01):
                    self.request.sendall(again)

    is_closing = threading.Event()
    monkeypatch.setattr(program, "DEADLINE_SECONDS", 0.3)
    path = tmp_path / "drip.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Dripping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(OSError, match="timed out"):
            program.measure(str(path))
        is_closing.set()
        server.shutdown()


def test_program_keeps_the_old_file_if_the_engine_does_not_answer(tmp_path: Path) -> None:
    output = tmp_path / "orcastra.prom"
    output.write_text("old")
    done = run(tmp_path / "none.sock", output)
    assert done.returncode == 1
    assert done.stderr.startswith("orcastra-memory-metrics: ")
    assert output.read_text() == "old"


@pytest.mark.parametrize(
    ("stats", "size"),
    [
        ({"memory_stats": {"usage": 10, "stats": {"total_inactive_file": 4, "inactive_file": 1}}}, 6),
        ({"memory_stats": {"usage": 10, "stats": {"inactive_file": 3}}}, 7),
        ({"memory_stats": {"usage": 2, "stats": {"inactive_file": 3}}}, 0),
        ({"memory_stats": {}}, None),
        ({}, None),
    ],
)
def test_memory_in_use_matches_docker_stats(
    program: ModuleType, stats: dict[str, Any], size: int | None
) -> None:
    assert program.memory_in_use(stats) == size


def test_render_escapes_labels(program: ModuleType) -> None:
    labels = {"task_id": "t", "service_id": 's"\\\n'}
    (line,) = (
        line
        for line in program.render([(labels, 7)], 100, 30).splitlines()
        if line.startswith("orcastra_container_memory_bytes")
    )
    assert parse_sample(line).labels == labels


def test_cgroup_memory_reads_the_control_group_of_a_process(program: ModuleType) -> None:
    found = program.cgroup_memory(os.getpid())
    assert found is None or found >= 0
    assert program.cgroup_memory(2**22 + 1) is None


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ({"REMOTE": "nas:x", "pass": "b"}, True),
        ({"remote": "nas:x"}, True),
        ({"remote": "nas:y", "pass": "a"}, False),
        ({"remote": "nas:x", "path": "y"}, False),
    ],
)
def test_fingerprint_depends_on_options_without_passwords(
    program: ModuleType, other: dict[str, str], is_same: bool
) -> None:
    first = program.fingerprint({"remote": "nas:x", "pass": "a"})
    assert (first == program.fingerprint(other)) is is_same


def test_program_measures_memory_without_the_volumes_of_a_failing_engine(
    engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "VOLUMES", [1])
    output = tmp_path / "orcastra.prom"

    done = run(engine, output)

    assert done.returncode == 0
    assert "volumes" in done.stderr
    assert 'task_id="t1"' in output.read_text()

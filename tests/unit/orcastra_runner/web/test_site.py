# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Page, API and metrics over real HTTP on a free port, from a recorded status; no engine is involved."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import StepResult
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import CommandRecord, State
from orcastra_runner.command.requests import MAX_WAITING, CommandRequests
from orcastra_runner.settings import read_settings
from orcastra_runner.signals import COMMAND, SYNC, Signals
from orcastra_runner.status import STUCK_SECONDS, StatusStore
from orcastra_runner.swarm import plan_all
from orcastra_runner.web import site
from orcastra_runner.web.guard import Guard
from orcastra_runner.web.server import WebServer
from tests.unit.orcastra_runner.conftest import Clock, Log
from tests.unit.orcastra_runner.served import TOKEN, WANTED, Served, acting, observation, serve


@pytest.fixture
def served(clock: Clock, logged: Log) -> Iterator[Served]:
    """A server of an active instance with pending changes."""
    with acting(clock) as served:
        yield served


def test_healthz_reports_a_stuck_loop(served: Served) -> None:
    assert served.get("/healthz").status == 200
    served.status.job_began("sync", 60)
    served.clock.now += STUCK_SECONDS + 1
    reply = served.get("/healthz")
    assert (reply.status, reply.data["status"], reply.data["running"]) == (503, "stuck", ["sync"])
    assert served.get("/readyz").status == 503
    served.status.heartbeat()
    assert served.get("/healthz").status == 200


def test_readyz_follows_the_engine(served: Served) -> None:
    assert served.get("/readyz").status == 200
    served.status.observation_failed("standing by: the engine does not answer", answers=False)
    reply = served.get("/readyz")
    assert (reply.status, reply.data["role"]) == (503, "standing by: the engine does not answer")
    served.status.observation_failed("standing by: expected a manager", answers=True)
    assert served.get("/readyz").status == 200
    assert b"swarm_orch_leader 0.0" in served.get("/metrics").body


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:{0}/"),
        (None, "port {0} on all addresses, locally http://127.0.0.1:{0}/"),
        ("0.0.0.0", "port {0} on all addresses, locally http://127.0.0.1:{0}/"),
        ("::", "port {0} on all addresses, locally http://[::1]:{0}/"),
        ("localhost", "http://localhost:{0}/"),
    ],
)
def test_server_logs_its_address(logged: Log, host: str | None, expected: str) -> None:
    server = WebServer(site.Site(StatusStore(), Signals(), CommandRequests(), Guard(None, ())), host, 0)
    assert server.start()
    try:
        (entry,) = [entry for entry in logged.entries if entry["event"] == "http server started"]
        assert entry["summary"] == expected.format(server.port)
    finally:
        server.stop()


def test_api_serves_state_plan_and_history(served: Served) -> None:
    state = served.get("/api/state").data
    assert state["swarm"]["leader"] == "alpha"
    assert [(one["hostname"], one["state"]) for one in state["nodes"]] == [
        ("alpha", "ready"),
        ("bravo", "down"),
    ]
    assert [one["availability_set_at"] for one in state["nodes"]] == [None, None]
    (group,) = state["groups"]
    assert (group["anchor"], group["nodes"]) == ("shop_db", ["alpha"])
    app = next(one for one in state["services"] if one["name"] == "shop_app")
    assert (app["running"], app["expected"], app["nodes"]) == (1, 2, {"alpha": 1})
    plan = served.get("/api/plan").data
    assert plan["acts"]
    assert plan["steps"][0]["job"] == "sync"
    assert any(why["code"] == "label_missing" for why in plan["steps"][0]["why"])
    step = plan_all(observation(), WANTED).steps[0]
    served.status.stepped("sync", StepResult(step, changed=True))
    served.status.stepped("sync", StepResult(step, error="the engine was lost"))
    served.status.stepped("sync", StepResult(step, skipped="not called for"))
    actions = served.get("/api/history").data["actions"]
    assert [(one["result"], one["error"]) for one in actions] == [
        ("failed", "the engine was lost"),
        ("done", None),
    ]
    assert actions[1]["why"] == step.to_result()["why"]


def test_api_etag_saves_the_body(served: Served) -> None:
    first = served.get("/api/state")
    etag = first.headers["ETag"]
    again = served.get("/api/state", If_None_Match=etag)
    assert (again.status, again.body) == (304, b"")
    served.status.problem("engine", "no answer")
    changed = served.get("/api/state", If_None_Match=etag)
    assert changed.status == 200
    assert changed.data["errors"][0]["text"] == "no answer"
    packed = served.get("/api/state", Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"


def test_api_has_no_swarm_before_the_first_observation(clock: Clock, logged: Log) -> None:
    served = serve(clock)
    try:
        assert served.get("/api/state").data["swarm"] is None
        assert served.get("/readyz").status == 503
        assert served.get("/").status == 200
    finally:
        served.server.stop()


def test_metrics_count_events(served: Served) -> None:
    anchor = next(step for step in plan_all(observation(), WANTED).steps if "db=true" in step.summary)
    served.status.stepped("sync", StepResult(anchor, changed=True))
    served.status.job_began("sync", 60)
    served.status.job_ended("sync", 1.5, ok=False)
    served.status.job_began("rebalance", 30)
    served.status.job_ended("rebalance", 0.5, ok=True)
    served.status.job_ended("rebalance", 2.5, ok=True, acted=True)
    served.get("/no/such/path")
    text = served.get("/metrics").body.decode()
    for line in (
        "anchor_updates_total 1.0",
        "anchor_sync_errors_total 1.0",
        "anchor_sync_last_duration_seconds 1.5",
        "rebalance_attempts_total 1.0",
        "rebalance_success_total 1.0",
        "rebalance_last_duration_seconds 2.5",
        "swarm_orch_leader 1.0",
        'orcastra_nodes{state="down"} 1.0',
        'orcastra_steps_total{action="label_node",result="done"} 1.0',
        'orcastra_http_requests_total{code="404",path="other"} 1.0',
        "orcastra_running_tasks 2.0",
    ):
        assert f"\n{line}\n" in text, line
    assert "_created" not in text


def test_sync_wakes_the_loop(served: Served) -> None:
    reply = served.post("/sync")
    assert (reply.status, reply.data["acts"]) == (202, True)
    assert served.site.signals.inbox.get(timeout=0) == SYNC


def test_commands_queues_each_id_once(served: Served, logged: Log) -> None:
    asked = {"command": "restart_service", "service": "shop_app", "id": "one"}
    assert served.post("/commands", asked).status == 202
    assert served.post("/commands", asked).status == 202
    (waiting,) = served.site.commands.waiting()
    assert (waiting.key, waiting.words) == ("id:one", "restart_service shop_app")
    assert served.site.signals.inbox.get(timeout=0) == COMMAND
    assert served.post("/commands", {"command": "relabel_all", "id": "one"}).status == 409
    record = CommandRecord("restart_service shop_app", "http", "alpha", "x", 1.0, status="done", message="m")
    served.status.observed(observation(state=State(commands={"id:one": record})), 0.1)
    reply = served.post("/commands", asked)
    assert (reply.status, reply.data["status"]) == (200, "done")
    assert "info command received over http: restart_service shop_app" in logged.sentences


def test_refresh_mods_queues_the_command(served: Served) -> None:
    reply = served.post("/refresh_mods")
    assert (reply.status, reply.data["command"]) == (202, "refresh_mods")
    (waiting,) = served.site.commands.waiting()
    assert waiting.words == "refresh_mods"


def test_refresh_mods_works_on_standby_with_mods(served: Served) -> None:
    served.status.decided("standing by: the leader is node bravo", leads=False, acts=False)
    assert served.post("/refresh_mods").status == 409
    asked = threading.Event()
    object.__setattr__(served.site, "ask_for_mods", asked.set)
    reply = served.post("/refresh_mods")
    assert (reply.status, reply.data["status"], asked.is_set()) == (202, "accepted", True)
    assert not served.site.commands.waiting()


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"command": "no_such"}, 400, "relabel_all"),
        ({"command": "drain_node"}, 400, "the name of a node"),
        (["relabel_all"], 400, "one command"),
        (b"command=relabel_all", 415, "application/json"),
        (b"x" * (site.MAX_BODY_BYTES + 1), 413, ""),
        ({"command": "relabel_all", "expires": "2020-01-01T00:00:00Z"}, 409, "expired"),
        ({"command": "relabel_all", "id": 1.5}, 400, "id"),
    ],
)
def test_commands_rejects_invalid_commands(served: Served, body: Any, status: int, expected: str) -> None:
    reply = served.post("/commands", body)
    assert reply.status == status
    assert expected in reply.data["error"]
    assert not served.site.commands.waiting()


def test_commands_rejects_broken_json(served: Served) -> None:
    for body in (b"{", b"\xff", b"[" * 10000):
        assert served.post("/commands", body, Content_Type="application/json").status == 400


def test_commands_limits_the_queue(served: Served) -> None:
    for number in range(MAX_WAITING):
        assert served.post("/commands", {"command": "relabel_all", "id": str(number)}).status == 202
    assert served.post("/commands", {"command": "relabel_all"}).status == 429


def test_commands_rejects_on_standby_and_in_a_dry_run(served: Served, clock: Clock) -> None:
    served.status.decided("standing by: the leader is node bravo", leads=False, acts=False)
    reply = served.post("/commands", {"command": "relabel_all"})
    assert reply.status == 409
    assert reply.data["error"].endswith("standing by: the leader is node bravo")
    assert served.get("/api/plan").data["steps"] == []
    dry = serve(clock, dry_run=True)
    try:
        dry.status.decided("acting", leads=True, acts=True)
        assert "DRY_RUN" in dry.post("/commands", {"command": "relabel_all"}).data["error"]
    finally:
        dry.server.stop()


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic the right one",
        "Bearer the right onee",
        "Bearer the right on",
        "Bearer The right one",
        "the right one",
        "Bearer ünïcode".encode().decode("latin-1"),
        "Bearer \xff\xfe",
        "Bearer the right one\xa0",
        "Bearer " + "x" * 8000,
    ],
)
def test_writes_need_the_token(served: Served, logged: Log, given: str) -> None:
    for path in ("/sync", "/commands", "/refresh_mods", "/no/such/path", "/healthz"):
        reply = served.post(path, Authorization=given)
        assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert served.ask("POST", "/sync").status == 401
    assert served.ask("DELETE", "/sync").status == 401
    assert served.site.signals.inbox.empty()
    assert served.get("/api/state").status == 200
    assert "the right one" not in logged.stream.getvalue()


@pytest.mark.parametrize("given", ["Bearer the right one", "bearer the right one", "Bearer  the right one "])
def test_writes_accept_the_token(served: Served, given: str) -> None:
    assert served.post("/sync", Authorization=given).status == 202


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost"},
        {"Host": "127.0.0.1:6060"},
        {"Host": "[::1]"},
        {"X_Forwarded_For": "127.0.0.1"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer None"},
    ],
)
def test_writes_are_refused_without_a_token(clock: Clock, logged: Log, headers: dict[str, str]) -> None:
    """Not even from this host: a proxy on it may add no header, as nginx does by default."""
    served = serve(clock, None)
    try:
        for path in ("/sync", "/commands", "/refresh_mods"):
            assert served.ask("POST", path, None, **headers).status == 403
        assert served.site.signals.inbox.empty()
        assert served.get("/api/state").status == 200
    finally:
        served.server.stop()


def test_guard_repr_hides_the_token() -> None:
    assert "s3cret" not in repr(Guard(b"s3cret"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_writes_from_other_sites_are_refused(served: Served, headers: dict[str, str]) -> None:
    assert served.post("/sync", **headers).status == 403
    assert served.site.signals.inbox.empty()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:6060", 200),
        ("[::1]:6060", 200),
        ("10.0.0.1", 200),
        ("orcastra:6060", 200),
        ("swarm.example", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:6060", 421),
        ("[", 421),
    ],
)
def test_unknown_domain_names_are_refused(served: Served, host: str, status: int) -> None:
    for path in ("/", "/api/state"):
        assert served.get(path, Host=host).status == status
    # a scraper may use any name
    assert served.get("/metrics", Host=host).status == 200


def test_page_has_a_strict_content_security_policy(served: Served) -> None:
    for path, kind in (("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")):
        reply = served.get(path)
        assert reply.status == 200
        assert reply.headers.get_content_type() == kind
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
    put = served.ask("PUT", "/sync", Authorization=f"Bearer {TOKEN}")
    assert (put.status, put.headers["Allow"]) == (405, "POST")


def test_server_logs_one_warning_for_a_port_in_use(served: Served, logged: Log, clock: Clock) -> None:
    logged.clear()
    started = time.monotonic()
    other = WebServer(served.site, "127.0.0.1", served.server.port)
    assert not other.start()
    assert time.monotonic() - started < 5
    assert logged.sentences == ["warning http server could not start"]
    assert served.get("/healthz").status == 200


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("127.0.0.1:6060", ("127.0.0.1", 6060)),
        (":80", (None, 80)),
        ("[::1]:6060", ("::1", 6060)),
        ("orca.lan:1", ("orca.lan", 1)),
        ("OFF", None),
    ],
)
def test_http_address_accepts_addresses(text: str, listen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCASTRA_HTTP_ADDRESS", text)
    assert read_settings().listen == listen


@pytest.mark.parametrize("text", ["6060", "host:", "host:0", "host:65536", "::1:6060", "a b:1", "host:６"])
def test_http_address_rejects_other_text(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCASTRA_HTTP_ADDRESS", text)
    with pytest.raises(ConfigError, match=r"^ORCASTRA_HTTP_ADDRESS: expected"):
        read_settings()


@pytest.mark.parametrize("path", site.PAGE)
def test_files_of_the_page_are_compressed_and_cached(served: Served, path: str) -> None:
    plain = served.get(path)
    packed = served.get(path, Accept_Encoding="gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert served.get(path, If_None_Match=plain.headers["ETag"]).status == 304


def test_no_command_runs_without_a_configuration(clock: Clock, logged: Log) -> None:
    served = serve(clock, read_only=True)
    try:
        served.status.decided("acting: this node is the swarm leader", leads=True, acts=True)
        assert served.post("/commands", {"command": "relabel_all"}).status == 409
        assert served.get("/api/state").data["instance"]["read_only"] is True
    finally:
        served.server.stop()

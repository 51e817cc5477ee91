# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of an engine, of a proxy in front of it, or of another server at its address."""

from __future__ import annotations

import json
import socket
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineError,
    EngineUnreachable,
    NoLeader,
    NotAManager,
)

PAGE = "<html><body><h1>{0}</h1>\nNo server is available to handle this request.\n</body></html>"


def engine_that_answers(status: int, text: str) -> Engine:
    response = SimpleNamespace(
        status_code=status, text=text, content=text.encode(), json=lambda: json.loads(text)
    )
    client: Any = SimpleNamespace(
        base_url="http://x", timeout=1, verify=True, request=lambda *_args, **_options: response
    )
    return Engine(client, "unix:///run/engine/docker.sock")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_engine_is_unreachable_if_only_a_proxy_answers(status: int) -> None:
    engine = engine_that_answers(status, PAGE.format(status))
    with pytest.raises(EngineUnreachable) as caught:
        engine.list_nodes()
    assert str(caught.value) == (
        "unix:///run/engine/docker.sock: the engine cannot be reached: "
        f"a proxy in front of it answers HTTP {status}"
    )


def test_engine_error_with_json_comes_from_engine() -> None:
    message = json.dumps({"message": "This node is not a swarm manager. Use docker swarm init."})
    with pytest.raises(NotAManager):
        engine_that_answers(503, message).list_nodes()


def test_engine_error_explains_http_403() -> None:
    with pytest.raises(EngineError) as caught:
        engine_that_answers(403, PAGE.format(403)).list_nodes()
    assert str(caught.value) == (
        "unix:///run/engine/docker.sock: GET /nodes: denied by a proxy in front of the engine"
    )
    with pytest.raises(EngineError, match="GET /nodes: an authorization plugin says no"):
        engine_that_answers(403, '{"message": "an authorization plugin says no"}').list_nodes()


def test_get_cluster_returns_swarm_without_tokens() -> None:
    def cluster(**swarm: Any) -> dict[str, Any]:
        return engine_that_answers(200, json.dumps({"Swarm": swarm})).get_cluster()

    assert cluster(Cluster={"ID": "c1", "Spec": {}}) == {"ID": "c1", "Spec": {}}
    with pytest.raises(NotAManager):
        cluster(LocalNodeState="active")
    with pytest.raises(NoLeader):
        cluster(Cluster={"ID": ""}, Error="rpc error: The swarm does not have a leader.")


def _serve(listener: socket.socket, greeting: bytes) -> None:
    connection, _address = listener.accept()
    with connection:
        connection.settimeout(5)
        connection.recv(4096)
        connection.sendall(greeting)


@pytest.mark.parametrize(
    ("greeting", "text"),
    [
        (
            b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
            "found an SSH server (SSH-2.0-OpenSSH_9.2p1 Debian-2). Use ssh://",
        ),
        (b"SSH-1.99-dropbear\n", "found an SSH server (SSH-1.99-dropbear)"),
        (
            b"220 mail.example.org ESMTP\r\n",
            "found a server that does not speak HTTP (220 mail.example.org ESMTP)",
        ),
        (b"-ERR unknown command\r\n", "found a server that does not speak HTTP (-ERR unknown command)"),
        (b"\x15\x03\x01\x00\x02\x02\x16", "found a server that does not speak HTTP"),
        (b"J\x00\x00\x00\n5.5.5-10.11", "found a server that does not speak HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            "found another server: GET /version: expected JSON",
        ),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "found another server: GET /version: no"),
        (b"", "Remote end closed connection"),
    ],
)
def test_connect_identifies_other_servers(greeting: bytes, text: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, greeting))
        thread.start()
        host = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(EngineUnreachable) as caught:
            connect(ConnectionOptions(docker_host=host, timeout=5))
        thread.join()
    assert text in str(caught.value)
    assert str(caught.value).count(host) == 1
    assert str(caught.value).isprintable()

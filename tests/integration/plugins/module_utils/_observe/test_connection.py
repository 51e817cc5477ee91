# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All connection methods for an engine, and their errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
    options_from_environment,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineUnreachable,
    NotAManager,
    TlsMismatch,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from tests.lab import Lab


@pytest.fixture(scope="module")
def tls_lab(lab_engine: str | None) -> Iterator[Lab]:
    """One host outside of any swarm, whose engine also supports TLS."""
    with Lab(f"tls-{os.getpid()}", hosts=("solo",), engine=lab_engine, tls=True) as lab:
        yield lab


def hostname(**options: Any) -> str:
    """Connect and ask the engine for its host name."""
    engine = connect(ConnectionOptions(**options))
    try:
        return str(engine.info()["Name"])
    finally:
        engine.close()


def tls_options(lab: Lab, **options: Any) -> dict[str, Any]:
    files = {
        "ca_path": str(lab.certs / "ca.pem"),
        "client_cert": str(lab.certs / "cert.pem"),
        "client_key": str(lab.certs / "key.pem"),
    }
    return {"docker_host": lab["solo"].docker_host_tls, "validate_certs": True, **files, **options}


class TestTcp:
    def test_reaches_the_engine_with_its_newest_api(self, swarm: Lab) -> None:
        engine = connect(ConnectionOptions(docker_host=swarm["bravo"].docker_host))

        assert engine.info()["Name"] == "bravo"
        assert engine.api_version == engine.get("/version")["ApiVersion"]
        engine.close()

    def test_supports_an_older_api_version(self, swarm: Lab) -> None:
        assert hostname(docker_host=swarm["bravo"].docker_host, api_version="1.40") == "bravo"

    def test_reports_unreachable_engine(self) -> None:
        with pytest.raises(EngineUnreachable, match=r"tcp://127\.0\.0\.1:1: the engine cannot be reached"):
            connect(ConnectionOptions(docker_host="tcp://127.0.0.1:1"))

    def test_reports_server_that_is_not_an_engine(self, swarm: Lab) -> None:
        exporter = f"tcp://{swarm['alpha'].ip}:9100"
        with pytest.raises(EngineUnreachable, match="expected a Docker engine"):
            connect(ConnectionOptions(docker_host=exporter))


class TestTls:
    def test_accepts_client_and_server_certificates(self, tls_lab: Lab) -> None:
        assert hostname(**tls_options(tls_lab)) == "solo"

    def test_reads_environment_like_docker_cli(self, tls_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", tls_lab["solo"].docker_host_tls)
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(tls_lab.certs))

        engine = connect(options_from_environment())

        assert engine.info()["Name"] == "solo"
        engine.close()

    def test_refuses_server_certificate_of_another_ca(self, tls_lab: Lab) -> None:
        with pytest.raises(TlsMismatch, match="certificate verify failed"):
            hostname(**tls_options(tls_lab, ca_path=str(tls_lab.certs / "other" / "ca.pem")))

    def test_reports_refused_client_certificate(self, tls_lab: Lab) -> None:
        other = tls_lab.certs / "other"
        # the text varies: with TLS 1.3, the refusal may follow the handshake
        with pytest.raises(TlsMismatch):
            hostname(
                **tls_options(tls_lab, client_cert=str(other / "cert.pem"), client_key=str(other / "key.pem"))
            )

    def test_skips_verification_on_request(self, tls_lab: Lab) -> None:
        assert hostname(**tls_options(tls_lab, tls=True, validate_certs=False, ca_path=None)) == "solo"

    def test_checks_name_in_certificate(self, tls_lab: Lab) -> None:
        assert hostname(**tls_options(tls_lab, tls_hostname="solo")) == "solo"
        with pytest.raises(TlsMismatch, match="doesn't match"):
            hostname(**tls_options(tls_lab, tls_hostname="another"))

    def test_reports_engine_without_tls(self, tls_lab: Lab) -> None:
        with pytest.raises(TlsMismatch):
            hostname(docker_host=tls_lab["solo"].docker_host, tls=True)

    def test_reports_engine_that_requires_tls(self, tls_lab: Lab) -> None:
        with pytest.raises(TlsMismatch, match="the engine expects TLS"):
            hostname(docker_host=tls_lab["solo"].docker_host_tls)

    def test_reports_a_missing_file(self, tls_lab: Lab) -> None:
        with pytest.raises(OrcastraError, match=r"ca_path: expected a file, found none at /nowhere/ca\.pem"):
            hostname(**tls_options(tls_lab, ca_path="/nowhere/ca.pem"))

    def test_reports_certificate_without_key(self, tls_lab: Lab) -> None:
        with pytest.raises(OrcastraError, match="expected both or neither"):
            hostname(**tls_options(tls_lab, client_key=None))


class TestSsh:
    @pytest.fixture(autouse=True)
    def home(self, swarm: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Set a home folder whose SSH configuration has the lab's hosts, for paramiko and for ``ssh``."""
        for name, value in swarm.ssh_environment().items():
            monkeypatch.setenv(name, value)
        folder = tmp_path / ".ssh"
        folder.mkdir(mode=0o700)
        (folder / "config").write_text(swarm.ssh_config.read_text())
        (folder / "known_hosts").write_text(swarm.ssh.known_hosts.read_text())
        monkeypatch.setenv("HOME", str(tmp_path))

    @pytest.mark.parametrize("use_ssh_client", [True, False], ids=["command", "paramiko"])
    def test_reaches_the_engine(self, swarm: Lab, use_ssh_client: bool) -> None:
        url = f"ssh://root@{swarm['charlie'].ip}"

        assert hostname(docker_host=url, use_ssh_client=use_ssh_client) == "charlie"

    @pytest.mark.parametrize("use_ssh_client", [True, False], ids=["command", "paramiko"])
    def test_reports_unreachable_engine(self, use_ssh_client: bool) -> None:
        with pytest.raises(
            EngineUnreachable, match=r"ssh://root@127\.0\.0\.1:1: the engine cannot be reached"
        ):
            hostname(docker_host="ssh://root@127.0.0.1:1", use_ssh_client=use_ssh_client)


class TestObserve:
    def test_sends_five_requests(self, swarm: Lab) -> None:
        engine = connect(ConnectionOptions(docker_host=swarm["alpha"].docker_host))

        seen = observe(engine)

        assert seen.requests == 5
        assert sorted(node.hostname for node in seen.snapshot.nodes) == ["alpha", "bravo", "charlie"]
        assert all(node.role == "manager" and node.is_ready for node in seen.snapshot.nodes)
        engine.close()

    def test_knows_which_engine_leads(self, swarm: Lab) -> None:
        leading = []
        for host in swarm:
            engine = connect(ConnectionOptions(docker_host=host.docker_host))
            seen = observe(engine)
            leader = next(node for node in seen.snapshot.nodes if node.leader)
            assert seen.is_leader == (leader.hostname == host.name)
            leading.append(seen.is_leader)
            engine.close()
        assert leading.count(True) == 1

    def test_reports_engine_outside_of_a_swarm(self, tls_lab: Lab) -> None:
        engine = connect(ConnectionOptions(docker_host=tls_lab["solo"].docker_host))
        with pytest.raises(NotAManager, match="expected a manager of the swarm, found an engine in no swarm"):
            observe(engine)
        engine.close()

    def test_reports_a_worker(self, lab_engine: str | None) -> None:
        with Lab(f"wrk-{os.getpid()}", hosts=("boss", "hand"), engine=lab_engine) as lab:
            lab.form_swarm(managers=1)
            engine = connect(ConnectionOptions(docker_host=lab["hand"].docker_host))
            with pytest.raises(NotAManager, match="expected a manager of the swarm, found a worker"):
                observe(engine)
            engine.close()

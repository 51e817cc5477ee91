# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The token for writes over HTTP: configured, or generated and stored in the state folder."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from orcastra_runner import api_token, cli
from orcastra_runner.api_token import FILE_NAME, configured_token, own_token
from orcastra_runner.settings import read_settings
from orcastra_runner.web.guard import Guard
from tests.unit.orcastra_runner.conftest import Log

GOOD = [
    (b"secret", b"secret"),
    (b"secret \n", b"secret"),
    (b" \tsecret\r\n", b"secret"),
    (b"two words", b"two words"),
    ("ünï-\U0001f433".encode(), "ünï-\U0001f433".encode()),
    (b"x" * 4096, b"x" * 4096),
]
BAD = [
    b"sec\xffret",
    b"\xfe\xfe",
    "ünï".encode("latin-1"),
    "secret".encode("utf-16"),
    b"secret\nand another",
    b"sec\x07ret",
    b"sec\x1b[31mret",
    b"x" * 5000,
]


def bearer(given: bytes) -> str:
    return f"Bearer {os.fsdecode(given)}"


@pytest.mark.parametrize(("given", "token"), [pair for pair in GOOD if not pair[0].endswith(b"\n")])
def test_configured_token_from_environment(
    monkeypatch: pytest.MonkeyPatch, given: bytes, token: bytes
) -> None:
    monkeypatch.setenv("ORCASTRA_API_TOKEN", os.fsdecode(given))
    assert configured_token(read_settings()) == token
    assert Guard(token).check_write({"Authorization": bearer(token)}) is None


@pytest.mark.parametrize(("given", "token"), GOOD)
def test_configured_token_from_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: bytes, token: bytes
) -> None:
    (tmp_path / "token").write_bytes(given)
    monkeypatch.setenv("ORCASTRA_API_TOKEN_FILE", str(tmp_path / "token"))
    assert configured_token(read_settings()) == token


@pytest.mark.parametrize("given", ["", " ", "\t"])
def test_configured_token_ignores_empty_variables(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("ORCASTRA_API_TOKEN", given)
    assert configured_token(read_settings()) is None


@pytest.mark.parametrize("given", [given for given in BAD if b"\0" not in given])
def test_configured_token_rejects_invalid_environment(monkeypatch: pytest.MonkeyPatch, given: bytes) -> None:
    monkeypatch.setenv("ORCASTRA_API_TOKEN", os.fsdecode(given))
    with pytest.raises(ConfigError, match=r"^ORCASTRA_API_TOKEN: expected .*, found ") as error:
        configured_token(read_settings())
    assert "ret" not in str(error.value).partition("found")[2].replace("characters", "")


@pytest.mark.parametrize("given", [*BAD, b"", b"\n", b" \t\r\n", b"a\x00b"])
def test_configured_token_rejects_invalid_file_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: bytes
) -> None:
    file = tmp_path / "token"
    file.write_bytes(given)
    monkeypatch.setenv("ORCASTRA_API_TOKEN_FILE", str(file))
    with pytest.raises(ConfigError, match=r"^ORCASTRA_API_TOKEN_FILE: expected ") as error:
        configured_token(read_settings())
    assert str(file) in str(error.value)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "loop"])
def test_configured_token_rejects_other_file_types(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "token"
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "loop":
        file.symlink_to(file)
    monkeypatch.setenv("ORCASTRA_API_TOKEN_FILE", str(file))
    with pytest.raises(ConfigError, match=r"^ORCASTRA_API_TOKEN_FILE: expected "):
        configured_token(read_settings())


def test_config_check_reports_an_invalid_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "swarm.yml").write_text("nodes: {}\n")
    monkeypatch.setenv("ORCASTRA_API_TOKEN_FILE", str(tmp_path / "missing"))
    assert cli.main(["config", "check", "--config", str(tmp_path)]) == 2
    assert "ORCASTRA_API_TOKEN_FILE" in capsys.readouterr().err


def test_configured_token_rejects_token_and_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret")
    monkeypatch.setenv("ORCASTRA_API_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("ORCASTRA_API_TOKEN", "an0ther")
    with pytest.raises(ConfigError) as error:
        read_settings()
    assert [problem.key for problem in error.value.problems] == ["ORCASTRA_API_TOKEN_FILE"]
    assert "an0ther" not in str(error.value)


def test_own_token_is_created_once_for_its_owner(tmp_path: Path, logged: Log) -> None:
    folder = tmp_path / "made" / "for it"
    token = own_token(folder)
    assert token is not None
    assert len(token) >= 32
    file = folder / FILE_NAME
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (token + b"\n", 0o600)
    assert list(folder.iterdir()) == [file]
    assert own_token(folder) == token
    assert own_token(tmp_path) != token
    assert token.decode() not in logged.stream.getvalue()
    assert {entry["file"] for entry in logged.entries} == {str(file), str(tmp_path / FILE_NAME)}
    assert not any(entry["level"] == "warning" for entry in logged.entries)


def test_own_token_is_shared_by_instances_that_start_together(tmp_path: Path, logged: Log) -> None:
    found: set[bytes | None] = set()
    threads = [threading.Thread(target=lambda: found.add(own_token(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert None not in found


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o660])
def test_own_token_readable_by_others_is_replaced(tmp_path: Path, logged: Log, mode: int) -> None:
    token = own_token(tmp_path)
    file = tmp_path / FILE_NAME
    file.chmod(mode)
    logged.clear()
    other = own_token(tmp_path)
    assert other not in (None, token)
    assert (file.read_bytes().strip(), stat.S_IMODE(file.stat().st_mode)) == (other, 0o600)
    assert [entry["level"] for entry in logged.entries] == ["warning", "debug"]


@pytest.mark.parametrize("content", [b"", b"\n", *BAD])
def test_own_token_with_invalid_content_is_replaced(tmp_path: Path, logged: Log, content: bytes) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(content)
    file.chmod(0o600)
    token = own_token(tmp_path)
    assert token is not None
    assert file.read_bytes() == token + b"\n"


def test_own_token_may_be_chosen_by_the_user(tmp_path: Path, logged: Log) -> None:
    file = tmp_path / FILE_NAME
    file.write_text("chosen \n")
    file.chmod(0o600)
    assert own_token(tmp_path) == b"chosen"


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "somebody's", "no folder"])
def test_own_token_is_none_if_it_cannot_be_stored(
    tmp_path: Path, logged: Log, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder, file = tmp_path, tmp_path / FILE_NAME
    if kind == "link":
        (tmp_path / "elsewhere").write_text("planted")
        file.symlink_to(tmp_path / "elsewhere")
    elif kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "somebody's":
        file.write_text("planted")
        file.chmod(0o600)
        monkeypatch.setattr(api_token.os, "geteuid", lambda: os.getuid() + 1)
    else:
        folder = tmp_path / "file" / "folder"
        (tmp_path / "file").write_text("")
    assert own_token(folder) is None
    (entry,) = logged.entries
    assert (entry["level"], "ORCASTRA_API_TOKEN" in entry["summary"]) == ("warning", True)


def test_own_token_is_none_in_an_unwritable_folder(
    tmp_path: Path, logged: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_options: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(api_token.tempfile, "mkstemp", refuse)
    assert own_token(tmp_path) is None
    assert logged.entries[0]["error"] == "Read-only file system"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log rotation on this machine, with its own logrotate: links, other configurations, files that rotate."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply import log_rotate as log_rotate_module
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.log_rotate import (
    PROGRAMS,
    Written,
    known_roots,
    write_rotations,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError

PROGRAM = next((program for program in PROGRAMS if os.access(program, os.X_OK)), None)
ID = "0123456789abcdef" * 4

needs_logrotate = pytest.mark.skipif(
    PROGRAM is None or os.getuid() != 0, reason="logrotate and root are needed"
)


class Place:
    """A host's folder of configurations, its main one, and a folder of logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.included = folder / "logrotate.d"
        self.included.mkdir(mode=0o755)
        self.target = self.included / "orcastra"
        self.main = folder / "main.conf"
        self.write(self.main, f"weekly\nrotate 4\ninclude {self.included}\n")
        self.logs = folder / "logs"
        self.logs.mkdir(mode=0o755)

    @staticmethod
    def write(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o644)

    def log(self, name: str, size: int = 20_000) -> str:
        path = self.logs / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        return str(path)

    def apply(self, *entries: dict[str, Any], **more: Any) -> Written:
        return write_rotations(entries, self.target, main_file=self.main, **more)

    def rotate(self) -> None:
        subprocess.run(
            [str(PROGRAM), "-s", str(self.folder / "state"), str(self.target)],
            check=True,
            capture_output=True,
        )

    def names(self) -> list[str]:
        found = [path.relative_to(self.logs) for path in self.logs.rglob("*") if path.is_file()]
        return sorted(map(str, found))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_mode & 0o022 and parent != Path("/tmp"):
            parent.chmod(0o755)
    return Place(tmp_path)


def entry(*paths: str, **more: Any) -> dict[str, Any]:
    return {"name": "app", "paths": list(paths), "rotate": 2, "size": "10k", "compress": False, **more}


@needs_logrotate
def test_what_is_configured_rotates(place: Place) -> None:
    place.log('Application Support/Media\'s "Server"/a.log')
    place.log("one/log/b.log")
    place.log("two/log/c.log")
    out = place.folder / "out"
    script = f"if true; then\n  echo '}}' >> {out}\nfi\ncat >> {out} <<END\n  a {{\nEND\n"
    desired = entry(
        f'{place.logs}/Application Support/Media\'s "Server"/*.log',
        f"{place.logs}/{{one,two}}/log/*.log",
        postrotate=script,
    )
    written = place.apply(desired)
    assert (written.changed, written.before) == (True, None)
    assert place.target.stat().st_mode & 0o777 == 0o644
    again = place.apply(desired)
    assert (again.changed, again.before) == (False, written.after)
    place.rotate()
    assert place.names() == [
        'Application Support/Media\'s "Server"/a.log',
        'Application Support/Media\'s "Server"/a.log.1',
        "one/log/b.log",
        "one/log/b.log.1",
        "two/log/c.log",
        "two/log/c.log.1",
    ]
    assert out.read_text() == "}\n  a {\n"
    gone = place.apply()
    assert (gone.changed, gone.after, place.target.exists()) == (True, None, False)
    assert not place.apply().changed


@needs_logrotate
def test_check_mode_writes_nothing(place: Place) -> None:
    assert place.apply(entry("/srv/app.log"), check=True).changed
    assert list(place.included.iterdir()) == []
    with pytest.raises(OrcastraError):
        place.apply(entry("app.log"), check=True)


def test_nothing_is_written_unless_all_is_right(place: Place) -> None:
    place.write(place.target, "# as it was\n")
    with pytest.raises(OrcastraError) as caught:
        place.apply(
            entry("/srv/fine.log", name="fine"),
            entry("/srv/**/x.log", "relative.log", name="one"),
            entry("/srv/y.log", name="two", size="1 MB"),
        )
    found = str(caught.value).split("; ")
    assert [text.split(": ")[:2] for text in found] == [
        ["entry one", "paths"],
        ["entry one", "paths"],
        ["entry two", "size"],
    ]
    assert place.target.read_text() == "# as it was\n"
    assert list(place.included.iterdir()) == [place.target]


def engine(place: Place) -> Path:
    """The folder of an engine with a container's log in it."""
    root = place.folder / "engine"
    logs = root / "containers" / ID
    logs.mkdir(parents=True)
    (logs / f"{ID}-json.log").write_bytes(bytes(20_000))
    (root / "volumes" / "logs" / "_data").mkdir(parents=True)
    (root / "volumes" / "logs" / "_data" / "access.log").write_bytes(bytes(20_000))
    return root


@pytest.mark.parametrize(
    "path",
    [
        "{link_to_containers}/*/*.log",
        "{link_to_root}/containers/*/*.log",
        "{link_to_root}/*/*/*.log",
        "{link_to_container}/*.log",
        "{link_to_log}",
        "{folder}/link-to-*/*.log",
        "{folder}/link-to-log*",
        "{root}/containers/*/*.log",
        "{root}/./containers//*/*.log",
        "{root}/*/*/*.log",
        "{folder}/*/*/*/*.log",
    ],
)
@pytest.mark.parametrize("is_told", [True, False])
def test_a_way_to_the_engines_files_is_refused(place: Place, path: str, is_told: bool) -> None:
    root = engine(place)
    for name, destination in (
        ("link-to-root", root),
        ("link-to-containers", root / "containers"),
        ("link-to-container", root / "containers" / ID),
        ("link-to-log", root / "containers" / ID / f"{ID}-json.log"),
    ):
        (place.folder / name).symlink_to(destination)
    places = {
        name.replace("-", "_"): place.folder / name
        for name in ("link-to-root", "link-to-containers", "link-to-container", "link-to-log")
    }
    with pytest.raises(OrcastraError, match=r"entry app: paths: expected no log file of the engine itself"):
        place.apply(
            entry(path.format(root=root, folder=place.folder, **places)),
            roots=[str(root)] if is_told else [],
            check=True,
        )


def test_a_way_to_an_engine_without_containers_is_refused_too(place: Place) -> None:
    root = place.folder / "engine"
    (root / "containers").mkdir(parents=True)
    (place.folder / "link").symlink_to(root)
    (place.folder / "deep").mkdir()
    (place.folder / "deep" / "link").symlink_to(root / "containers")
    for path in ("link/containers/*/*.log", "link/*/*/*.log", "deep/link/*/*.log", "deep/../link/*/*/*.log"):
        with pytest.raises(OrcastraError):
            place.apply(entry(f"{place.folder}/{path}"), roots=[str(root)], check=True)
    # told by the link that leads to it
    with pytest.raises(OrcastraError):
        place.apply(entry(f"{root}/*/*/*.log"), roots=[str(place.folder / "link")], check=True)


@needs_logrotate
def test_logs_in_volumes_are_fine(place: Place) -> None:
    root = engine(place)
    (place.folder / "link").symlink_to(root / "volumes")
    for path in (f"{root}/volumes/*/_data/*.log", f"{place.folder}/link/logs/_data/*.log"):
        assert place.apply(entry(path), roots=[str(root)]).changed
    place.rotate()
    found = sorted(path.name for path in (root / "volumes/logs/_data").iterdir())
    assert found == ["access.log", "access.log.1"]


@pytest.mark.parametrize("key", ["data-root", "graph"])
def test_the_engines_own_settings_say_where_its_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    settings = tmp_path / "daemon.json"
    monkeypatch.setattr(log_rotate_module, "DAEMON_FILE", str(settings))
    assert "/var/lib/docker" in known_roots([])
    settings.write_text(f'{{"{key}": "/data/engine"}}')
    assert {"/data/engine", "/told"} <= set(known_roots(["/told"]))
    for damaged in ("{", "[]", '{"data-root": null}', ""):
        settings.write_text(damaged)
        assert "/data/engine" not in known_roots([])


@needs_logrotate
def test_what_another_file_rotates_already_is_refused(place: Place) -> None:
    path = place.log("app.log")
    # one that is read before ours, and one that is read after it
    for name in ("apache", "zabbix"):
        other = place.included / name
        place.write(other, f"{path} {{\n    rotate 1\n    weekly\n}}\n")
        with pytest.raises(OrcastraError, match=r"together with what the host rotates already.*duplicate"):
            place.apply(entry(f"{place.logs}/*.log"))
        assert list(place.included.iterdir()) == [other]
        other.unlink()
    assert place.apply(entry(path)).changed
    # its own file is not another one
    assert place.apply(entry(path, rotate=3)).changed


@needs_logrotate
def test_the_mistakes_of_others_are_not_told(place: Place) -> None:
    path = place.log("other.log")
    place.write(place.included / "a", f"{path} {{\n    rotate 1\n}}\n")
    place.write(place.included / "b", f"{path} {{\n    rotate 1\n}}\nnonsense\n")
    assert place.apply(entry(place.log("app.log"))).changed


@needs_logrotate
def test_what_logrotate_refuses_is_told(place: Place) -> None:
    for wrong in ({"su": "nobody-of-this-name adm"}, {"create": "0640 nobody-of-this-name adm"}):
        with pytest.raises(OrcastraError, match=r"logrotate refuses it: .*nobody-of-this-name") as caught:
            place.apply(entry("/srv/app.log", **wrong))
        assert "orcastra-logrotate-" not in str(caught.value)
    assert list(place.included.iterdir()) == []


def test_without_logrotate_nothing_is_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_rotate_module, "PROGRAMS", ())
    assert place.apply(entry("/srv/app.log"), check=True).changed
    with pytest.raises(OrcastraError, match="expected logrotate on this host"):
        place.apply(entry("/srv/app.log"))
    assert list(place.included.iterdir()) == []

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import ObservedVolume
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._observe import prometheus
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.prometheus import (
    ReplyReader,
    query_urls,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.samples import (
    MAX_SIZE_BYTES,
    Page,
    Samples,
    TextReader,
    read_page,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.scrape import MAX_BYTES

EXPORTER = """\
# HELP go_gc_duration_seconds A summary.
# TYPE go_gc_duration_seconds summary
go_gc_duration_seconds{quantile="0"} 1e-05
node_memory_MemAvailable_bytes 1.5e+09
node_memory_MemTotal_bytes 2e+09
node_time_seconds 1000
"""
TEXTFILE = """\
# TYPE orcastra_container_memory_bytes gauge
orcastra_container_memory_bytes{node_id="n",service_id="s",task_id="t"} 5e+07
orcastra_container_memory_timestamp_seconds 980
orcastra_container_memory_interval_seconds 30
"""


def read(page: bytes, tasks: tuple[str, ...] = ("t",), others: tuple[str, ...] = ()) -> Samples:
    reader = TextReader(tasks, (*tasks, *others))
    reader.feed(page)
    return reader.close()


def page(text: str, now: float = 1000, max_age: float = 60) -> Page:
    return read_page(read(text.encode()).samples, now, max_age)


def test_read_page_of_node_exporter_with_textfile() -> None:
    found = page(EXPORTER + TEXTFILE)
    assert found == Page(2_000_000_000, 1_500_000_000, 1000, {"t": 50_000_000}, ())
    assert read(TEXTFILE.encode()).names == {"n"}
    named = EXPORTER + 'node_uname_info{nodename="wrk-b",sysname="Linux"} 1\n'
    assert read(named.encode()).names == {"wrk-b"}


def test_read_page_ignores_old_textfile() -> None:
    found = page(EXPORTER + TEXTFILE.replace(" 980", " 939"))
    assert found.tasks == {}
    assert found.stale == (Reason("task_memory_outdated", limit=60),)
    assert found.total == 2_000_000_000


def test_read_page_uses_clock_of_host_for_textfile() -> None:
    assert page(EXPORTER + TEXTFILE, now=500_000).tasks == {"t": 50_000_000}
    assert page(TEXTFILE, now=500_000).tasks == {}


def test_read_page_allows_two_intervals_of_textfile() -> None:
    text = EXPORTER + TEXTFILE.replace(" 980", " 890").replace("seconds 30", "seconds 60")
    assert page(text).tasks == {"t": 50_000_000}


def test_read_page_ignores_textfile_without_timestamp() -> None:
    found = page(EXPORTER + 'orcastra_container_memory_bytes{task_id="t",service_id="s"} 1\n')
    assert (found.tasks, found.stale) == ({}, (Reason("task_memory_undated"),))


CADVISOR = (
    'container_memory_working_set_bytes{container_label_com_docker_swarm_task_id="t",'
    'container_label_com_docker_swarm_service_id="s",id="/docker/x"} 7e+06 990000\n'
    'container_memory_working_set_bytes{id="/"} 9e+09 990000\n'
)


def test_read_page_uses_cadvisor_without_textfile() -> None:
    assert page(CADVISOR).tasks == {"t": 7_000_000}
    assert page(CADVISOR + EXPORTER + TEXTFILE).tasks == {"t": 50_000_000}


def test_read_page_ignores_old_samples() -> None:
    old = EXPORTER.replace("1.5e+09", "1.5e+09 990000")
    assert (page(old, now=1049).available, page(old, now=1049).stale) == (1_500_000_000, ())
    outdated = (Reason("samples_outdated", limit=60.0),)
    assert (page(old, now=1051).available, page(old, now=1051).stale) == (None, outdated)
    assert page(old, now=929).stale == (Reason("samples_in_future", limit=60.0),)


def test_read_page_allows_two_intervals_of_cadvisor() -> None:
    assert page(CADVISOR, now=1109).tasks == {"t": 7_000_000}
    found = page(CADVISOR, now=1111)
    assert (found.tasks, found.stale) == ({}, (Reason("samples_outdated", limit=120.0),))
    found = page(CADVISOR, now=869)
    assert (found.tasks, found.stale) == ({}, (Reason("samples_in_future", limit=120.0),))


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1", "1e300", f"{2 * MAX_SIZE_BYTES}"])
def test_read_page_ignores_invalid_sizes(value: str) -> None:
    found = page(EXPORTER.replace("1.5e+09", value))
    assert (found.total, found.available) == (2_000_000_000, None)


def test_text_reader_rejects_other_pages() -> None:
    assert page("<html>welcome</html>") == Page()
    assert page("") == Page()
    with pytest.raises(ValueError, match="not in Prometheus' text format"):
        read(b"node_memory_MemTotal_bytes many\n")


def test_text_reader_rejects_truncated_number() -> None:
    with pytest.raises(ValueError, match="truncated"):
        read(EXPORTER.encode() + b"node_memory_MemAvailable_bytes 1.")
    assert len(read(EXPORTER.encode() + b"node_other 1.").samples) == 3


def test_text_reader_parses_only_relevant_lines() -> None:
    filler = b'container_cpu_usage_seconds_total{id="/x"} 1\n' * (MAX_BYTES // 100)
    assert len(read(filler + EXPORTER.encode()).samples) == 3


def test_text_reader_limits_memory() -> None:
    lines = [
        f'orcastra_container_memory_bytes{{task_id="{task}",node_id="{"n" * 100}{number}"}} {number}'
        for number in range(5000)
        for task in ("t", f"made-up-{number}")
    ]
    lines += [f'node_uname_info{{nodename="{number}"}} 1' for number in range(5000)]
    found = read("\n".join([*lines, ""]).encode())
    assert [(sample.labels, sample.value) for sample in found.samples] == [({"task_id": "t"}, 4999), ({}, 1)]
    assert len(found.names) < 20


def test_text_reader_keeps_tasks_of_its_node_only() -> None:
    text = TEXTFILE + TEXTFILE.replace('"t"', '"elsewhere"') + TEXTFILE.replace('"t"', '"over"')
    found = read(text.encode(), ("t",), ("elsewhere",))
    assert (page(text).tasks, found.foreign) == ({"t": 50_000_000}, 1)


def test_text_reader_ignores_long_labels() -> None:
    long = "x" * 5000
    assert read(f'node_uname_info{{nodename="{long}"}} 1\n'.encode()).names == frozenset()
    found = read(f'orcastra_container_memory_bytes{{task_id="{long}"}} 1\n'.encode(), (long,))
    assert found.samples == ()


def test_read_page_limits_interval_of_textfile() -> None:
    text = EXPORTER + TEXTFILE.replace(" 980", " 900").replace("seconds 30", "seconds 1e12")
    assert page(text.replace("node_time_seconds 1000", "node_time_seconds 1e6")).tasks == {}


def parse_reply(reply: bytes, tasks: tuple[str, ...] = ("t",), pieces: int = 1 << 30) -> Samples:
    reader = ReplyReader(tasks)
    for begin in range(0, len(reply), pieces):
        reader.feed(reply[begin : begin + pieces])
    return reader.close()


def test_reply_reader_returns_newest_samples() -> None:
    reply = (
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":'
        b'"node_memory_MemTotal_bytes","instance":"10.0.0.11:9100"},"values":[[970,"1"],[985.5,"2e9"]]}]}}'
    )
    for pieces in (1, 7, 1 << 30):
        (sample,) = parse_reply(reply, pieces=pieces).samples
        assert (sample.name, sample.value, sample.timestamp) == ("node_memory_MemTotal_bytes", 2e9, 985.5)
        assert sample.labels == {"instance": "10.0.0.11:9100"}


SERIES = '{"metric":{"__name__":"node_memory_MemTotal_bytes","instance":"a"},"values":[[1,"2"]]}'


def reply_of(*series: str, before: str = '"status":"success"', after: str = "") -> bytes:
    return f'{{{before},"data":{{"resultType":"matrix","result":[{",".join(series)}]}}{after}}}'.encode()


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        (reply_of(), 0),
        (reply_of(SERIES, SERIES.replace('"a"', '"b"')), 2),
        (reply_of(SERIES, SERIES), 1),
        (reply_of(SERIES, after=',"warnings":["x"],"stats":{}'), 1),
        (reply_of(SERIES).replace(b",", b" ,\n ").replace(b":[", b" : [ "), 1),
        (reply_of(SERIES.replace('"a"', '"ünï \\" \\"result\\":[ ]}"')), 1),
        (reply_of(SERIES.replace('"a"', '"x","task_id":"t"')), 1),
        (reply_of(SERIES.replace("[[1", '[[0.5,"NaN"],[1')), 1),
    ],
)
def test_reply_reader_accepts(reply: bytes, number: int) -> None:
    for pieces in (1, 5, 1 << 30):
        assert len(parse_reply(reply, pieces=pieces).samples) == number


def test_reply_reader_holds_one_series_at_a_time() -> None:
    container = '{"metric":{"__name__":"orcastra_container_memory_bytes","task_id":"%s"},"values":[[1,"2"]]}'
    reply = reply_of(*(container % task for number in range(3000) for task in ("t", f"made-up-{number}")))
    reader = ReplyReader(("t",))
    for begin in range(0, len(reply), 1000):
        reader.feed(reply[begin : begin + 1000])
        assert len(reader._text) < 2000
    assert [sample.labels for sample in reader.close().samples] == [{"task_id": "t"}]


@pytest.mark.parametrize(
    "reply",
    [
        reply_of(SERIES, "[" * 100_000),
        reply_of(SERIES.replace('"2"', '"' + "x" * 2_000_000 + '"')),
        reply_of(SERIES, before='"status":"error"'),
        reply_of(SERIES, after=f',"infos":["{"x" * 100_000}"]'),
        reply_of('{"metric":{},"values":[[1,"2"]]}'),
        reply_of(SERIES.replace('"2"', "null")),
        reply_of(SERIES.replace("[[1", f"[[1{'0' * 400}")),
        reply_of(SERIES.replace("[[1", f"[[1{'0' * 5000}")),
        reply_of(SERIES.replace('[[1,"2"]]', "[]")),
        reply_of(SERIES.replace('"values"', '"value"')),
        reply_of(SERIES, "7"),
        reply_of(SERIES, "{"),
        reply_of(SERIES)[:-5],
        reply_of(SERIES)[:-60],
        reply_of(SERIES) + b"}",
        reply_of(SERIES).replace(b"matrix", b"\xff"),
        b"x" * 100_000,
        b"",
    ],
    ids=lambda reply: repr(reply[:20]),
)
def test_reply_reader_rejects(reply: bytes) -> None:
    for pieces in (997, 65536, 1 << 30):
        with pytest.raises(ValueError, match=r"not JSON|not from Prometheus"):
            parse_reply(reply, pieces=pieces)


def test_reply_reader_limits_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "MAX_SERIES", 3)
    assert len(parse_reply(reply_of(*[SERIES] * 3)).samples) == 1
    with pytest.raises(ValueError, match="more than 3 series"):
        parse_reply(reply_of(*[SERIES] * 4))


@pytest.mark.parametrize(
    "reply", [b"<html>", b"[]", b'{"status":"error"}', b'{"status":"success","data":{}}']
)
def test_reply_reader_rejects_other_replies(reply: bytes) -> None:
    with pytest.raises(ValueError, match=r"not JSON|not from Prometheus"):
        parse_reply(reply)


def test_query_urls_request_recent_samples() -> None:
    urls = query_urls("http://prometheus:9090/", 60)
    assert all(url.startswith("http://prometheus:9090/api/v1/query?query=") for url in urls)
    assert [url.rpartition("%5B")[2] for url in urls] == ["60s%5D", "60s%5D", "120s%5D"]


VOLUMES = """
orcastra_container_memory_timestamp_seconds 990
orcastra_container_memory_interval_seconds 30
orcastra_volume_info{driver="local",node_id="n1",o="addr=nas",options="ab",type="nfs",volume="v"} 1
orcastra_volume_info{driver="rclone",node_id="n1",options="cd",volume="w"} 1
"""


def test_read_page_returns_volumes_of_the_textfile() -> None:
    options = {"o": "addr=nas", "type": "nfs"}
    assert page(VOLUMES).volumes == {
        "n1": {"v": ObservedVolume("local", options, "ab"), "w": ObservedVolume("rclone", {}, "cd")}
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [("seconds 990", "seconds 100"), ('driver="rclone"', ""), ('volume="w"} 1', 'volume="w"} 0')],
)
def test_read_page_ignores_unusable_volumes(before: str, after: str) -> None:
    assert before in VOLUMES
    assert "w" not in page(VOLUMES.replace(before, after).replace("{,", "{")).volumes.get("n1", {})


def test_read_page_ignores_contradictory_volumes() -> None:
    other = 'orcastra_volume_info{driver="local",node_id="n1",volume="w"} 1\n'
    assert set(page(VOLUMES + other).volumes["n1"]) == {"v"}


def test_text_reader_limits_volumes() -> None:
    lines = [f'orcastra_volume_info{{driver="x",node_id="n1",volume="v{n}"}} 1' for n in range(600)]
    assert len(read("\n".join([*lines, ""]).encode()).samples) == 500


# the metrics of a host with OpenZFS, as node_exporter 1.8 exports them
ZFS = """
node_memory_MemTotal_bytes 3.3652723712e+10
node_memory_MemAvailable_bytes 6.442450944e+09
node_zfs_arc_c_max 1.6826361856e+10
node_zfs_arc_c_min 1.051647616e+09
node_zfs_arc_size 1.3958643712e+10
"""


def test_read_page_counts_the_reclaimable_cache_of_zfs_as_available() -> None:
    assert page(ZFS).available == 6442450944 + 13958643712 - 1051647616


@pytest.mark.parametrize(
    ("before", "after", "available"),
    [
        ("node_zfs_arc_c_min 1.051647616e+09", "", 6442450944),
        ("node_zfs_arc_size 1.3958643712e+10", "", 6442450944),
        ("arc_size 1.3958643712e+10", "arc_size 1e+09", 6442450944),
        ("arc_size 1.3958643712e+10", "arc_size NaN", 6442450944),
        ("arc_size 1.3958643712e+10", "arc_size -5", 6442450944),
        ("arc_size 1.3958643712e+10", "arc_size 9e+30", 6442450944),
        ("arc_size 1.3958643712e+10", "arc_size 9e+12", 33652723712),
    ],
)
def test_read_page_ignores_unusable_sizes_of_zfs(before: str, after: str, available: int) -> None:
    assert before in ZFS
    assert page(ZFS.replace(before, after)).available == available

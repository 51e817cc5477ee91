# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.prometheus import (
    parse_reply,
    query_urls,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.samples import (
    Page,
    parse_text,
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


def page(text: str, now: float = 1000, max_age: float = 60) -> Page:
    return read_page(parse_text(text.encode()), now, max_age)


def test_a_node_exporter_with_a_textfile() -> None:
    found = page(EXPORTER + TEXTFILE)
    tasks = {"t": ("s", 50_000_000)}
    assert found == Page(2_000_000_000, 1_500_000_000, 1000, tasks, None, frozenset({"n"}))
    named = page(EXPORTER + 'node_uname_info{nodename="wrk-b",sysname="Linux"} 1\n')
    assert named.names == {"wrk-b"}


def test_a_textfile_that_is_too_old_counts_for_nothing() -> None:
    found = page(EXPORTER + TEXTFILE.replace(" 980", " 939"))
    assert found.tasks == {}
    assert found.stale == "the memory of its tasks is older than 60 s"
    assert found.total == 2_000_000_000


def test_its_age_is_told_by_the_clock_of_its_own_host() -> None:
    assert page(EXPORTER + TEXTFILE, now=500_000).tasks == {"t": ("s", 50_000_000)}
    assert page(TEXTFILE, now=500_000).tasks == {}


def test_a_textfile_that_is_written_rarely_may_be_two_of_its_own_intervals_old() -> None:
    text = EXPORTER + TEXTFILE.replace(" 980", " 890").replace("seconds 30", "seconds 60")
    assert page(text).tasks == {"t": ("s", 50_000_000)}


def test_a_textfile_without_a_time_is_of_no_use() -> None:
    found = page(EXPORTER + 'orcastra_container_memory_bytes{task_id="t",service_id="s"} 1\n')
    assert (found.tasks, found.stale) == ({}, "the memory of its tasks has no time")


CADVISOR = (
    'container_memory_working_set_bytes{container_label_com_docker_swarm_task_id="t",'
    'container_label_com_docker_swarm_service_id="s",id="/docker/x"} 7e+06 990000\n'
    'container_memory_working_set_bytes{id="/"} 9e+09 990000\n'
)


def test_cadvisor_counts_where_the_textfile_says_nothing() -> None:
    assert page(CADVISOR).tasks == {"t": ("s", 7_000_000)}
    assert page(CADVISOR + EXPORTER + TEXTFILE).tasks == {"t": ("s", 50_000_000)}


def test_a_sample_with_an_old_time_of_its_own_is_none() -> None:
    old = EXPORTER.replace("1.5e+09", "1.5e+09 990000")
    assert (page(old, now=1049).available, page(old, now=1049).stale) == (1_500_000_000, None)
    assert (page(old, now=1051).available, page(old, now=1051).stale) == (None, "samples are older than 60 s")
    assert page(old, now=929).stale == "samples are of more than 60 s from now: a clock is wrong"


def test_what_cadvisor_says_may_be_two_of_its_own_intervals_old() -> None:
    assert page(CADVISOR, now=1109).tasks == {"t": ("s", 7_000_000)}
    found = page(CADVISOR, now=1111)
    assert (found.tasks, found.stale) == ({}, "samples are older than 120 s")
    found = page(CADVISOR, now=869)
    assert (found.tasks, found.stale) == ({}, "samples are of more than 120 s from now: a clock is wrong")


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1"])
def test_values_that_are_no_sizes(value: str) -> None:
    found = page(EXPORTER.replace("1.5e+09", value))
    assert (found.total, found.available) == (2_000_000_000, None)


def test_other_pages() -> None:
    assert page("<html>welcome</html>") == Page()
    assert page("") == Page()
    with pytest.raises(ValueError, match="not in Prometheus' text format"):
        parse_text(b"node_memory_MemTotal_bytes many\n")
    with pytest.raises(ValueError, match=r"text format.*codec"):
        parse_text(b"node_memory_MemTotal_bytes\xff 1\n")


def test_a_number_that_may_have_lost_digits_is_none() -> None:
    with pytest.raises(ValueError, match="cut off"):
        parse_text(EXPORTER.encode() + b"node_memory_MemAvailable_bytes 1.")
    assert len(parse_text(EXPORTER.encode() + b"node_other 1.")) == 3


def test_of_a_page_that_is_no_page_little_is_told() -> None:
    with pytest.raises(ValueError, match="text format") as error:
        parse_text(b"node_memory_MemTotal_bytes " + b"x" * 100_000 + b"\n")
    assert len(str(error.value)) < 200


def test_of_a_large_page_only_what_matters_is_parsed() -> None:
    filler = b'container_cpu_usage_seconds_total{id="/x"} 1\n' * (MAX_BYTES // 100)
    assert len(parse_text(filler + EXPORTER.encode())) == 3


def test_the_newest_samples_of_a_server() -> None:
    reply = (
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":'
        b'"node_memory_MemTotal_bytes","instance":"10.0.0.11:9100"},"values":[[970,"1"],[985.5,"2e9"]]}]}}'
    )
    (sample,) = parse_reply(reply)
    assert (sample.name, sample.value, sample.timestamp) == ("node_memory_MemTotal_bytes", 2e9, 985.5)
    assert sample.labels == {"instance": "10.0.0.11:9100"}


@pytest.mark.parametrize(
    "reply", [b"<html>", b"[]", b'{"status":"error"}', b'{"status":"success","data":{}}']
)
def test_other_replies(reply: bytes) -> None:
    with pytest.raises(ValueError, match=r"something that is not JSON|another reply than Prometheus gives"):
        parse_reply(reply)


def test_only_fresh_samples_are_asked_for() -> None:
    urls = query_urls("http://prometheus:9090/", 60)
    assert all(url.startswith("http://prometheus:9090/api/v1/query?query=") for url in urls)
    assert [url.rpartition("%5B")[2] for url in urls] == ["60s%5D", "60s%5D", "120s%5D"]

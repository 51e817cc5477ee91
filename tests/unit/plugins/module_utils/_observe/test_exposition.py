# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parser of Prometheus' text format, compared with Prometheus' own client and with handwritten pages."""

from __future__ import annotations

import math

import prometheus_client.parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.orcastra.swarm.plugins.module_utils._observe import exposition
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.exposition import (
    MAX_LINE_BYTES,
    MAX_SAMPLES,
    Sample,
    SampleParser,
    parse_sample,
)

NAMES = ("node_memory_MemTotal_bytes", "m")


def parse(page: bytes, pieces: int = 1 << 30, content_type: str = "") -> list[Sample]:
    parser = SampleParser(NAMES, content_type)
    found = []
    for begin in range(0, len(page), pieces):
        found += parser.feed(page[begin : begin + pieces])
    parser.close()
    return found


def theirs(line: str) -> Sample:
    (family,) = prometheus_client.parser.text_string_to_metric_families(line + "\n")
    (sample,) = family.samples
    timestamp = None if sample.timestamp is None else float(sample.timestamp)  # type: ignore[arg-type]
    return Sample(sample.name, sample.labels, float(sample.value), timestamp)


def same(first: Sample, second: Sample) -> bool:
    values = first.value == second.value or (math.isnan(first.value) and math.isnan(second.value))
    times = first.timestamp == second.timestamp or math.isclose(
        first.timestamp or 0, second.timestamp or 0, rel_tol=1e-12
    )
    return values and times and (first.name, first.labels) == (second.name, second.labels)


blanks = st.text(" \t", max_size=2)
names = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True)
label_names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,6}", fullmatch=True)
texts = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"),
    max_size=12,
)
numbers = st.one_of(
    st.floats().map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["+Inf", "-Inf", "NaN", "+5", "1.", ".5", "1e3", "2E-7", "-0", "Inf", "nan"]),
)


def escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@st.composite
def lines(draw: st.DrawFn, names: st.SearchStrategy[str] = names) -> str:
    labels = draw(st.dictionaries(label_names, st.one_of(texts, st.just("a\nb")), max_size=4))
    inner = draw(st.sampled_from([",", ", "])).join(
        f'{name}{draw(blanks)}={draw(blanks)}"{escape(value)}"' for name, value in labels.items()
    )
    comma = "," if labels and draw(st.booleans()) else ""
    braces = f"{{{inner}{comma}}}" if labels or draw(st.booleans()) else ""
    timestamp = draw(st.one_of(st.just(""), st.integers(-(10**6), 2 * 10**12).map(lambda at: f" {at}")))
    return f"{draw(names)}{braces} {draw(numbers)}{timestamp}{draw(blanks)}"


@given(lines())
def test_parse_sample_agrees_with_prometheus(line: str) -> None:
    assert same(parse_sample(line), theirs(line))


@given(st.lists(lines(st.just("m")), max_size=5), st.integers(1, 40))
def test_parser_accepts_any_chunks(found: list[str], size: int) -> None:
    page = "".join(f"{line}\n" for line in found).encode()
    whole = parse(page)
    assert len(whole) == len(found)
    assert all(map(same, whole, parse(page, size)))


@given(st.text(max_size=60))
def test_parse_sample_raises_only_value_error(text: str) -> None:
    for line in (text, f"m {text}", f"m{{{text}", f'm{{a="b"}}{text}'):
        try:
            parse_sample(line)
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("line", "labels", "value", "timestamp"),
    [
        ("m 1", {}, 1, None),
        ("m\t1\t5000", {}, 1, 5),
        ("m{} 1", {}, 1, None),
        ("m {} 1", {}, 1, None),
        ("  m 1", {}, 1, None),
        ("m 1 \r", {}, 1, None),
        ('m{a="b",} 1', {"a": "b"}, 1, None),
        ('m{ a = "b" , c="" }1', {"a": "b", "c": ""}, 1, None),
        ('m{a="}{,\\"\\\\\\n"} -Inf', {"a": '}{,"\\\n'}, -math.inf, None),
        ('m{"a.b"="c"} 1', {"a.b": "c"}, 1, None),
        ('m{a="ünï\U0001f433"} 1e-3', {"a": "ünï\U0001f433"}, 0.001, None),
        ("m 1 -5000", {}, 1, -5),
        ("m 1 1000.5", {}, 1, 1.0005),
        ('m 7 # {trace_id="x"} 0.5 1700000000.0', {}, 7, None),
        ('m{a="# {"} 7 2000 # {} 1', {"a": "# {"}, 7, 2),
        (f"m {'9' * 400}", {}, math.inf, None),
    ],
)
def test_parse_sample_accepts(
    line: str, labels: dict[str, str], value: float, timestamp: float | None
) -> None:
    assert parse(f"{line}\n".encode()) == [Sample("m", labels, value, timestamp)]


@pytest.mark.parametrize(
    "line",
    [
        "m ",
        "m many",
        "m 1 2 3",
        "m 1_000",
        "m 0x10",
        "m 1 now",
        "m 1,5",
        "m{",
        'm{a="b"',
        'm{a="b} 1',
        "m{a=b} 1",
        "m{a} 1",
        'm{="b"} 1',
        'm{a="b"c="d"} 1',
        'm{a="b",,} 1',
        "m{,} 1",
        'm{a="b",a="c"} 1',
        'm{a="\\x"} 1',
        'm{1a="b"} 1',
        "m ١",
    ],
)
def test_parse_sample_rejects(line: str) -> None:
    with pytest.raises(ValueError, match="text format"):
        parse(f"{line}\n".encode())


def test_parser_rejects_invalid_utf_8() -> None:
    with pytest.raises(ValueError, match="text format"):
        parse(b'm{a="\xff"} 1\n')


def test_parser_ignores_other_metrics() -> None:
    others = (
        b'# HELP m x\n# TYPE m gauge\nother{ 1\n\nmm 1\nm_total x\nm\xff 1\n<html>\nM 1\n# EOF\n{"m"} 1\n'
    )
    page = others + b"m 1\n" + others
    assert [sample.value for sample in parse(page)] == [1]


def test_parser_reads_openmetrics_timestamps_in_seconds() -> None:
    page = b"# TYPE m gauge\nm 1 1700000000.5\nm 2 1700000000\n# EOF\n"
    content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert [one.timestamp for one in parse(page, content_type=content_type)] == [1700000000.5, 1700000000]
    assert [one.timestamp for one in parse(page)] == [1700000.0005, 1700000]


@pytest.mark.parametrize("page", [b"m 1", b"m 1\nm 1", b"m{a", b"m 1\n  m 1."])
def test_parser_rejects_truncated_last_line(page: bytes) -> None:
    with pytest.raises(ValueError, match="truncated"):
        parse(page)


def test_parser_ignores_truncated_line_of_other_metric() -> None:
    assert len(parse(b"m 1\n# EOF")) == 1


@pytest.mark.parametrize("pieces", [1000, 4096, 1 << 30])
def test_parser_ignores_long_lines(pieces: int) -> None:
    long = b"x" * (3 * MAX_LINE_BYTES)
    parser = SampleParser(NAMES)
    page = b'm 1\n# HELP %b\nm{a="%b"} 2\nother{a="%b"} 3\nm 4\nm{a="%b"} 5' % (long, long, long, long)
    found = [
        sample
        for begin in range(0, len(page), pieces)
        for sample in parser.feed(page[begin : begin + pieces])
    ]
    assert [sample.value for sample in found] == [1, 4]
    assert parser.too_long == 2


def test_parser_accepts_line_of_maximum_length() -> None:
    line = b'm{a="%b"} 1' % (b"x" * (MAX_LINE_BYTES - 9))
    assert len(line) == MAX_LINE_BYTES
    assert len(parse(line + b"\n")) == 1
    assert parse(line + b" \n") == []


def test_parser_limits_samples_but_not_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "MAX_SAMPLES", 3)
    assert len(parse(b"other 1\n" * 50 + b"m 1\n" * 3)) == 3
    with pytest.raises(ValueError, match="more than 3 memory samples"):
        parse(b"m 1\n" * 4)
    assert MAX_SAMPLES == 20_000


def test_parser_error_shortens_and_escapes_line() -> None:
    with pytest.raises(ValueError, match="text format") as error:
        parse(b"m \x1b[31m" + b"x" * 5000 + b"\n")
    assert len(str(error.value)) < 200
    assert str(error.value).isprintable()

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.durations import MAX_DURATION, format_duration, parse_duration
from ca_core.errors import RequestError

H, M, S = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
MS = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("72h", 72 * H),
        ("1h30m", 1.5 * H),
        ("90m", 90 * M),
        ("250ms", 250 * MS),
        ("1.5h", 90 * M),
        ("0s", 0 * S),
        ("1s1ms", S + MS),
        ("5m1h", 65 * M),
        ("876000h", MAX_DURATION),
    ],
)
def test_spans_are_read_as_go_writes_them(text: str, span: timedelta):
    """Hours, minutes, seconds, milliseconds; sums of them."""
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text",
    [
        "72",
        "-1h",
        "+1h",
        "1e9h",
        "",
        " 1h",
        "1h ",
        "1 h",
        "h",
        "1d",
        "1w",
        "1us",
        "1H",
        "0",
        "inf",
        "nan",
        "1h\n",
        ".5h",
        "1.h",
        "1.2345s",
        "\u0667\u0662h",  # digits, but not ours
        "\uff11h",
        "0x1h",
        "1_0h",
    ],
)
def test_what_is_no_span_is_refused_with_an_example(text: str):
    """A bare number is refused too: nobody can say whether it means seconds or nanoseconds."""
    with pytest.raises(RequestError, match=r"leaf_ttl: .*72h"):
        parse_duration(text, field="leaf_ttl")


@pytest.mark.parametrize("text", ["876000h1ms", "999999999h", "999999999h" * 6])
def test_more_than_a_century_is_refused(text: str):
    """Dates would overflow."""
    with pytest.raises(RequestError, match="100 years"):
        parse_duration(text)


def test_endless_text_is_refused_before_it_is_added_up():
    """Sums that overflow are never made."""
    with pytest.raises(RequestError):
        parse_duration("999999999h" * 10_000)


spans = st.integers(min_value=0, max_value=MAX_DURATION // MS).map(lambda n: n * MS)


@given(spans)
def test_what_is_written_is_read_as_the_same(span: timedelta):
    """To the millisecond, for every span that can be read."""
    assert parse_duration(format_duration(span)) == span


@given(st.text())
def test_no_text_makes_it_fail_otherwise(text: str):
    """``RequestError`` or a span within bounds."""
    try:
        span = parse_duration(text)
    except RequestError:
        return
    assert timedelta() <= span <= MAX_DURATION


@given(st.timedeltas())
def test_every_span_can_be_shown(span: timedelta):
    """Negative ones have a sign, for people; they are not read back."""
    assert format_duration(span).startswith("-") == (span < timedelta())


def test_the_shortest_text_is_written():
    """Empty parts are left out."""
    assert format_duration(72 * H) == "72h"
    assert format_duration(90 * M) == "1h30m"
    assert format_duration(timedelta()) == "0s"
    assert format_duration(-90 * M) == "-1h30m"

"""``Cache-Control`` of requests: exactly the forms that Consul's agent takes."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.acl.principal import Anonymous
from ca_core.api.cachecontrol import freshness_of, parse_cache_control
from ca_core.api.http import Request
from ca_core.errors import RequestError
from ca_core.wire.freshness import ANY_AGE, Freshness


def seconds(number):
    """Return a span."""
    return timedelta(seconds=number)


ANEW = Freshness(must_revalidate=True)

FORMS = {
    "": ANY_AGE,
    "max-age=30": Freshness(max_age=seconds(30)),
    "max-age=0": ANEW,
    "must-revalidate": ANEW,
    "max-age=123, must-revalidate": Freshness(max_age=seconds(123), must_revalidate=True),
    "Max-Age=30": Freshness(max_age=seconds(30)),
    "MUST-REVALIDATE": ANEW,
    "stale-if-error=300": Freshness(stale_if_error=seconds(300)),
    "max-age=30, stale-if-error=300": Freshness(max_age=seconds(30), stale_if_error=seconds(300)),
    "stale-if-error=300,max-age=30": Freshness(max_age=seconds(30), stale_if_error=seconds(300)),
    "no-cache": ANY_AGE,
    "no-cache, max-age=30": Freshness(max_age=seconds(30)),
    "max-age=1, max-age=2": Freshness(max_age=seconds(2)),
    " , ,": ANY_AGE,
    "stale-if-error=0": Freshness(stale_if_error=seconds(0)),
}
"""TestParseCacheControl, and the corners around it."""

GARBAGE = (
    'max-age="30"',
    "max-age=thirty",
    "max-age=",
    "max-age",
    "max-age=-1",
    "max-age=1.5",
    "max-age=30 stale-if-error=259200",
    "stale-if-error=x",
    "max-age=\u0663",
    f"max-age={'9' * 21}",
)


@pytest.mark.parametrize("text", FORMS)
def test_a_header_is_read_as_consul_reads_it(text):
    """Commas separate, names are in any case, what is unknown is left aside."""
    assert parse_cache_control(text) == FORMS[text]


@pytest.mark.parametrize("text", GARBAGE)
def test_what_is_no_number_of_seconds_is_refused(text):
    """Quoted, negative, broken, missing, too long: 400 with Consul's words."""
    with pytest.raises(RequestError, match=r"Invalid Cache-Control header\.") as caught:
        parse_cache_control(text)
    assert caught.value.field == "Cache-Control"


@given(st.text(max_size=60))
def test_any_header_is_read_or_refused(text):
    """Nothing else comes out of it."""
    with contextlib.suppress(RequestError):
        assert isinstance(parse_cache_control(text), Freshness)


def asked(query="", **headers):
    """Return what a request says about freshness."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return freshness_of(
        Request(method="GET", path="/", query=query, headers=named, body=b"", principal=Anonymous())
    )


@pytest.mark.parametrize("query", ["", "cached", "stale", "cached&stale", "consistent=false"])
def test_who_says_nothing_takes_any_age(query):
    """``?cached`` and ``?stale`` ask for what holds anyway; the value is the one for nobody."""
    assert asked(query) is ANY_AGE


def test_a_consistent_read_is_asked_anew():
    """``?consistent`` means ``must-revalidate``; what may be answered after an error stays."""
    assert asked("consistent") == ANEW
    both = asked("consistent", cache_control="max-age=30, stale-if-error=5")
    assert both == Freshness(must_revalidate=True, stale_if_error=seconds(5))


@pytest.mark.parametrize("other", ["cached", "stale"])
def test_wishes_that_contradict_are_refused(other):
    """Nobody can have it from memory and anew."""
    with pytest.raises(RequestError, match=rf"Cannot specify \?{other} with \?consistent"):
        asked(f"{other}&consistent")


def test_an_age_beyond_all_measure_is_any_age_that_exists():
    """A number that no span can hold does not break anything."""
    assert asked(cache_control=f"max-age={'9' * 20}").accepts(timedelta(days=30_000))

"""The queries of discovery: what is understood, and what is refused by name."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.api.discovery_requests import asked_of
from ca_core.catalog.choosing import EVERY_ROW
from ca_core.errors import RequestError
from tests.unit.api.asking import asking

ALL = frozenset({"passing", "tag", "node-meta"})


def asked(query, filters=ALL):
    """Return what is asked for in datacenter ``dc1``."""
    return asked_of(asking(query), "dc1", filters)


@pytest.mark.parametrize(
    "query",
    [
        *("near=_agent", "near=n1", "filter=Service.Port==80", "peer=p", "sg=s"),
        *("sameness-group=s", "merge-central-config", "merge-central-config=true"),
        *("dc=dc2", "datacenter=dc2", "ns=other", "partition=other"),
        *("index=x", "index=-1", "wait=1", "wait=x"),
    ],
)
def test_what_is_not_here_is_refused_by_its_name(query):
    """An answer that looks like the one that was asked for, and is not, misleads."""
    with pytest.raises(RequestError) as caught:
        asked(query)
    assert caught.value.field == query.partition("=")[0]


@pytest.mark.parametrize(
    "query",
    [
        *("near=", "filter=", "peer=", "dc=dc1", "ns=default", "merge-central-config=false"),
        *("pretty", "token_is_no_parameter=1", "stale", "consistent"),
    ],
)
def test_what_changes_nothing_is_let_pass(query):
    """What is empty, what names what is served, and what says how to ask."""
    assert asked(query).wanted == EVERY_ROW


def test_a_filter_counts_only_where_it_has_a_meaning():
    """Elsewhere it is refused."""
    for name in ("tag=v1", "node-meta=a:b", "passing"):
        assert asked(name).wanted != EVERY_ROW
        with pytest.raises(RequestError, match="has no effect here"):
            asked(name, frozenset())


def test_index_and_wait_are_read_as_everywhere():
    """One rule of blocking."""
    found = asked("index=9&wait=10s&passing").blocking
    assert (found.index, found.wait) == (9, timedelta(seconds=10))


def test_long_queries_are_not_remembered():
    """Whoever sends many of them must not fill the memory."""
    query = "&".join(f"tag=t{number}" for number in range(99))
    assert len(query) > 512
    assert asked(query) is not asked(query)
    assert asked("tag=v1") is asked("tag=v1")


def test_the_same_query_means_something_else_elsewhere():
    """What is remembered belongs to one datacenter and one set of filters."""
    assert asked("dc=dc1").wanted == EVERY_ROW
    with pytest.raises(RequestError):
        asked_of(asking("dc=dc1"), "dc2", ALL)


NAMES = st.sampled_from(
    ["passing", "tag", "node-meta", "index", "wait", "near", "filter", "dc", "merge-central-config"]
)
PARTS = st.builds("{}{}".format, NAMES, st.text("=:&%1ts\x00\xff", max_size=6))


@given(st.lists(PARTS, max_size=4).map("&".join), st.sampled_from([ALL, frozenset()]))
def test_any_query_is_understood_or_refused_as_a_mistake_of_its_sender(query, filters):
    """Nothing else comes out of it, and the same again says the same."""
    with contextlib.suppress(RequestError):
        assert asked(query, filters) == asked(query, filters)

"""Tests of counting what would have been denied."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.errors import RequestError
from ca_core.intentions.decision import Default
from ca_core.intentions.index import Index
from ca_core.intentions.model import Intention, Name, Verdict, service_name
from ca_core.intentions.observed import (
    MOST,
    NOTHING,
    Collected,
    Observed,
    Seen,
    Summary,
    merged,
    rule_of,
)
from ca_core.intentions.reporting import parsed_report, reported
from ca_core.wire.observations import ObservedAnswer, ObservedBody

NOW = datetime(2030, 1, 1, tzinfo=UTC)
WEB, API, DB = map(service_name, ("web", "api", "db"))
KEYS = [Seen(service_name(f"s{n}"), DB, "rule") for n in range(8)]
streams = st.lists(st.sampled_from(KEYS), max_size=60)


def counted(stream, most=3):
    """Return the summary of a stream."""
    observed = Observed(most)
    for second, seen in enumerate(stream):
        observed.add(seen, NOW + timedelta(seconds=second))
    return observed.taken()


def assert_true_of(summary, truth):
    """Hold a summary against the true counts."""
    listed = dict(summary.counts)
    for seen, count in truth.items():
        if seen in listed:
            assert listed[seen].count - listed[seen].error <= count <= listed[seen].count
        else:
            assert count <= summary.unlisted


@given(streams)
def test_no_count_is_further_off_than_it_says(stream):
    """Whatever comes, in whatever order; and never more keys than were allowed."""
    summary = counted(stream)
    assert len(summary.counts) <= 3
    assert_true_of(summary, Counter(stream))


@given(streams)
def test_what_is_frequent_is_kept(stream):
    """A key seen more often than the stream's length over the keys kept is always listed."""
    listed = dict(counted(stream).counts)
    assert {seen for seen, n in Counter(stream).items() if n > len(stream) / 3} <= listed.keys()


@given(streams)
def test_few_keys_are_counted_exactly(stream):
    """Nothing is inherited while there is room."""
    summary = counted(stream, most=len(KEYS))
    assert {seen: count.count for seen, count in summary.counts} == Counter(stream)
    assert {count.error for _, count in summary.counts} <= {0}
    assert summary.unlisted == 0


@given(st.lists(streams, max_size=4), st.randoms())
def test_merged_counts_are_true_of_all_together(streams_, random):
    """In any order of merging."""
    summaries = [counted(stream) for stream in streams_]
    random.shuffle(summaries)
    total = NOTHING
    for one in summaries:
        total = merged(total, one, most=3)
    assert len(total.counts) <= 3
    assert_true_of(total, sum(map(Counter, streams_), Counter()))


@given(streams, streams)
def test_merging_has_no_sides(one, other):
    """It is the same both ways round, and nothing added is nothing."""
    ours, others = counted(one), counted(other)
    assert merged(ours, others, 3) == merged(others, ours, 3)
    assert merged(ours, NOTHING, 3) == ours


def test_a_flood_of_names_takes_bounded_memory():
    """And what was frequent before it is still listed."""
    observed = Observed()
    for _ in range(500):
        observed.add(Seen(WEB, DB, "rule"), NOW)
    for n in range(5 * MOST):
        observed.add(Seen(service_name(f"s{n}"), DB, "rule"), NOW)
    assert len(observed) == MOST
    assert len(observed._rarest) <= MOST
    seen, count = observed.taken().counts[0]
    assert (seen.source, count.count, count.error) == (WEB, 500, 0)


def test_what_was_taken_is_not_told_again():
    """An agent reports what is new."""
    observed = Observed()
    observed.add(KEYS[0], NOW)
    assert len(observed.taken().counts) == 1
    assert observed.taken() == NOTHING


@pytest.mark.parametrize(
    ("observed_action", "enforced_action", "counted_as"),
    [("deny", "allow", 1), ("allow", "allow", 0), ("deny", "deny", 0), ("allow", "deny", 0)],
)
def test_only_what_would_newly_be_denied_is_counted(observed_action, enforced_action, counted_as):
    """What is denied anyway needs no observing."""
    seen = Intention(source=WEB, destination=DB, action=Verdict(observed_action), observe=True)
    every = Name("default", "*")
    enforced = Intention(source=every, destination=DB, action=Verdict(enforced_action))
    decision = Index.of([seen, enforced]).decide(WEB, DB)
    observed = Observed()
    observed.note(WEB, DB, decision, NOW)
    found = observed.taken().counts
    assert len(found) == counted_as
    for key, _ in found:
        assert key == Seen(WEB, DB, "default/web => default/db")


def test_a_rule_is_named():
    """The default has a name too."""
    assert rule_of(Index.of([], Default(allowed=False)).decide(WEB, DB)) == "default"


def test_a_server_adds_up_what_agents_report():
    """Two agents that saw the same pair are one line."""
    collected = Collected()
    collected.add(counted([KEYS[0]] * 2))
    collected.add(counted([KEYS[0]] * 3))
    collected.add(NOTHING)
    ((seen, count),) = collected.summary.counts
    assert (seen, count.count) == (KEYS[0], 5)


@given(streams)
def test_a_report_is_read_as_it_was_written(stream):
    """Nothing is lost on the way."""
    summary = counted(stream)
    assert parsed_report(reported(summary)) == summary


def body(**more):
    """Return an entry of a report."""
    return ObservedBody(
        **{"source": "web", "destination": "db", "rule": "r", "count": 1, "last": NOW} | more
    )


@pytest.mark.parametrize(
    ("report", "field"),
    [
        (ObservedAnswer(observed=(body(),) * (MOST + 1)), "Observed"),
        (ObservedAnswer(observed=(body(), body())), "Observed"),
        (ObservedAnswer(unlisted=-1), "Unlisted"),
        (ObservedAnswer(observed=(body(source="*"),)), "Observed[0].Source"),
        (ObservedAnswer(observed=(body(destination="a b"),)), "Observed[0].Destination"),
        (ObservedAnswer(observed=(body(count=-1),)), "Observed[0].Count"),
        (ObservedAnswer(observed=(body(count=2**60),)), "Observed[0].Count"),
        (ObservedAnswer(observed=(body(error=1),)), "Observed[0].Error"),
        (ObservedAnswer(observed=(body(error=-1),)), "Observed[0].Error"),
        (ObservedAnswer(observed=(body(rule="r" * 2000),)), "Observed[0].Rule"),
        (ObservedAnswer(observed=(body(last=datetime(2030, 1, 1)),)), "Observed[0].Last"),  # noqa: DTZ001 - the case
    ],
)
def test_a_report_that_cannot_be_is_refused(report, field):
    """Agents are not believed blindly."""
    with pytest.raises(RequestError) as refused:
        parsed_report(report)
    assert refused.value.field == field


def test_an_empty_summary_has_nothing():
    """The neutral value of merging."""
    assert Summary() == NOTHING

"""Answers that are kept: shared where they may be, and never more than there is room for."""

from hypothesis import given
from hypothesis import strategies as st

from ca_core.acl.sight import EVERYTHING, Sight
from ca_core.api.keptanswers import Encoded, KeptAnswers

A, B = Sight("a"), Sight("b")


class Asking:
    """Asks, and counts how often it was looked and encoded."""

    def __init__(self, **limits):
        self.kept = KeptAnswers(**limits)
        self.seen, self.encoded = 0, 0

    def ask(self, question, sight, value="x", *, hidden=False):
        """Return the answer."""

        def see():
            self.seen += 1
            return value, hidden

        def encode(found):
            self.encoded += 1
            return found.encode()

        found = self.kept.found(question, sight)
        return found or self.kept.encoded(question, sight, see, encode)

    @property
    def counts(self):
        """Return how often it was looked, and encoded."""
        return self.seen, self.encoded


def test_the_same_sight_is_looked_at_once():
    """The second time neither the rows nor the encoder are touched."""
    asking = Asking()
    first = asking.ask("q", A)
    assert asking.ask("q", A) is first
    assert asking.counts == (1, 1)


def test_whoever_sees_everything_shares_one_body():
    """The rows are looked at for each; the body is made once."""
    asking = Asking()
    assert asking.ask("q", A) is asking.ask("q", B) is asking.ask("q", None)
    assert asking.counts == (3, 1)


def test_what_was_cut_is_for_that_sight_alone():
    """Neither for another one, nor for whoever sees everything."""
    asking = Asking()
    assert asking.ask("q", A, "part", hidden=True) == Encoded(b"part", hidden=True)
    assert asking.ask("q", B, "whole") == Encoded(b"whole", hidden=False)
    assert asking.ask("q", A) == Encoded(b"part", hidden=True)
    assert asking.ask("q", None, "own", hidden=True) == Encoded(b"own", hidden=True)
    assert asking.ask("q", None, "other", hidden=True).body == b"other"


def test_the_oldest_goes_when_there_are_too_many():
    """The one that was asked for last stays."""
    asking = Asking(most_entries=2)
    for question in ("a", "b", "a", "c"):
        asking.ask(question, A, hidden=True)
    assert asking.seen == 3
    asking.ask("a", A)
    assert asking.seen == 3
    asking.ask("b", A)
    assert asking.seen == 4


def test_the_newest_is_kept_however_large_it_is():
    """Ten thousand who wait for it must not have it made ten thousand times."""
    asking = Asking(most_bytes=10)
    for _ in range(5):
        asking.ask("q", None, "x" * 1000)
    assert (len(asking.kept), asking.encoded) == (1, 1)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([A, B, EVERYTHING, None]), st.booleans())
    ),
    st.integers(1, 6),
)
def test_whatever_is_kept_the_answer_is_the_one_that_was_due(asked, most):
    """A question and a sight have one answer; memory changes only how often it is made."""
    asking = Asking(most_entries=most)
    sees_part = {}
    for question, sight, drawn in asked:
        hidden = drawn if sight is None else sees_part.setdefault((question, sight), drawn)
        value = f"part of {question}" if hidden else question
        found = asking.ask(question, sight, value, hidden=hidden)
        assert found == Encoded(value.encode(), hidden=hidden)
        assert len(asking.kept) <= most

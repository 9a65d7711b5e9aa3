"""Which leaves have a successor, by the record alone."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ca_core.authority.record import REHEARSAL, IssuanceRow
from ca_core.authority.unreplaced import GRACE, unreplaced
from ca_core.testing.clock import START

OLD, NEW = "ca-old", "ca-new"
LIFE = timedelta(hours=1)
NOW = START + timedelta(minutes=30)


def issued(minute=0, *, authority=OLD, who="web", replaces=None, principal="node a"):
    """Return the record of a leaf that was issued in some minute, and of which it replaces."""
    at = START + timedelta(minutes=minute)
    return IssuanceRow(
        serial="01",
        identity=who,
        principal=principal,
        authority=authority,
        signer="signer",
        not_after=at + LIFE,
        at=at,
        replaces=None if replaces is None else START + timedelta(minutes=replaces) + LIFE,
    )


def test_a_leaf_counts_until_its_successor_is_in_use():
    """The holder of a new leaf is given some seconds to take it."""
    rows = [issued(0), issued(20, authority=NEW, replaces=0)]
    moment = START + timedelta(minutes=20)
    assert unreplaced(rows[:1], OLD, NOW) == 1
    assert unreplaced(rows, OLD, moment + GRACE - timedelta(seconds=1)) == 1
    assert unreplaced(rows, OLD, moment + GRACE) == 0


def test_one_successor_stands_for_one_leaf():
    """Two programs of one service on one host have a leaf each, of the same second even."""
    rows = [issued(0), issued(0), issued(20, authority=NEW, replaces=0)]
    assert unreplaced(rows, OLD, NOW) == 1


def test_two_successors_of_one_leaf_stand_for_that_one():
    """An answer was lost, and the agent asked again: nobody else was served by that."""
    rows = [issued(0), issued(0, who="db")]
    rows += [issued(20, authority=NEW, replaces=0), issued(21, authority=NEW, replaces=0)]
    assert unreplaced(rows, OLD, NOW) == 1


def test_nobody_replaces_the_leaf_of_somebody_else():
    """The same service on another host, and another service on this one, hold theirs still."""
    rows = [issued(0), issued(0, principal="node b"), issued(0, who="db")]
    rows.append(issued(20, authority=NEW, replaces=0))
    assert unreplaced(rows, OLD, NOW) == 2


def test_a_renewal_under_the_same_root_moves_the_leaf_and_ends_nothing():
    """What was renewed before the change counts once, as the later leaf."""
    rows = [issued(0), issued(10, replaces=0)]
    assert unreplaced(rows, OLD, NOW) == 1
    assert unreplaced([*rows, issued(20, authority=NEW, replaces=10)], OLD, NOW) == 0


def test_whoever_lost_its_leaf_without_a_word_is_waited_for():
    """An agent that starts anew names nothing; what it held may be a thief's."""
    rows = [issued(0), issued(20, authority=NEW)]
    assert unreplaced(rows, OLD, NOW) == 1
    assert unreplaced(rows, OLD, START + LIFE) == 0


def test_a_rehearsal_counts_for_nothing():
    """Nobody has its key."""
    assert unreplaced([issued(0, principal=REHEARSAL)], OLD, NOW) == 0


@given(
    st.lists(st.tuples(st.integers(0, 25), st.sampled_from("ab"), st.booleans()), max_size=8),
    st.randoms(use_true_random=False),
)
def test_it_is_never_fewer_than_the_holders_that_were_not_served(holders, random):
    """However renewals are mixed, each leaf without a successor of its own is counted."""
    first = [issued(minute, who=who) for minute, who, _ in holders]
    later = [
        issued(26, authority=NEW, who=who, replaces=minute)
        for minute, who, renewed in holders
        if renewed
    ]
    random.shuffle(later)
    rows = sorted(first, key=lambda row: row.at) + later
    assert unreplaced(rows, OLD, NOW) == sum(not renewed for *_, renewed in holders)

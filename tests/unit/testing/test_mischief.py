"""Fates: drawn from a seed, one stream for each kind of call."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from ca_core.testing.mischief import DISTURBING, PROFILES, REFUSED, Fates, Mischief

EVERYTHING = frozenset(Mischief)
SEEDS = st.integers(0, 2**32)
KINDS = st.lists(st.sampled_from(["sign_leaf", "prepare_signer", "revoke"]), max_size=30)


def fates(seed=7, odds=None, streak=3):
    """Return fates that are rough unless told otherwise."""
    return Fates(seed, PROFILES["rough"] if odds is None else odds, streak=streak)


def drawn(found, kinds):
    """Return the fate of each call."""
    return [found.drawn(kind, EVERYTHING) for kind in kinds]


@given(SEEDS, KINDS)
def test_the_same_seed_and_calls_have_the_same_fates(seed, kinds):
    """What was seen once can be seen again."""
    assert drawn(fates(seed), kinds) == drawn(fates(seed), kinds)


def test_another_seed_has_other_fates():
    """A seed is not a decoration."""
    calls = ["sign_leaf"] * 30
    assert drawn(fates(1), calls) != drawn(fates(2), calls)


def test_each_kind_of_call_has_fates_of_its_own():
    """Otherwise a seed that spares the first ``sign_leaf`` would spare every first call."""
    found = fates()
    assert drawn(found, ["sign_leaf"] * 30) != drawn(found, ["revoke"] * 30)


def test_each_object_has_fates_of_its_own():
    """A server that restarts, and another server, do not meet the same mischief again."""
    odds, calls = PROFILES["rough"], ["sign_leaf"] * 30
    lives = [drawn(Fates(1, odds, streak=3, life=life), calls) for life in (0, 1, 1)]
    assert lives[0] != lives[1] == lives[2]


@given(SEEDS, KINDS)
def test_other_kinds_of_calls_disturb_no_stream(seed, kinds):
    """The n-th ``sign_leaf`` has one fate, whatever else is called in between."""
    mixed, alone = fates(seed), fates(seed)
    seen = [fate for kind, fate in zip(kinds, drawn(mixed, kinds), strict=True) if kind == "revoke"]
    assert seen == drawn(alone, ["revoke"] * len(seen))


@given(SEEDS)
def test_one_knob_moves_no_other_mischief(seed):
    """Health that flaps more often changes nothing about leaves that live shorter."""
    odds = PROFILES["rough"] | {Mischief.SICK: 1.0}
    for before, after in zip(
        drawn(fates(seed), ["x"] * 20), drawn(fates(seed, odds), ["x"] * 20), strict=True
    ):
        assert before.amount == after.amount
        assert before.strikes - {Mischief.SICK} == after.strikes - {Mischief.SICK}


def test_threads_share_the_fates_of_one_kind():
    """Who gets which depends on who comes first; what is given out does not."""
    calls = ["sign_leaf"] * 200
    shared = fates()
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda kind: shared.drawn(kind, EVERYTHING), calls))
    assert sorted(map(repr, seen)) == sorted(map(repr, drawn(fates(), calls)))


@given(SEEDS, st.integers(0, 4))
def test_a_streak_ends(seed, streak):
    """However likely mischief is, a patient caller gets through: the next call is not disturbed."""
    always = dict.fromkeys(Mischief, 1.0)
    seen = [bool(fate.strikes & DISTURBING) for fate in drawn(fates(seed, always, streak), "a" * 9)]
    assert seen == [bool((n + 1) % (streak + 1)) for n in range(9)]


@given(SEEDS)
def test_a_call_is_disturbed_once(seed):
    """An answer that is lost cannot be crooked too."""
    for fate in drawn(fates(seed, dict.fromkeys(Mischief, 0.8)), ["x"] * 20):
        assert len(fate.strikes & DISTURBING) <= 1


def test_only_what_is_possible_happens():
    """A call without a chain has no crooked one, and that counts for no streak."""
    found = fates(odds={Mischief.CROOKED_CHAIN: 1.0}, streak=1)
    legal = EVERYTHING - REFUSED
    assert all(not found.drawn("revoke", legal).strikes for _ in range(5))
    assert found.drawn("revoke", EVERYTHING).has(Mischief.CROOKED_CHAIN)


def test_no_profile_but_the_lying_one_is_illegal():
    """Whoever asks for a rough backend gets one that keeps the contract."""
    liars = {name for name, odds in PROFILES.items() if REFUSED & odds.keys()}
    assert liars == {"lying"}


def test_odds_come_true():
    """A mischief of one half strikes about half of the calls: 2,000 draws are within 5 %."""
    found = fates(odds={Mischief.SICK: 0.5})
    struck = sum(fate.has(Mischief.SICK) for fate in drawn(found, ["health"] * 2000))
    assert 900 < struck < 1100

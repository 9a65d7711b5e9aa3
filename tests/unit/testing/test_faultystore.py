"""The store that dies or fails: at exactly the moment it was told, and from then on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.contract import UnavailableError
from ca_core.testing import FaultyStore, MemoryProviderState, MemorySecrets, Moment
from ca_core.testing.faultystore import Killed


def written(store):
    """Write three times, reading in between; return when it is done."""
    store.state.get("a")
    store.state.create("a", "1")
    store.secrets.get("k")
    store.secrets.create("k", b"v")
    store.state.keys()
    store.state.replace("a", "1", "2")


def stores():
    """Return a faulty store, and what stands behind it."""
    state, secrets = MemoryProviderState(), MemorySecrets()
    return FaultyStore(state, secrets), state, secrets


def test_without_a_plan_it_is_a_store_like_any_other():
    """Everything that is asked of it reaches the two stores behind it."""
    store, state, secrets = stores()
    written(store)
    assert state.get("a") == "2"
    assert secrets.get("k") == b"v"
    store.secrets.delete("k")
    assert secrets.names() == ()


@given(number=st.integers(1, 5), after=st.booleans(), reads=st.booleans())
def test_the_moment_decides_what_is_kept(number, after, reads):
    """What was used before the moment took effect, the use itself if it is after it, no more."""
    store, state, secrets = stores()
    store.die(Moment(number, after=after, reads=reads))
    uses = [(0, None), (1, "a"), (0, None), (1, "k"), (0, None), (1, "replaced")]
    counted = [what for writes, what in uses if writes or reads]
    done = [what for what in counted[: number if after else number - 1] if what]
    if number > len(counted):
        written(store)
        assert not store.reached
        return
    with pytest.raises(Killed):
        written(store)
    assert store.reached
    assert (state.get("a") is not None) == ("a" in done)
    assert (secrets.get("k") is not None) == ("k" in done)
    assert (state.get("a") == "2") == ("replaced" in done)


def test_whoever_is_dead_stays_dead_until_healed():
    """Clean-up code of a killed process reaches no store; a new process does."""
    store, state, _ = stores()
    store.die(Moment(1))
    for _ in range(2):
        with pytest.raises(Killed):
            store.state.create("a", "1")
    with pytest.raises(Killed):
        store.secrets.get("k")
    store.heal()
    assert store.state.create("a", "2") == "2"
    assert state.get("a") == "2"


def test_a_failing_store_is_unavailable():
    """What a provider sees is the error that the store's protocol names."""
    store, _, _ = stores()
    store.fail(Moment(1, reads=True))
    with pytest.raises(UnavailableError):
        store.state.get("a")
    with pytest.raises(UnavailableError):
        store.secrets.delete("k")


def test_somebody_else_may_go_first():
    """An action runs once, before the write it was planned for."""
    store, state, _ = stores()
    store.at(Moment(1), lambda: state.create("a", "theirs"))
    assert store.state.create("a", "ours") == "theirs"
    assert store.state.create("b", "ours") == "ours"


def test_moments_are_said_in_words():
    """Reports name the moment."""
    assert str(Moment(2)) == "before write 2"
    assert str(Moment(3, after=True, reads=True)) == "after use 3"

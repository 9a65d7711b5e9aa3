"""A provider's durable strings."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ca_core.contract.context import ProviderState
from ca_core.errors import RequestError, UnavailableError
from ca_core.state import Store
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.providerstate import StoredProviderState


@pytest.fixture
def engines():
    """Return two servers' connections to one backend."""
    backend = FakeBackend()
    return FakeEngine(backend), FakeEngine(backend)


@pytest.fixture
def states(engines):
    """Return one provider's state on two servers, as the contract sees it."""
    with Store(engines[0]) as one, Store(engines[1]) as two:
        states: list[ProviderState] = [StoredProviderState(store, "acme") for store in (one, two)]
        yield states


def test_the_value_that_stands_is_returned_to_everybody(states):
    """The second server to create a key gets the first one's value."""
    one, two = states
    assert one.get("root/1") is None
    assert one.create("root/1", "first") == "first"
    assert two.create("root/1", "second") == "first"
    assert two.get("root/1") == "first"


def test_replace_writes_only_over_the_old_value(states):
    """A caller whose knowledge is old is told so and changes nothing."""
    one, two = states
    one.create("k", "a")
    assert two.replace("k", "a", "b") is True
    assert one.replace("k", "a", "c") is False
    assert one.replace("missing", "a", "c") is False
    assert one.get("k") == "b"


def test_replace_by_none_deletes(states):
    """A deleted key is free again."""
    one, _ = states
    one.create("k", "a")
    assert one.replace("k", "a", None) is True
    assert one.get("k") is None
    assert one.create("k", "b") == "b"


def test_of_two_that_replace_one_wins(engines, states):
    """A server whose view lags loses, and learns it from the winner's value."""
    one, two = states
    one.create("k", "a")
    engines[1].hold()
    assert one.replace("k", "a", "one") is True
    with ThreadPoolExecutor(1) as thread:
        late = thread.submit(two.replace, "k", "a", "two")
        with pytest.raises(TimeoutError):
            late.result(0.05)
        engines[1].release()
        assert late.result(10) is False
    assert one.get("k") == "one"


def test_keys_are_listed_by_prefix_in_order(states):
    """Only this provider's keys, sorted, without its name."""
    one, _ = states
    for key in ("b/2", "a/1", "b/1"):
        one.create(key, "x")
    StoredProviderState(one._store, "acme2").create("b/3", "x")
    assert one.keys() == ("a/1", "b/1", "b/2")
    assert one.keys("b/") == ("b/1", "b/2")


@pytest.mark.parametrize("key", ["", "A", "a b", "ä", "a\n", "x" * 201])
def test_a_malformed_key_is_refused(states, key):
    """Keys are lower case, plain and short, for every method."""
    one, _ = states
    for use in (one.get, lambda k: one.create(k, "v"), lambda k: one.replace(k, "a", "b")):
        with pytest.raises(RequestError):
            use(key)


def test_a_value_has_at_most_64_kib(states):
    """The limit counts bytes of UTF-8, and what UTF-8 cannot hold is refused."""
    one, _ = states
    assert one.create("full", "ä" * (32 * 1024)) == "ä" * (32 * 1024)
    for value in ("ä" * (32 * 1024) + "x", "\ud800"):
        with pytest.raises(RequestError):
            one.create("k", value)
        with pytest.raises(RequestError):
            one.replace("full", "ä", value)
    assert one.keys() == ("full",)


@pytest.mark.parametrize("name", ["", "a/b"])
def test_a_malformed_provider_name_is_refused(states, name):
    """A slash would let two providers' keys meet."""
    with pytest.raises(RequestError):
        StoredProviderState(states[0]._store, name)


def test_a_backend_that_is_away_is_reported(engines, states):
    """The provider learns that nothing was written."""
    engines[0].fail(UnavailableError("away"))
    with pytest.raises(UnavailableError):
        states[0].create("k", "v")
    assert states[1].get("k") is None

"""What the core lends, in memory: it keeps the promises of the protocols."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.contract import RequestError, Role
from ca_core.testing import MemoryProviderState, MemorySecrets, provider_context

KEYS = st.text(alphabet=string.ascii_lowercase + string.digits + "./_-", min_size=1, max_size=200)


@given(KEYS, st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_the_first_create_stands(key, values):
    """Whatever is created later, everybody gets the first value."""
    state = MemoryProviderState()
    assert {state.create(key, value) for value in values} == {values[0]}
    assert state.get(key) == values[0]


@given(KEYS, st.text(max_size=9), st.text(max_size=9), st.none() | st.text(max_size=9))
def test_replace_compares_before_it_writes(key, standing, expected, new):
    """The value changes exactly if it was the expected one."""
    state = MemoryProviderState()
    state.create(key, standing)
    assert state.replace(key, expected, new) == (standing == expected)
    assert state.get(key) == (new if standing == expected else standing)


def test_replacing_what_is_absent_writes_nothing():
    """There is no old value to compare with."""
    state = MemoryProviderState()
    assert not state.replace("a", "x", "y")
    assert state.keys() == ()


def test_keys_are_listed_by_prefix_and_sorted():
    """A prefix is text, not a folder."""
    state = MemoryProviderState()
    for key in ("b/2", "a/1", "b/1", "bb"):
        state.create(key, "")
    assert state.keys("b/") == ("b/1", "b/2")
    assert state.keys() == ("a/1", "b/1", "b/2", "bb")


@pytest.mark.parametrize("key", ["", "Upper", "a b", "ä", "x" * 201, "a\n"])
def test_malformed_keys_are_refused(key):
    """The fake refuses what the store would refuse, so that a test finds it."""
    for store in (MemoryProviderState(), MemorySecrets()):
        with pytest.raises(RequestError):
            store.get(key)


def test_values_are_bounded_in_bytes():
    """64 KiB of UTF-8 are the limit, also for characters of several bytes."""
    state = MemoryProviderState()
    state.create("a", "x" * 64 * 1024)
    with pytest.raises(RequestError):
        state.create("b", "ä" * 33 * 1024)
    with pytest.raises(RequestError):
        state.replace("a", "x" * 64 * 1024, "ä" * 33 * 1024)


def test_secrets_are_created_once_and_deleted_quietly():
    """The first secret stands until it is deleted; deleting twice is fine; no repr shows it."""
    secrets = MemorySecrets()
    assert secrets.create("k", b"first") == secrets.create("k", b"second") == b"first"
    assert "first" not in repr(secrets)
    secrets.delete("k")
    secrets.delete("k")
    assert secrets.get("k") is None
    assert secrets.names() == ()


def test_a_context_brings_everything_a_provider_needs():
    """Two contexts share only what they were given in common."""
    state = MemoryProviderState()
    one, two = provider_context(state=state), provider_context(state=state, role=Role.SECONDARY)
    one.state.create("a", "1")
    assert two.state.get("a") == "1"
    one.secrets.create("k", b"v")
    assert two.secrets.get("k") is None
    assert (one.datacenter, two.datacenter) == ("dc1", "dc2")

"""``index`` and ``wait``, and what an endpoint does with them."""

import contextlib
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.api.blocking import DEFAULT_WAIT, MAX_WAIT, blocking_of, with_jitter
from ca_core.api.root_handlers import until_changed
from ca_core.durations import format_duration
from ca_core.errors import RequestError
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Change, Transaction
from ca_core.state.store import Store
from tests.unit.api.asking import asking

U64 = 2**64 - 1
TOPIC = "roots"


def read(**arguments):
    """Return what a query with these parameters asks for."""
    return blocking_of(asking(urlencode(arguments)))


def test_absent_means_at_once():
    """No index blocks nothing; the default wait is Consul's."""
    assert read() == read(index="", wait="") == read(index=0)
    assert (read().index, read().wait) == (0, DEFAULT_WAIT)


@given(st.integers(0, U64))
def test_every_index_of_64_bits_is_read(index):
    """Indexes are unsigned 64-bit numbers."""
    assert read(index=index).index == index


@given(st.integers(U64 + 1, 2**80) | st.integers(-(2**65), -1))
def test_no_other_index_is_read(index):
    """Larger and negative ones are refused by name."""
    with pytest.raises(RequestError, match="Invalid index") as refusal:
        read(index=index)
    assert refusal.value.field == "index"


@given(st.text(min_size=1, max_size=12))
def test_an_index_is_ascii_digits_or_refused(text):
    """``int`` reads more than a protocol should: other scripts' digits, signs, underscores."""
    if text.isascii() and text.isdigit():
        assert read(index=text).index == int(text)
    else:
        with pytest.raises(RequestError, match="Invalid index"):
            read(index=text)


@given(st.timedeltas(timedelta(milliseconds=1), timedelta(hours=30)))
def test_a_wait_is_read_and_capped(span):
    """TestParseWait: every span that can be written is honoured up to the cap."""
    span -= timedelta(microseconds=span.microseconds % 1000)
    assert read(wait=format_duration(span)).wait == min(span or DEFAULT_WAIT, MAX_WAIT)


def test_a_wait_of_nothing_is_the_default():
    """As in Consul, zero does not mean 'do not wait'."""
    assert read(wait="0s").wait == DEFAULT_WAIT


@given(st.text(min_size=1, max_size=12))
def test_any_wait_is_read_or_refused(text):
    """No text fails in another way; what is read is between nothing and the cap."""
    with contextlib.suppress(RequestError):
        assert timedelta() < read(wait=text).wait <= MAX_WAIT


@pytest.mark.parametrize("text", ["72", "-1s", "1e9h", "forever", "1 s", "\u0663s", "999999999h"])
def test_a_bad_wait_is_refused_by_name(text):
    """The refusal says which parameter, in Consul's words."""
    with pytest.raises(RequestError, match=r"\Await: Invalid wait time: '.*' is ") as refusal:
        read(wait=text)
    assert refusal.value.field == "wait"


@given(st.timedeltas(timedelta(), MAX_WAIT), st.floats(0, 1))
def test_jitter_adds_at_most_a_sixteenth(wait, fraction):
    """A herd spreads, and nobody waits longer than Consul's client expects."""
    assert wait <= with_jitter(wait, fraction) <= wait + wait / 16 + timedelta(microseconds=1)


class Waiting:
    """A store that writes down how long it was asked to wait."""

    def __init__(self, store):
        self.asked = []
        self.snapshot = store.snapshot

    async def wait(self, topics, index, timeout):  # noqa: ASYNC109 - the store's signature
        """Return at once."""
        self.asked.append((topics, index, timeout))
        return False


@pytest.fixture
def store():
    """Return a store whose topic was touched twice."""
    with Store(MemoryEngine()) as built:
        for number in b"12":
            change = Change("t", "k", bytes([number]))
            built.commit(Transaction(changes=(change,), topics=frozenset({TOPIC})))
        yield Waiting(built)


async def ask(store, **arguments):
    """Run the rule of blocking queries; return the waits that it led to."""
    room = SimpleNamespace(store=store, random=SimpleNamespace(random=lambda: 0.5))
    await until_changed(room, asking(urlencode(arguments)), TOPIC)
    return store.asked


async def test_only_the_current_index_waits(store):
    """Absent, older and future indexes answer at once; the current one waits, with jitter."""
    current = store.snapshot.topic_index(TOPIC)
    for index in (0, 1, current - 1, current + 1, U64):
        assert await ask(store, index=index) == []
    assert await ask(store, index=current, wait="16s") == [((TOPIC,), current, 16.5)]


async def test_before_anything_was_written_nothing_waits_unasked():
    """A query without an index answers at once, also in an empty store."""
    with Store(MemoryEngine()) as empty:
        waiting = Waiting(empty)
        assert await ask(waiting) == []
        assert await ask(waiting, index=1, wait="1s") == [((TOPIC,), 1, 1.03125)]

"""Events: every plugin is told in order, and nothing a plugin does reaches the server."""

import ast
import asyncio
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import ca_core
from ca_core.acl.principal import Anonymous
from ca_core.authority.bystanders import Bystanders
from ca_core.authority.events import EventCounters, Events
from ca_core.authority.registry import Registry
from ca_core.authority.reviews import Reviews
from ca_core.contract import EVENT_FIELDS, EventType, ProviderPlugin
from ca_core.errors import DeniedError, GuardError, UnavailableError
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import START, FakeClock
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from tests.unit.authority.cluster import Room, csr_for, running
from tests.unit.authority.plugins import Observing, Reviewing, denying, loaded

PACKAGE = Path(ca_core.__file__).parent


@pytest.fixture
def counted():
    """Return a counter that ``counters`` fills."""
    return Counter()


@pytest.fixture
def counters(counted):
    """Return counters that note what was dropped and what failed."""
    return EventCounters(
        on_dropped=lambda name: counted.update([f"dropped {name}"]),
        on_failed=lambda name: counted.update([f"failed {name}"]),
    )


def tell_some(events, count=3):
    """Tell of a few agents that were forgotten."""
    for number in range(count):
        events.tell(EventType.AGENT_FORGOTTEN, node=f"n{number}")


def test_every_plugin_hears_everything_in_order():
    """Type, moment and fields arrive as they were told."""
    first, second = Observing(), Observing()
    events = Events(loaded(first=first, second=second), FakeClock())
    tell_some(events)
    events.close()
    assert first.heard == second.heard
    assert [event.fields["node"] for event in first.heard] == ["n0", "n1", "n2"]
    assert {(event.type, event.at) for event in first.heard} == {("agent.forgotten", START)}


def test_a_plugin_cannot_change_what_the_next_one_hears():
    """The fields are read-only."""

    def forge(event):
        event.fields["node"] = "forged"

    forger, witness = Observing(forge), Observing()
    events = Events(loaded(forger=forger, witness=witness))
    tell_some(events)
    events.close()
    assert [event.fields["node"] for event in witness.heard] == ["n0", "n1", "n2"]


@pytest.mark.parametrize("error", [ValueError("hunter2"), SystemExit("hunter2")])
def test_what_a_plugin_raises_is_logged_and_counted_and_changes_nothing(
    counters, counted, caplog, error
):
    """It hears the next event like everybody else; the exception's text is not shown."""

    def fail(_event):
        raise error

    bad, good = Observing(fail), Observing()
    events = Events(loaded(bad=bad, good=good), counters=counters)
    tell_some(events)
    events.close()
    assert len(bad.heard) == len(good.heard) == 3
    assert counted == {"failed bad": 3}
    assert f"ca_event() of agent.forgotten raised {type(error).__name__} at" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_slow_plugin_loses_its_own_events_and_nobody_elses(counters, counted, caplog):
    """Telling never waits: what does not fit in the queue is dropped, counted, logged once."""
    release, begun = threading.Event(), threading.Event()

    def block(_event):
        begun.set()
        release.wait(20)

    heard = threading.Semaphore(0)
    slow, quick = Observing(block), Observing(lambda event: heard.release())
    events = Events(loaded(slow=slow, quick=quick), counters=counters, most_waiting=4)
    tell_some(events, 1)
    assert begun.wait(20)
    for _ in range(10):
        assert heard.acquire(timeout=20)
        tell_some(events, 1)
    assert counted == {"dropped slow": 6}
    assert caplog.text.count("too slow for ca_event()") == 1
    release.set()
    events.close()
    assert len(slow.heard) == 5
    assert len(quick.heard) == 11


def test_a_plugin_that_hangs_does_not_keep_a_server_from_stopping():
    """It gets a moment for what waits, then it is left."""
    release = threading.Event()
    events = Events(loaded(hang=Observing(lambda event: release.wait(20))), most_waiting=1)
    tell_some(events, 5)
    events.close(within=0.01)
    release.set()


def test_plugins_that_hang_share_one_moment():
    """Ten of them do not keep a server ten times as long."""
    release = threading.Event()
    names = [f"hang{number}" for number in range(10)]
    hanging = {name: Observing(lambda event: release.wait(20)) for name in names}
    events = Events(loaded(**hanging))
    tell_some(events)
    began = events.clock.monotonic()
    events.close(within=0.2)
    took = events.clock.monotonic() - began
    release.set()
    assert took < 10 * 0.2


def test_nobody_who_observes_costs_no_thread():
    """Without listeners an event is not even made."""
    before = threading.active_count()
    events = Events(loaded(reviewer=denying()))
    tell_some(events)
    assert threading.active_count() == before
    events.close()


def test_a_server_that_never_tells_has_no_thread():
    """A plugin's thread begins with the first event."""
    before = threading.active_count()
    events = Events(loaded(ears=Observing()))
    assert threading.active_count() == before
    events.close()


def told_in_code():
    """Return (file:line, type, fields) of every call of ``tell`` in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and _is_tell(node.func):
                yield f"{path.name}:{node.lineno}", node.args[0], {k.arg for k in node.keywords}


def _is_tell(function):
    name = getattr(function, "attr", getattr(function, "id", ""))
    return name in {"tell", "_tell"}


def _types(argument):
    return {
        EventType[node.attr]
        for node in ast.walk(argument)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "EventType"
    }


def test_every_event_in_the_code_has_exactly_the_fields_of_the_table():
    """The table that plugin authors read is what they get."""
    wrong = [
        (place, kind, sorted(fields))
        for place, argument, fields in told_in_code()
        for kind in _types(argument)
        if fields and fields != set(EVENT_FIELDS[kind])
    ]
    assert wrong == []


def test_every_event_of_the_table_is_told_somewhere():
    """A type that nobody tells is a promise nobody keeps."""
    told = {kind for _, argument, _ in told_in_code() for kind in _types(argument)}
    assert told == set(EventType) == set(EVENT_FIELDS)


class Lying(ReferenceProvider):
    """Signs for a day longer than it was asked, once it is told to."""

    lies = False

    def sign_leaf(self, request):
        if type(self).lies:
            request = replace(request, not_after=request.not_after + timedelta(days=1))
        return super().sign_leaf(request)


def attended(plugin, **hooks):
    """Return a server's authority room with hook plugins, not yet started."""
    plugins = loaded(**hooks)
    events = Events(plugins)
    return Room(
        MemoryEngine(),
        plugin,
        bystanders=Bystanders(reviews=Reviews(plugins, events=events), events=events),
    )


def lying_plugin():
    """Return a descriptor of ``Lying``."""
    honest, shared = reference_plugin(), ReferenceBackend()
    return ProviderPlugin(
        parse_config=honest.parse_config,
        create=lambda config, context: Lying(config, context, shared),
    )


async def test_a_first_start_and_a_leaf_are_told_as_they_happen(monkeypatch):
    """Provider, authority, signer, leaf; then a refused one; the fields say which."""
    ears = Observing()
    room = attended(lying_plugin(), ears=ears)
    async with running(room):
        await room.ready()
        issued = await room.sign("web")
        monkeypatch.setattr(Lying, "lies", True)
        with pytest.raises(GuardError):
            await room.sign("db")
    assert [event.type for event in ears.heard] == [
        "provider.opened",
        "authority.created",
        "signer.activated",
        "leaf.issued",
        "leaf.refused",
    ]
    assert all(set(event.fields) == set(EVENT_FIELDS[event.type]) for event in ears.heard)
    leaf, refused = ears.heard[-2:]
    assert leaf.fields["serial"] == f"{issued.certificate.serial_number:x}"
    assert refused.fields["identity"].endswith("/svc/db")
    assert refused.fields["rule"].startswith("leaf.")


async def test_a_denied_leaf_costs_no_turn_and_is_told():
    """Reviews come before admission: whoever is denied takes nobody's place."""
    ears = Observing()
    room = attended(Registry().get("builtin"), no=denying("never on Fridays"), ears=ears)
    async with running(room):
        await room.ready()
        monitored = room.manager._limiter._admission._bucket
        with pytest.raises(DeniedError, match="never on Fridays"):
            await room.manager.sign(csr_for("web"), principal=Anonymous())
        assert room.manager._limiter._admission._bucket == monitored
        assert await asyncio.to_thread(room.manager.record.counts) == {}
    denied = ears.heard[-1]
    assert (denied.type, denied.fields["plugin"]) == ("leaf.denied", "no")
    assert denied.fields["reason"] == "never on Fridays"


async def test_a_leaf_lives_no_longer_than_the_review_was_shown():
    """What a plugin allowed is what is signed."""
    plugin = Reviewing()
    room = attended(Registry().get("builtin"), audit=plugin)
    async with running(room):
        await room.ready()
        issued = await room.sign("web")
    (review,) = plugin.seen
    assert issued.certificate.not_valid_after_utc <= review.not_after
    assert (str(review.identity).rpartition("/")[2], review.principal) == ("web", "anonymous")


async def test_a_provider_that_cannot_be_opened_is_told(fast_clock):
    """Every attempt tells why, until one succeeds."""
    attempts, honest, backend = [], reference_plugin(), ReferenceBackend()

    def create(config, context):
        attempts.append(config)
        if len(attempts) < 3:
            raise UnavailableError("sealed")
        return ReferenceProvider(config, context, backend)

    ears = Observing()
    plugins = loaded(ears=ears)
    room = Room(
        MemoryEngine(),
        ProviderPlugin(parse_config=honest.parse_config, create=create),
        clock=fast_clock,
        bystanders=Bystanders(events=Events(plugins)),
    )
    async with running(room):
        await room.ready()
    told = [(event.type, event.fields.get("error")) for event in ears.heard[:3]]
    assert told == [
        ("provider.unavailable", "sealed"),
        ("provider.unavailable", "sealed"),
        ("provider.opened", None),
    ]

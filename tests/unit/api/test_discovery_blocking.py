"""Blocking reads of views: when they answer, with what, and at what cost."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from ca_core.acl.principal import Token
from ca_core.api import catalog_handlers, discovery, health_handlers
from ca_core.catalog.views import ViewKind
from tests.unit.agent.fakes import settle
from tests.unit.api.discovering import Room, instance

ALL = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'


@pytest.fixture
def room():
    """Return a room that holds ``web``, at index 7."""
    made = Room()
    made.views.put(ViewKind.SERVICE, "web", (instance(),))
    return made


@pytest.fixture
def encodings(monkeypatch):
    """Return a list that grows with every body that is encoded."""
    made = []

    def counted(value):
        made.append(value)
        return msgspec.json.encode(value)

    monkeypatch.setattr(discovery, "encoded_json", counted)
    return made


async def test_an_index_that_is_not_the_current_one_is_answered_at_once(room):
    """Lower, or from the future after a restore."""
    for index in (0, 3, 99):
        answer = await room.ask(health_handlers.service, f"index={index}", service="web")
        assert answer.headers["x-consul-index"] == "7"
    assert room.views.parked == 0


async def test_a_change_answers_with_the_new_rows_and_index(room):
    """And says that they were not in memory when it was asked."""
    reading = asyncio.ensure_future(
        room.ask(health_handlers.service, "index=7&wait=10s", service="web")
    )
    await settle()
    assert not reading.done()
    room.views.put(ViewKind.SERVICE, "web", (instance(), instance(node="n2")), index=8)
    answer = await reading
    assert (answer.headers["x-consul-index"], answer.headers["x-cache"]) == ("8", "MISS")
    assert b'"n2"' in answer.body


async def test_after_the_wait_the_same_is_answered(room):
    """With up to a sixteenth of jitter, as everywhere."""
    reading = asyncio.ensure_future(
        room.ask(health_handlers.service, "index=7&wait=16s", service="web")
    )
    await settle()
    room.clock.advance(timedelta(seconds=16))
    await settle()
    assert not reading.done()
    room.clock.advance(timedelta(seconds=1))
    await settle()
    assert (await reading).headers["x-consul-index"] == "7"


async def test_a_reader_that_goes_away_leaves_nothing(room):
    """Its task ends with its connection."""
    reading = asyncio.ensure_future(room.ask(health_handlers.service, "index=7", service="web"))
    await settle()
    reading.cancel()
    await settle()
    assert room.views.parked == 0


async def test_a_thousand_readers_of_one_change_share_one_encoding(room, encodings):
    """Also if each has a token of its own, as long as all of them see the same."""
    for number in range(100):
        room.gives(f"t{number}", ALL)
    readers = [
        asyncio.ensure_future(
            room.ask(
                health_handlers.service,
                "passing&index=7&wait=60s",
                Token(f"t{number % 100}"),
                service="web",
            )
        )
        for number in range(1000)
    ]
    await settle()
    assert (room.views.parked, len(encodings)) == (1000, 0)
    room.views.put(ViewKind.SERVICE, "web", (instance(), instance(node="n2")), index=8)
    bodies = {(await reader).body for reader in readers}
    assert (len(bodies), len(encodings)) == (1, 1)


async def test_another_index_another_question_and_another_sight_are_other_answers(room, encodings):
    """Nothing else is encoded anew."""
    room.gives("all", ALL)
    room.gives("none", 'service "web" { policy = "read" }')
    for _ in range(3):
        for handler in (health_handlers.service, health_handlers.checks, catalog_handlers.service):
            await room.ask(handler, who=Token("all"), service="web")
        await room.ask(health_handlers.service, "passing", Token("all"), service="web")
        await room.ask(health_handlers.service, who=Token("none"), service="web")
    assert len(encodings) == 5
    room.views.put(ViewKind.SERVICE, "web", (instance(),), index=8)
    await room.ask(health_handlers.service, who=Token("all"), service="web")
    assert len(encodings) == 6


async def test_an_answer_is_made_once_while_nothing_of_it_changes(room):
    """Hits and misses, and a server that is away, say something else."""
    first = await room.ask(health_handlers.service, service="web")
    assert await room.ask(health_handlers.service, service="web") is first
    room.views.hit = False
    missed = await room.ask(health_handlers.service, service="web")
    assert (missed.headers["x-cache"], missed.body) == ("MISS", first.body)
    room.views.hit, room.views.known_leader = True, False
    away = await room.ask(health_handlers.service, service="web")
    assert away.headers["x-consul-knownleader"] == "false"
    for seconds in (3, 4):
        room.views.age = timedelta(seconds=seconds)
        old = await room.ask(health_handlers.service, service="web")
        assert old.headers["age"] == str(seconds)
        assert old.headers["x-consul-lastcontact"] == f"{seconds}000"

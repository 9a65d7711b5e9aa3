"""What an agent's intentions forget, and what they take over whole."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from ca_core.agent import destinations
from ca_core.agent import intentions as module
from ca_core.api import intentionlists
from ca_core.api.http import MAX_BODY
from ca_core.api.intentionlists import MOST_NAMES
from ca_core.intentions.decision import Default
from ca_core.intentions.index import Index
from ca_core.intentions.model import ANY, Name
from tests.unit.agent.fakes import passed, settle
from tests.unit.agent.test_intentions import ran
from tests.unit.api.authorizing import WEB, world


@pytest.mark.parametrize("news", [False, True])
def test_a_destination_that_nobody_asked_for_in_three_days_is_forgotten(news):
    """With all that it held, at the next news; whoever comes then is the first again."""

    async def scenario(here):
        await here.put("web", "db")
        await here.put("web", "api")
        await here.decide("web", "db")
        for hours in range(75):
            await here.decide("web", "api")
            await settle()
            await passed(here.clock, timedelta(hours=1))  # also a call that took too long
            await passed(here.clock, timedelta(seconds=3), step=timedelta(seconds=1))
            if hours == 70:
                assert here.agent.intentions.describe()["destinations"] == 2
        await settle()
        told = here.agent.intentions.describe()
        assert told["destinations"] == 1
        if news:
            await here.put("web", "*")
            assert here.agent.intentions.describe()["intentions"] == 2
        await here.put("web", "db", "deny")
        answer = await here.decide("web", "db")
        assert (answer.allowed, answer.headers["x-cache"]) == (False, "MISS")

    ran(scenario)


@pytest.mark.parametrize(("bound", "most"), [("MOST_DESTINATIONS", 3), ("MOST_CHARACTERS", 3 * 41)])
def test_destinations_are_bounded(monkeypatch, bound, most):
    """One more lets the one go that was used longest ago; it is not answered from memory then.

    By their number, and by the length of a question, which no caller may make too long to ask.
    """
    monkeypatch.setattr(destinations, bound, most)

    async def scenario(here):
        for name in ("a", "b", "c"):
            await here.put("web", name)
            await here.decide("web", name)
            await passed(here.clock, timedelta(seconds=1))
        await here.decide("web", "a")
        await passed(here.clock, timedelta(seconds=1))
        await here.decide("web", "d")
        assert here.agent.intentions.describe()["destinations"] == 3
        await here.put("web", "b", "deny")
        hits = [(await here.decide("web", name)).headers["x-cache"] for name in "acd"]
        assert hits == ["HIT"] * 3
        answer = await here.decide("web", "b")
        assert (answer.allowed, answer.headers["x-cache"]) == (False, "MISS")

    ran(scenario)


def test_another_default_arrives():
    """It is a part of what is held."""

    async def scenario(here):
        assert (await here.decide("web", "db")).allowed is False
        here.room.intentions.set_default(Default(allowed=True))
        await here.put("x", "db")  # the server tells it with the next news
        assert (await here.decide("web", "db")).allowed is True

    ran(scenario)


def test_another_epoch_brings_everything_anew():
    """A store that was restored counts from elsewhere: equal indexes mean nothing."""

    async def scenario(here):
        await here.put("web", "db")
        await here.decide("web", "db")
        await settle()
        asked = here.upstream.asked[-1]
        assert asked.epoch == here.room.store.snapshot.epoch
        cache = here.agent.intentions
        cache.held = module.replace(cache.held, epoch="another")
        cache._parked.overtake()
        await settle()
        assert cache.held.epoch == asked.epoch
        assert ANY in cache.held.lists

    ran(scenario)


def test_another_epoch_brings_everything_even_in_many_answers(monkeypatch):
    """What one answer has no room for is asked for again, even where its index is the same."""
    monkeypatch.setattr(intentionlists, "ENOUGH_BYTES", 1)

    async def scenario(here):
        for name in ("api", "db"):
            await here.put("web", name)
            await here.decide("web", name)
        await settle()
        cache = here.agent.intentions
        cache.held = module.replace(cache.held, epoch="another", index=Index())
        cache._parked.overtake()
        await settle()
        assert [(await here.decide("web", name)).allowed for name in ("api", "db")] == [True, True]

    ran(scenario)


def test_a_call_that_waits_when_the_agent_ends_is_answered():
    """Nobody hangs; the answer is an error."""

    async def scenario():
        async with world() as here:
            here.room.intentions = None  # the server fails in a way it should not
            waiting = asyncio.create_task(
                here.ask({"Target": "db", "ClientCertURI": WEB}),
            )
            await settle()
            assert (await waiting).status == 502

    asyncio.run(scenario())


def test_what_was_forgotten_is_not_answered_from_memory(monkeypatch):
    """What nobody followed meanwhile may have changed: its next caller waits for the server."""
    monkeypatch.setattr(destinations, "IDLE", timedelta(seconds=100))

    async def scenario(here):
        await here.put("web", "db")
        await here.decide("web", "db")
        await here.decide("web", "api")
        await passed(here.clock, timedelta(seconds=90))
        await here.decide("web", "api")
        await passed(here.clock, timedelta(seconds=11))
        here.agent.intentions._parked.overtake()
        await settle()
        assert "default/db" not in here.upstream.asked[-1].held
        await here.put("web", "db", "deny")
        answer = await here.decide("web", "db")
        assert (answer.allowed, answer.headers["x-cache"]) == (False, "MISS")

    ran(scenario)


def test_the_longest_question_fits_into_a_body():
    """Names of any length, as many as are held: the server takes the question."""

    async def scenario(here):
        cache = here.agent.intentions
        for length in (1, 250, 1000):
            for number in range(destinations.MOST_DESTINATIONS // 3 + 10):
                cache.destinations.used[Name("default", f"{number}".rjust(length, "n"))] = float(
                    number
                )
        while cache.destinations.is_full:
            cache.destinations.used.popitem()
        question = msgspec.json.encode(cache._question())
        assert len(question) < MAX_BODY
        assert len(cache.destinations.used) + 2 < MOST_NAMES

    ran(scenario)

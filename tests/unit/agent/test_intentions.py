"""The agent's intentions: filled on demand, followed, forgotten, and honest about their age."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.errors import RateLimitedError, UnavailableError
from ca_core.intentions.decision import Default
from ca_core.intentions.model import Name
from tests.unit.agent.fakes import passed, settle
from tests.unit.api.authorizing import world

DB = Name("default", "db")


def ran(scenario, **options):
    """Run a scenario in a world."""

    async def whole():
        async with world(**options) as here:
            await scenario(here)

    asyncio.run(whole())


def away(here, times=1, **options):
    """Let the next calls find no server."""
    here.upstream.intention_errors += [UnavailableError("away", **options) for _ in range(times)]


async def break_off(here, times=1000):
    """Let the call under way, and the next ones, fail."""
    away(here, times)
    here.agent.intentions._parked.overtake()
    await settle()


def test_nothing_is_asked_before_somebody_needs_it():
    """An agent whose host decides nothing costs a server nothing."""

    async def scenario(here):
        await passed(here.clock, timedelta(hours=1), step=timedelta(minutes=1))
        assert not here.upstream.asked

    ran(scenario)


def test_the_first_caller_of_a_destination_waits_for_one_call():
    """The call names the destination and the wildcards that cover it; the next call waits."""

    async def scenario(here):
        answer = await here.decide("web", "db")
        assert answer.headers["x-cache"] == "MISS"
        await settle()
        first, second = here.upstream.asked
        assert first.held == {"default/db": 0, "default/*": 0, "*/*": 0}
        assert all(second.held.values())

    ran(scenario)


def test_callers_that_come_together_share_a_call():
    """Ten first callers of two services: two calls at most, and one that waits."""

    async def scenario(here):
        names = ["db", "api"] * 5
        answers = await asyncio.gather(*(here.decide("web", name) for name in names))
        assert all(one.headers["x-cache"] == "MISS" for one in answers)
        await settle()
        assert len(here.upstream.asked) <= 3

    ran(scenario)


def test_a_destination_more_is_asked_for_at_once():
    """The question that waits for news begins anew; what is held is not sent again."""

    async def scenario(here):
        await here.put("*", "*", "deny")
        await here.decide("web", "db")
        await settle()
        assert (await here.decide("web", "api")).headers["x-cache"] == "MISS"
        held = here.upstream.asked[-1].held
        assert set(held) == {"default/db", "default/api", "default/*", "*/*"}
        waiting = [asked for asked in here.upstream.asked if not asked.held.get("default/api", 1)]
        assert [asked.held["default/*"] > 0 for asked in waiting] == [True]

    ran(scenario)


def test_writes_to_other_destinations_do_not_wake_it():
    """Nothing is answered, and nothing is asked again."""

    async def scenario(here):
        await here.decide("web", "db")
        await settle()
        before, held = len(here.upstream.asked), here.agent.intentions.held
        for name in range(5):
            await here.put("web", f"other{name}")
        assert len(here.upstream.asked) == before
        assert here.agent.intentions.held is held

    ran(scenario)


@pytest.mark.parametrize(
    ("source", "destination"), [("web", "db"), ("*", "db"), ("web", "*"), ("*/*", "*/*")]
)
def test_whatever_decides_about_a_destination_arrives_and_goes(source, destination):
    """Written, the intention decides; deleted, it does not."""

    async def scenario(here):
        assert (await here.decide("web", "db")).allowed is False
        await here.put(source, destination)
        assert (await here.decide("web", "db")).allowed is True
        await here.room.delete(source, destination)
        await settle()
        answer = await here.decide("web", "db")
        assert (answer.allowed, answer.headers["x-cache"]) == (False, "HIT")
        assert len(here.agent.intentions.held.index) == 0

    ran(scenario)


def test_what_is_held_is_replaced_whole():
    """Whoever holds what was known keeps it: the index swaps in one assignment."""

    async def scenario(here):
        await here.put("web", "db")
        await here.decide("web", "db")
        before = here.agent.intentions.held
        await here.put("web", "db", "deny")
        assert before.index.decide(Name("default", "web"), DB).allowed is True
        assert here.agent.intentions.held is not before

    ran(scenario)


def test_an_outage_is_served_from_memory_with_its_age():
    """What is known decides; the age counts from the last answer, until a server is back."""

    async def scenario(here):
        await here.put("web", "db")
        await here.decide("web", "db")
        await settle()
        await passed(here.clock, timedelta(seconds=20))
        await break_off(here)
        await passed(here.clock, timedelta(seconds=100), step=timedelta(seconds=1))
        answer = await here.decide("web", "db")
        assert (answer.allowed, answer.headers["x-cache"]) == (True, "HIT")
        assert int(answer.headers["age"]) == 120
        assert here.agent.describe()["Stats"]["intentions"]["last_error"] == "away"
        here.upstream.intention_errors.clear()
        await passed(here.clock, timedelta(seconds=10), step=timedelta(seconds=1))
        assert (await here.decide("web", "db")).headers["age"] == "0"

    ran(scenario)


def test_what_changed_during_an_outage_is_known_right_after_it():
    """The first answer after it brings the change."""

    async def scenario(here):
        await here.put("web", "db")
        await here.decide("web", "db")
        await settle()
        await break_off(here)
        await here.put("web", "db", "deny")
        assert (await here.decide("web", "db")).allowed is True
        here.upstream.intention_errors.clear()
        await passed(here.clock, timedelta(seconds=10), step=timedelta(seconds=1))
        assert (await here.decide("web", "db")).allowed is False

    ran(scenario)


def test_a_destination_that_nobody_knows_is_an_error_while_no_server_answers():
    """It is neither allowed nor denied: 503, soon; and the next call tries again."""

    async def scenario(here):
        away(here)
        answer = await here.decide("web", "db")
        assert (answer.status, answer.text) == (503, "away")
        again = asyncio.create_task(here.decide("web", "db"))
        await passed(here.clock, timedelta(seconds=1))
        assert (await again).allowed is True

    ran(scenario, default=Default(allowed=True))


def test_a_server_that_asks_for_patience_gets_it():
    """A first caller cuts a pause short, but not the one the server asked for."""

    async def scenario(here):
        asked = timedelta(seconds=30)
        here.upstream.intention_errors.append(RateLimitedError("later", retry_after=asked))
        assert (await here.decide("web", "db")).status == 429
        waiting = asyncio.create_task(here.decide("web", "db"))
        await passed(here.clock, timedelta(seconds=9))
        assert len(here.upstream.asked) == 1
        await passed(here.clock, timedelta(seconds=30))
        assert (await waiting).status == 429
        assert (await here.decide("web", "db")).allowed is False

    ran(scenario)


@pytest.mark.parametrize("longest", [timedelta(), timedelta(minutes=5)])
def test_past_max_staleness_everything_is_denied(longest):
    """Whatever intentions say; zero is no limit. Contact lifts it."""

    async def scenario(here):
        await here.put("web", "db")
        assert (await here.decide("web", "db")).allowed is True
        await settle()
        await break_off(here)
        await passed(here.clock, timedelta(minutes=5), step=timedelta(seconds=5))
        assert (await here.decide("web", "db")).allowed is True
        await passed(here.clock, timedelta(seconds=5))
        answer = await here.decide("web", "db")
        assert answer.allowed is not longest
        if longest:
            assert answer.allowed is False
            assert answer.reason == "What is known here is too old to decide by"
        here.upstream.intention_errors.clear()
        await passed(here.clock, timedelta(seconds=10), step=timedelta(seconds=1))
        assert (await here.decide("web", "db")).allowed is True

    ran(scenario, settings={"max_staleness": longest})


def test_a_silent_server_is_noticed_before_what_is_known_is_stale():
    """The agent asks so often that, while a server answers, nothing is ever too old."""

    async def scenario(here):
        await here.put("web", "db")
        await here.decide("web", "db")
        for _ in range(40):
            await settle()
            await passed(here.clock, timedelta(seconds=1))
            here.room.store.update(lambda _view: None)
        assert here.agent.intentions._wait == timedelta(seconds=5)

    ran(scenario, settings={"max_staleness": timedelta(seconds=10)})

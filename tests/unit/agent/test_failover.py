"""An agent with several servers: what fails at one is asked at another, where that does no harm."""

import asyncio
import logging
from datetime import timedelta

import pytest

from ca_core.agent.failover import Failover
from ca_core.agent.inturn import first_of
from ca_core.agent.remote import RemoteUpstream
from ca_core.agent.unreached import BrokenOffError, UnreachedError
from ca_core.errors import (
    ConfigError,
    DeniedError,
    NotReadyError,
    OutcomeUnknownError,
    ProviderError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import settle
from tests.unit.agent.lines import FakeLinks, Mesh

AWAY, BROKEN = UnreachedError("refused"), BrokenOffError("gone")


async def test_everything_goes_to_one_server():
    """The others are not asked as long as it does its work."""
    mesh = Mesh("a", "b")
    follows = asyncio.create_task(mesh.follow())
    assert [await mesh.ask() for _ in range(5)] == ["a"] * 5
    assert len(mesh.servers[0].parked) == 1
    assert mesh.servers[1].asked == 0
    follows.cancel()


@pytest.mark.parametrize("error", [AWAY, BROKEN])
async def test_a_server_that_dies_is_left_within_the_same_call(error):
    """Nobody is told of it: the next one answers."""
    mesh = Mesh("a", "b")
    mesh.servers[0].kill(error)
    assert await mesh.ask() == "b"
    assert mesh.current == "b"
    assert await mesh.ask() == "b"
    assert mesh.servers[0].asked == 1


async def test_a_question_that_waits_moves_along():
    """Its server dies: it waits at the next one, and whoever asked does not notice."""
    mesh = Mesh("a", "b")
    follows = asyncio.create_task(mesh.follow())
    await settle()
    mesh.servers[0].kill(BROKEN)
    await settle()
    assert len(mesh.servers[1].parked) == 1
    assert not follows.done()
    mesh.servers[1].parked[0].set_result("news")
    assert await follows == "news"


async def test_it_moves_along_when_another_request_finds_out():
    """A server that hangs keeps its connections: the first request that fails tells."""
    mesh = Mesh("a", "b")
    follows = asyncio.create_task(mesh.follow())
    await settle()
    mesh.servers[0].error = BROKEN
    assert await mesh.ask() == "b"
    await settle()
    assert (mesh.servers[0].parked, len(mesh.servers[1].parked)) == ([], 1)
    follows.cancel()


async def test_a_question_that_was_overtaken_does_not_move_along():
    """It would end the newer one there."""
    mesh = Mesh("a", "b")
    older = asyncio.create_task(mesh.follow())
    await settle()
    newer = asyncio.create_task(mesh.follow())
    await settle()
    mesh.servers[0].kill(BROKEN)
    await settle()
    with pytest.raises(ProviderError):
        await older
    assert len(mesh.servers[1].parked) == 1
    assert mesh.servers[1].asked == 1
    newer.cancel()


@pytest.mark.parametrize("error", [BROKEN, OutcomeUnknownError("no answer")])
async def test_a_question_that_was_broken_off_was_simply_not_answered(error):
    """It changes nothing: whoever asks is told to come again, not that something may be done."""
    mesh = Mesh("a")
    follows = asyncio.create_task(mesh.follow())
    await settle()
    mesh.servers[0].kill(error)
    await settle()
    with pytest.raises(UnavailableError):
        await follows
    with pytest.raises(UnavailableError):
        await mesh.ask()
    with pytest.raises(OutcomeUnknownError):
        await mesh.ask(repeatable=False)


async def test_what_may_have_happened_is_not_asked_again():
    """A signature whose outcome is unknown stays so; another server is asked next time."""
    mesh = Mesh("a", "b")
    mesh.servers[0].kill(BROKEN)
    with pytest.raises(OutcomeUnknownError):
        await mesh.ask(repeatable=False)
    assert mesh.servers[1].asked == 0
    assert await mesh.ask(repeatable=False) == "b"


async def test_what_did_not_happen_is_asked_again():
    """Nothing was sent: it is safe for a signature too."""
    mesh = Mesh("a", "b")
    mesh.servers[0].kill(AWAY)
    assert await mesh.ask(repeatable=False) == "b"


async def test_a_backend_that_is_away_is_no_reason_to_leave():
    """The CA is the same for all: another one is tried once, and the agent stays."""
    mesh = Mesh("a", "b")
    mesh.servers[0].error = UnavailableError("sealed")
    assert await mesh.ask(repeatable=False) == "b"
    assert mesh.current == "a"
    mesh.servers[1].error = UnavailableError("sealed too")
    with pytest.raises(UnavailableError, match=r"sealed$"):
        await mesh.ask()
    assert mesh.current == "a"


@pytest.mark.parametrize(
    "error",
    [
        NotReadyError("it has not seen what another one has"),
        UnavailableError("no such path"),
        ProviderError("answered something else than expected"),
        RequestError("unknown field"),
    ],
)
async def test_a_server_that_cannot_be_followed_is_passed_over(error):
    """It is behind, or of a version that does not speak this."""
    mesh = Mesh("a", "b")
    mesh.servers[0].error = error
    follows = asyncio.create_task(mesh.follow())
    await settle()
    assert len(mesh.servers[1].parked) == 1
    assert mesh.current == "b"
    follows.cancel()


@pytest.mark.parametrize("error", [DeniedError("who?"), RateLimitedError(retry_after=timedelta(1))])
async def test_a_refusal_is_final(error):
    """It would be the same at every server."""
    mesh = Mesh("a", "b")
    mesh.servers[0].error = error
    for asking in (mesh.ask(), mesh.follow()):
        with pytest.raises(type(error)):
            await asking
    assert mesh.servers[1].asked == 0
    assert mesh.current == "a"


async def test_when_all_are_away_each_is_tried_once():
    """The caller is told soon, and by a server that could be reached if there was one."""
    mesh = Mesh("a", "b", "c")
    mesh.servers[0].error, mesh.servers[2].error = AWAY, UnreachedError("no route")
    mesh.servers[1].error = UnavailableError("sealed")
    with pytest.raises(UnavailableError, match="sealed"):
        await mesh.ask()
    assert [server.asked for server in mesh.servers] == [1, 1, 1]
    with pytest.raises(UnavailableError):
        await mesh.follow()
    assert [server.asked for server in mesh.servers] == [2, 2, 2]


async def test_whichever_returns_first_is_asked_again():
    """An outage of all ends with the first answer."""
    mesh = Mesh("a", "b", "c")
    for server in mesh.servers:
        server.error = AWAY
    for _ in range(5):
        with pytest.raises(UnavailableError):
            await mesh.ask()
    mesh.servers[1].error = None
    assert await mesh.ask() == "b"
    mesh.servers[0].error = mesh.servers[2].error = None
    assert await mesh.ask() == "b"


async def test_flapping_moves_an_agent_once():
    """A server that comes and goes is not come back to."""
    mesh = Mesh("a", "b")
    for _ in range(10):
        mesh.servers[0].error = AWAY
        assert await mesh.ask() == "b"
        mesh.servers[0].error = None
        assert await mesh.ask() == "b"
        mesh.clock.advance(timedelta(seconds=3))
    assert mesh.servers[0].asked == 1


async def test_one_server_is_asked_whatever_it_did():
    """There is no other: it does not rest."""
    mesh = Mesh("a")
    mesh.servers[0].error = AWAY
    for _ in range(3):
        with pytest.raises(UnreachedError):
            await mesh.ask()
    mesh.servers[0].error = None
    assert await mesh.ask() == "a"


async def test_an_agent_without_a_leaf_blames_no_server():
    """Its own leaf has expired: nobody is asked, and nobody is passed over."""
    mesh = Mesh("a", "b")
    mesh.links.error = UnavailableError("own leaf expired")
    for asking in (mesh.ask(), mesh.follow()):
        with pytest.raises(UnavailableError, match="own leaf"):
            await asking
    assert mesh.current == "a"


async def test_a_change_of_servers_is_logged_and_described(caplog):
    """Once, with the reason."""
    mesh = Mesh("a", "b")
    mesh.servers[0].kill(AWAY)
    with caplog.at_level(logging.WARNING):
        await mesh.ask()
        await mesh.ask()
    assert [record.getMessage() for record in caplog.records] == [
        "https://a: refused; asking https://b"
    ]
    failures = {"https://a": 1, "https://b": 0}
    assert mesh.failover.describe() == {"current": "https://b", "failures": failures}


async def test_a_question_that_is_given_up_leaves_nothing_behind():
    """The connection ends with it."""
    mesh = Mesh("a", "b")
    follows = asyncio.create_task(mesh.follow())
    await settle()
    follows.cancel()
    await asyncio.gather(follows, return_exceptions=True)
    assert mesh.servers[0].parked == []


def test_without_servers_there_is_no_agent():
    """Said at the start."""
    with pytest.raises(ConfigError, match="no server"):
        Failover([], FakeLinks([]), FakeClock(), lambda: 0.0)


async def test_joining_asks_in_turn_until_one_does_anything():
    """What was refused is refused; what was not heard of again is not repeated."""
    asked = []

    async def ask(url):
        asked.append(url)
        found = {"a": AWAY, "b": NotReadyError("not yet"), "c": DeniedError("used"), "d": BROKEN}
        raise found[url]

    with pytest.raises(DeniedError):
        await first_of(["a", "b", "c", "d"], ask, lambda: 0.0)
    assert asked == ["a", "b", "c"]
    with pytest.raises(OutcomeUnknownError):
        await first_of(["a", "b", "c", "d"], ask, lambda: 0.99)
    assert asked[3:] == ["d"]
    with pytest.raises(UnreachedError, match="refused"):
        await first_of(["a", "b"], ask, lambda: 0.0)
    with pytest.raises(ConfigError):
        await first_of([], ask, lambda: 0.0)


async def test_other_servers_are_asked_once_they_are_configured():
    """The question that waits ends, and begins again there; the same list changes nothing."""
    mesh = Mesh("a", "b")
    remote = RemoteUpstream(["https://a"], None, mesh.clock, lambda: 0.0)
    remote._servers = mesh.failover
    waiting = asyncio.create_task(mesh.follow())
    await settle()
    remote.replace_servers(["https://a/", "https://b"])
    await settle()
    assert not waiting.done()
    remote.replace_servers(["https://c"])
    with pytest.raises(UnavailableError, match="another server"):
        await waiting
    assert remote.server_url == "https://c"
    with pytest.raises(ConfigError):
        remote.replace_servers(["http://d"])
    assert remote.urls == ("https://c",)

"""What an agent's log says of servers that go and return: each thing once."""

import logging
from datetime import timedelta

import pytest

from ca_core.agent.outages import REMINDED_AFTER, Outages
from ca_core.agent.unreached import BrokenOffError, UnreachedError
from ca_core.errors import DeniedError, RequestError, UnavailableError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.lines import Mesh

A, B = "https://a", "https://b"
GONE = [
    "https://a: refused; asking https://b",
    "https://b: refused",
    "no server answers: this agent goes on with what it knows",
]


@pytest.fixture
def lines(caplog):
    """Return the lines of the log, as they come."""
    caplog.set_level(logging.INFO, logger="ca_core.agent")

    def said():
        found = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return found

    return said


async def failing(mesh, times=1):
    """Ask in vain."""
    for _ in range(times):
        with pytest.raises(UnavailableError):
            await mesh.ask()


def away(*names):
    """Return servers that cannot be reached, and their agent."""
    mesh = Mesh(*names)
    for server in mesh.servers:
        server.error = UnreachedError("refused")
    return mesh


async def test_an_outage_of_all_takes_a_line_for_each_server_and_one_for_all(lines):
    """However often the agent asks in vain, by requests or by questions that wait."""
    mesh = away("a", "b")
    await failing(mesh, 20)
    for _ in range(20):
        with pytest.raises(UnavailableError):
            await mesh.follow()
    assert lines() == GONE


async def test_that_no_server_answers_is_repeated_once_a_minute(lines):
    """With the time that it has lasted, and why."""
    mesh = away("a", "b")
    await failing(mesh)
    lines()
    for _ in range(int(3 * REMINDED_AFTER) - 1):
        mesh.clock.advance(timedelta(seconds=1))
        await failing(mesh)
    assert lines() == [f"no server has answered for {s} s: refused" for s in (60, 120)]


async def test_a_server_that_answers_again_is_told_of_once(lines):
    """The next outage is told of anew."""
    mesh = away("a", "b")
    await failing(mesh)
    lines()
    mesh.servers[1].error = None
    assert [await mesh.ask() for _ in range(3)] == ["b"] * 3
    assert lines() == ["https://b answers again"]
    mesh.servers[1].error = UnreachedError("refused")
    await failing(mesh, 2)
    assert lines() == GONE[1:]


async def test_a_refusal_is_an_answer(lines):
    """The server is back, whatever it thinks of the agent."""
    for refusal in (DeniedError("who?"), RequestError("unknown field")):
        mesh = away("a")
        await failing(mesh)
        lines()
        mesh.servers[0].error = refusal
        with pytest.raises(RequestError):
            await mesh.ask()
        assert lines() == ["https://a answers again"]
    mesh = away("a")
    await failing(mesh)
    lines()
    mesh.servers[0].error = DeniedError("who?")
    with pytest.raises(DeniedError):
        await mesh.follow()
    assert lines() == ["https://a answers again"]


def test_a_server_that_cannot_be_followed_is_back_when_it_can(lines):
    """What else it answers does not make the log tell of it again and again."""
    outages = Outages([A, B], FakeClock())
    for _ in range(3):
        outages.failed(A, RequestError("unknown field"), B)
        outages.answered(A)
    assert lines() == ["https://a: unknown field; asking https://b"]
    outages.answered(A, followed=True)
    assert lines() == ["https://a answers again"]


def test_a_line_has_the_url_of_a_server_once(lines):
    """Most errors name it themselves."""
    outages = Outages([A, B], FakeClock())
    outages.failed(A, UnreachedError("no server at https://a: connection refused"), B)
    assert lines() == ["no server at https://a: connection refused; asking https://b"]
    outages.failed(B, BrokenOffError("reset"), A)
    assert lines()[0] == "https://b: reset"

"""Following what is revoked: from nothing, then from where the last answer ended."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from ca_core.agent.revocationnews import RevocationNews
from ca_core.errors import DeniedError, RequestError, UnavailableError
from ca_core.testing.clock import FakeClock
from ca_core.wire.revocation import RevokedAnswer, RevokedMark, RevokedRequest
from tests.unit.agent.fakes import passed, settle

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ENDS = datetime(2030, 1, 1, tzinfo=UTC)
FIRST, SECOND_LEAF = (
    RevokedMark(key_id="0a", serial_number=serial, valid_before=ENDS) for serial in ("01", "02")
)


class Asked:
    """A server whose answers a test gives. ``errors`` are raised by the next questions."""

    def __init__(self, clock):
        self.questions = []
        self.errors = []
        self.told = []
        self.news = RevocationNews(self, clock, lambda: 0.5, self.told.append)
        self._parked = None

    async def revoked(self, asked):
        """Park the question."""
        self.questions.append(asked)
        if self.errors:
            raise self.errors.pop(0)
        self._parked = asyncio.get_running_loop().create_future()
        return await self._parked

    def answer(self, index, *leaves, epoch="e"):
        """Answer the question that waits."""
        self._parked.set_result(RevokedAnswer(index=index, epoch=epoch, leaves=leaves))


@asynccontextmanager
async def following(*errors):
    """Run a follower of a server."""
    clock = FakeClock()
    server = Asked(clock)
    server.clock, server.errors = clock, list(errors)
    task = asyncio.create_task(server.news.run())
    await settle()
    try:
        yield server
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_news_is_handed_on_and_asked_for_once():
    """The first question knows nothing; each one goes on where the last answer ended."""
    async with following() as server:
        server.answer(5, FIRST)
        await settle()
        server.answer(9, SECOND_LEAF)
        await settle()
        server.answer(3, FIRST, epoch="restored")
        await settle()
        assert server.told == [(FIRST,), (SECOND_LEAF,), (FIRST,)]
        assert server.questions == [
            RevokedRequest(),
            RevokedRequest(index=5, epoch="e"),
            RevokedRequest(index=9, epoch="e"),
            RevokedRequest(index=3, epoch="restored"),
        ]


async def test_after_a_failure_it_pauses_and_asks_from_where_it_was():
    """Until a server answers again: then at once."""
    async with following() as server:
        server.answer(5)
        await settle()
        server.errors = [UnavailableError("down")] * 3
        server._parked.set_exception(UnavailableError("gone"))
        await settle()
        assert len(server.questions) == 2
        await passed(server.clock, 10 * SECOND, step=SECOND / 4)
        assert len(server.questions) <= 2 + 4
        server.errors = [UnavailableError("down")]
        server._parked.set_exception(UnavailableError("gone"))
        await settle()
        before = len(server.questions)
        server.news.hurry()
        await passed(server.clock, SECOND)  # what the failure asked for
        assert len(server.questions) == before + 1
        assert set(server.questions[1:]) == {RevokedRequest(index=5, epoch="e")}


async def test_an_answer_that_brings_nothing_at_once_is_paused_after():
    """A server that answers without waiting is not asked in a hot loop."""
    async with following() as server:
        server.answer(5)
        await settle()
        server.answer(5)
        await settle()
        assert len(server.questions) == 2


@pytest.mark.parametrize(
    ("refusal", "asked"), [(RequestError("unknown field"), 1), (DeniedError("forgotten"), 2)]
)
async def test_a_server_that_cannot_take_the_question_is_asked_seldom(refusal, asked):
    """An older one: other parts of the question are asked alone because of it."""
    async with following(refusal) as server:
        await passed(server.clock, 50 * SECOND, step=SECOND)
        server.news.hurry()
        await settle()
        assert len(server.questions) == asked
        await passed(server.clock, 20 * SECOND, step=SECOND)
        assert len(server.questions) == 2

"""A question that somebody else's newer one has ended says nothing, to nobody."""

import asyncio

from ca_core.wire.watch import RootsFound, WatchAnswer
from tests.unit.agent.fakes import passed, settle
from tests.unit.agent.test_watch import ROOTS, SECOND, running


async def test_whoever_wants_an_answer_at_once_is_not_told_by_a_question_that_was_ended():
    """Nothing is known of the roots then; they are asked for again."""
    async with running() as h:
        asked = asyncio.create_task(h.watch.roots())
        await settle()
        h.servers.parked.answered.set_result(WatchAnswer())
        await passed(h.clock, SECOND)
        assert not asked.done()
        h.servers.tell(roots=RootsFound(index=5, value=ROOTS))
        await settle()
        assert asked.done()
        assert asked.result().index == 5

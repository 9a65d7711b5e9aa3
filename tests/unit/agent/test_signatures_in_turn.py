"""However many leaves local programs ask for at once, an agent can ask its server other things."""

import asyncio
from datetime import timedelta

from ca_core.agent.exchanges import MOST_EXCHANGES
from ca_core.agent.issuance import MOST_SIGNING
from ca_core.agent.serverlink import CONNECTIONS
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import FakeUpstream, settle
from tests.unit.agent.leafhouse import ALICE, BOB, house

_QUESTIONS = 3
"""That one waits at a server, and those that it has overtaken."""
_ONE_OF_EACH = 5
"""The agent's own leaf, its acknowledgement, its services, its CRLs, and one to spare."""


class SlowUpstream(FakeUpstream):
    """Signatures that take as long as a test wants; ``under_way`` counts them."""

    def __init__(self, clock):
        super().__init__(clock)
        self.under_way = self.most = 0

    async def sign(self, csr_pem, *, replaces=None, grant=""):
        """Sign, slowly."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await super().sign(csr_pem, replaces=replaces, grant=grant)
        finally:
            self.under_way -= 1


async def test_leaves_that_are_signed_slowly_leave_connections_for_the_rest():
    """Else nothing is heard of views, tokens and roots, and the server is taken to be away."""
    clock = FakeClock()
    upstream = SlowUpstream(clock)
    upstream.gate = asyncio.Event()
    async with house(clock=clock, upstream=upstream) as h:
        asked = [
            asyncio.create_task(h.leaves.get(ALICE, f"web-{number}"))
            for number in range(3 * MOST_SIGNING)
        ]
        await settle()
        assert upstream.under_way == MOST_SIGNING
        upstream.gate.set()
        assert len(await asyncio.gather(*asked)) == 3 * MOST_SIGNING
        assert upstream.most == MOST_SIGNING


async def test_a_signature_that_is_given_up_leaves_its_turn_to_the_next():
    """The right to it may go while it waits, and while it is being signed."""
    clock = FakeClock()
    upstream = SlowUpstream(clock)
    upstream.gate = asyncio.Event()
    async with house(clock=clock, upstream=upstream) as h:
        for number in range(2 * MOST_SIGNING):
            asked = asyncio.create_task(h.leaves.get(ALICE, f"web-{number}"))
            asked.add_done_callback(lambda done: done.exception())
        await settle()
        h.allowed = lambda who: who == BOB
        h.leaves.review()
        await settle()
        assert upstream.under_way == 0
        upstream.gate.set()
        assert (await h.leaves.get(BOB, "web", wait=timedelta())).body


def test_there_are_connections_for_everything_at_once():
    """What waits for one in the pool would be told that the server is away."""
    assert MOST_SIGNING + MOST_EXCHANGES + _QUESTIONS + _ONE_OF_EACH <= CONNECTIONS

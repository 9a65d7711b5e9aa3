"""One program that asks for ever other names does not use up the signatures of a cluster."""

from datetime import timedelta

import pytest

from ca_core.agent.leafvariants import AT_ONCE, PER_SECOND
from ca_core.errors import RateLimitedError
from tests.unit.agent.fakes import passed
from tests.unit.agent.leafhouse import ALICE, BOB, house

SOME = int(AT_ONCE)


async def variant(h, number, *, who=ALICE, service="web"):
    """Ask for a leaf with a name of its own."""
    return await h.leaves.get(who, service, dns_names=(f"h{number}.{service}",))


async def used_up(h):
    """Ask for as many as one may at once."""
    for number in range(SOME):
        await variant(h, number)
    with pytest.raises(RateLimitedError, match="other names"):
        await variant(h, SOME)


async def test_only_so_many_variants_of_a_service_are_begun():
    """More come in time; what is refused is no record, and nothing is signed for it."""
    async with house() as h:
        await used_up(h)
        assert len(h.upstream.signed) == len(h.leaves) == SOME
        await passed(h.clock, timedelta(seconds=1 / PER_SECOND))
        await variant(h, SOME)
        with pytest.raises(RateLimitedError):
            await variant(h, SOME + 1)


async def test_what_is_there_and_what_is_others_is_answered_all_the_same():
    """The same names, the plain leaf, another service, and everybody else."""
    async with house() as h:
        await used_up(h)
        assert (await variant(h, 0)).hit
        await h.leaves.get(ALICE, "web")
        await variant(h, 0, service="db")
        await variant(h, 0, who=BOB)


async def test_plain_leaves_are_not_counted():
    """A host may carry a thousand services."""
    async with house() as h:
        for number in range(3 * SOME):
            await h.leaves.get(ALICE, f"s{number}")
        await variant(h, 0)

"""What is due begins by itself, gives way, is tried again, and is never silently missed."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ca_core.authority.ceilings import CEILINGS
from ca_core.authority.record import COUNTS
from ca_core.authority.registry import Registry
from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATIONS,
    CROSSES,
    PENDING,
    SIGNERS,
    bundle,
    current_signer,
    issuing_chain,
)
from ca_core.authority.settings import CASettings
from ca_core.errors import UnavailableError
from ca_core.lifecycle.due import next_look
from ca_core.lifecycle.history import KEPT_OPERATIONS, KEPT_TRIES
from ca_core.lifecycle.policy import RotationPolicy
from ca_core.lifecycle.rows import (
    LEFTOVERS,
    OPERATIONS,
    POLICY,
    Kind,
    OperationPhase,
    Wishes,
    open_operation,
    operations,
)
from ca_core.lifecycle.scheduling import FIRST_TRY_AGAIN, LAST_TRY_AGAIN, next_try, roots_of
from ca_core.state.memory import MemoryEngine
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.rooms import LivingRoom

BUILTIN = Registry().get("builtin")
DAY = timedelta(days=1)
YEAR = 365 * DAY
QUICK = Wishes(settle=timedelta())
LIVES = CASettings(
    provider="under-test",
    leaf_ttl=3 * DAY,
    intermediate_ttl=120 * DAY,
    root_ttl=YEAR,
    csr_max_per_second=0,
)


class Years(LivingRoom):
    """A room whose clock a test moves by days, with everything done that falls due."""

    def __init__(self, settings=LIVES, **more):
        super().__init__(MemoryEngine(), BUILTIN, clock=FakeClock(), settings=settings, **more)

    @property
    def view(self):
        """Return everything stored."""
        return self.store.snapshot

    async def pass_time(self, span, *, step=DAY):
        """Let time pass, step by step, until nothing is left to do at each."""
        while span > timedelta():
            part = min(span, step)
            self.clock.advance(part)
            span -= part
            await self.settle()

    async def settle(self):
        """Return once commits and loops have come to rest; no time passes meanwhile."""
        quiet, index = 0, -1
        async with asyncio.timeout(30):
            while quiet < 3:
                await asyncio.sleep(0.001)
                rests = index == self.view.index and not self.is_busy()
                quiet = quiet + 1 if rests else 0
                index = self.view.index

    def next_hop(self):
        """Return how long nothing is due, and a minute; 30 days at most."""
        roots = roots_of(self.lifecycle.tools)
        row = open_operation(self.view)
        moment = row.wishes.not_before if row else next_look(roots, RotationPolicy())
        minute = timedelta(minutes=1)
        return min(max(moment - self.clock.now(), timedelta()) + minute, 30 * DAY)

    def is_busy(self):
        """Say whether an operation goes on without waiting for anything."""
        row = open_operation(self.view)
        if row is None:
            return False
        is_made = row.phase is not OperationPhase.PLANNED
        return not (is_made and row.waits_for_its_moment(self.clock.now()))

    async def until_time(self, holds, *, step=DAY, most=2000):
        """Let time pass until ``holds()``."""
        for _ in range(most):
            if holds():
                return
            await self.pass_time(step, step=step)
        raise AssertionError("it never came to be")


def automatic(room):
    """Return every operation on record that began because it was due."""
    return [row for row in operations(room.view) if row.actor == POLICY]


def test_a_signer_is_prepared_and_becomes_active_at_its_moments():
    """Thirty days ahead it is made, seven days ahead it signs; nobody asked."""

    async def scenario():
        room = Years()
        async with running(room):
            await room.ready()
            first = current_signer(room.view)[1]
            end = first.certificates[0].not_valid_after_utc
            await room.until_time(lambda: automatic(room))
            (row,) = automatic(room)
            assert row.kind is Kind.RENEW
            assert timedelta() <= room.clock.now() - (end - 30 * DAY) <= 2 * DAY
            await room.until_time(lambda: room.operation(row.id).phase is OperationPhase.PREPARED)
            assert current_signer(room.view)[1].id == first.id
            await room.until_time(lambda: not room.operation(row.id).is_open)
            assert room.operation(row.id).phase is OperationPhase.ACTIVE
            assert current_signer(room.view)[1].id == row.new.signer
            assert timedelta() <= room.clock.now() - (end - 7 * DAY) <= 2 * DAY

    asyncio.run(scenario())


def test_an_operators_change_takes_the_place_of_an_automatic_one_that_waits():
    """Nobody is refused for weeks because a signer is ready ahead of its time."""

    async def scenario():
        room = Years()
        async with running(room):
            await room.ready()
            await room.until_time(lambda: automatic(room))
            (row,) = automatic(room)
            await room.until(lambda: room.operation(row.id).phase is OperationPhase.PREPARED)
            begun = await room.changes.rotate(actor="operator", wishes=QUICK)
            given_way = room.operation(row.id)
            assert given_way.phase is OperationPhase.ABORTED
            assert given_way.reason == "gave way to a change by operator"
            await room.over(begun)
            assert current_signer(room.view)[1].id == begun.new.signer
            await room.pass_time(2 * DAY)
            assert automatic(room) == [given_way]  # the new signer is not due yet

    asyncio.run(scenario())


def test_a_change_that_goes_on_gives_way_to_nobody():
    """Only an automatic operation that waits for its moment is aborted."""

    async def scenario():
        room = Years()
        async with running(room):
            await room.ready()
            room.reachable = {"ghost"}
            begun = await room.changes.rotate(actor=POLICY)
            with pytest.raises(Exception, match=begun.id):
                await room.changes.renew(actor="operator")
            assert room.operation(begun.id).is_open

    asyncio.run(scenario())


def test_what_was_aborted_begins_again_later():
    """An end is not met because somebody once said no."""

    async def scenario():
        room = Years()
        async with running(room):
            await room.ready()
            await room.until_time(lambda: automatic(room))
            (row,) = automatic(room)
            await room.changes.abort(row.id, actor="operator")
            await room.pass_time(LAST_TRY_AGAIN / 2, step=LAST_TRY_AGAIN / 2)
            assert len(automatic(room)) == 1
            await room.pass_time(DAY)
            assert automatic(room)[0].phase is OperationPhase.ABORTED
            assert len(automatic(room)) == 2

    asyncio.run(scenario())


def test_what_cannot_begin_is_tried_again_and_told():
    """A store that is away delays what is due; it is visible why, until it is done."""

    async def scenario():
        room = Years()
        async with running(room):
            await room.ready()
            schedule, renew = room.lifecycle.schedule, room.changes.renew

            async def refused(**_):
                raise UnavailableError("the disk is full")

            room.changes.renew = refused
            end = current_signer(room.view)[1].certificates[0].not_valid_after_utc
            await room.until_time(lambda: room.clock.now() > end - 6 * DAY)
            assert not automatic(room)
            assert "the disk is full" in schedule.overdue
            assert "the signer ends at" in schedule.overdue
            room.changes.renew = renew
            await room.until_time(lambda: not schedule.overdue, step=timedelta(minutes=1))
            assert automatic(room)[-1].phase is OperationPhase.ACTIVE

    asyncio.run(scenario())


def test_failed_tries_come_with_longer_pauses_that_stay_bounded():
    """One minute after the first, a day after many, and always a share of what is left."""

    async def scenario():
        room = Years()
        async with running(room):
            await room.ready()
            roots = roots_of(room.lifecycle.tools)
            room.reachable = {"ghost"}
            row = await room.changes.rotate(actor=POLICY)
            await room.changes.abort(row.id, actor="operator")
            aborted = room.operation(row.id)
            from msgspec.structs import replace as changed

            failed = changed(aborted, phase=OperationPhase.FAILED)
            assert next_try((), roots) is None
            assert next_try((failed,), roots) == failed.phase_since + FIRST_TRY_AGAIN
            assert next_try((failed,) * 3, roots) == failed.phase_since + 4 * FIRST_TRY_AGAIN
            assert next_try((failed,) * KEPT_TRIES, roots) == failed.phase_since + LAST_TRY_AGAIN
            near = replace(roots, signer=replace(roots.signer, not_after=failed.phase_since + DAY))
            assert next_try((failed,) * KEPT_TRIES, near) == failed.phase_since + DAY / 20
            assert next_try((aborted,), roots) == aborted.phase_since + LAST_TRY_AGAIN

    asyncio.run(scenario())


def test_ten_years_leave_no_more_behind_than_one():
    """Roots and signers come and go by themselves; whoever asks always gets a full leaf."""

    async def scenario():
        room = Years()
        async with running(room):
            await room.ready()
            end, sizes, roots = room.clock.now() + 10 * YEAR, [], set()
            while room.clock.now() < end:
                await room.pass_time(room.next_hop(), step=30 * DAY)
                authority, signer = current_signer(room.view)
                roots.add(authority.id)
                left = signer.certificates[0].not_valid_after_utc - room.clock.now()
                assert left >= 2 * LIVES.leaf_ttl, room.lifecycle.schedule.overdue
                assert room.lifecycle.schedule.overdue == ""
                assert len(bundle(room.view)) <= 3
                assert issuing_chain(room.view, authority, signer).count("BEGIN") <= 3
                sizes.append(size_of(room.view))
            leaf = await room.sign()
            assert len(roots) > 10
            assert leaf.certificate.not_valid_after_utc - room.clock.now() > 0.99 * LIVES.leaf_ttl
            assert max(sizes) <= 14  # two authorities and what belongs to them
            assert len(room.view.table(OPERATIONS)) <= KEPT_OPERATIONS + 1

    asyncio.run(scenario())


def size_of(view):
    """Return how many rows the store keeps of authorities, operations over excepted."""
    tables = (AUTHORITIES, SIGNERS, CROSSES, CEILINGS, CONFIGURATIONS, LEFTOVERS, COUNTS, PENDING)
    return sum(len(view.table(table)) for table in tables)

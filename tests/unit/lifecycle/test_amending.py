"""Rows that change without an operation: a draining authority that is compromised, a file noted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ca_core.authority.configuration import digest_of
from ca_core.authority.rows import Phase
from ca_core.authority.settings import CASettings
from ca_core.errors import NotFoundError, RequestError
from ca_core.lifecycle.rows import TAINTED_LEAVES, Wishes
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.recovery.mending import SickRoom

QUICK = Wishes(settle=timedelta())


async def test_a_draining_authority_that_is_tainted_leaves_within_minutes_and_never_returns():
    """It needs no other root: the one that signs is sound."""
    room = SickRoom()
    async with running(room):
        await room.ready()
        await room.sign()
        old = room.current()
        rotated = await room.changes.rotate(actor="test", wishes=QUICK)
        await room.active(rotated.id)
        assert await room.changes.taint(old, actor="test") is None
        row = room.authority(old)
        assert row.tainted
        assert row.leave_by == room.clock.now() + TAINTED_LEAVES
        with pytest.raises(RequestError, match="compromised"):
            await room.changes.roll_back(rotated.id, actor="test")
        first = row.leave_by
        room.clock.advance(timedelta(minutes=1))
        await room.changes.taint(old, actor="test")
        assert room.authority(old).leave_by == first  # it is not put off
        room.clock.advance(TAINTED_LEAVES)
        await room.until(lambda: room.phase_of(old) is Phase.RETIRED)
        assert room.phase_of(room.current()) is Phase.SIGNING


async def test_only_an_authority_that_drains_is_tainted_without_an_operation():
    """An unknown one, and one that is out of the bundle, are refused."""
    room = SickRoom()
    async with running(room):
        await room.ready()
        with pytest.raises(NotFoundError):
            await room.changes.taint("ca-nobody", actor="test")
        old = room.current()
        await room.active((await room.changes.rotate(actor="test", wishes=QUICK)).id)
        await room.until(lambda: room.phase_of(old) is Phase.RETIRED)  # it signed nothing
        with pytest.raises(RequestError):
            await room.changes.taint(old, actor="test")
        row = await room.changes.taint(room.current(), actor="test", wishes=QUICK)
        assert row.kind == "taint"


async def test_the_digest_of_the_file_is_kept_with_what_it_says():
    """A change over the API keeps the file's; a file that says what stands already is noted."""
    room = SickRoom()
    async with running(room):
        await room.ready()
        seeded = room.manager.configuration.file_digest
        before = room.lifecycle.tools.standing()
        assert seeded == digest_of(before)
        wanted: CASettings = replace(before, root_ttl=timedelta(hours=90000))
        await room.active((await room.changes.apply(wanted, actor="test")).id)
        assert room.manager.configuration.file_digest == seeded
        assert await room.changes.apply(wanted, actor="test", from_file=True) is None
        assert room.manager.configuration.file_digest == digest_of(wanted)
        later = replace(before, root_ttl=timedelta(hours=95000))
        row = await room.changes.apply(later, actor="test", from_file=True)
        await room.active(row.id)
        assert room.manager.configuration.file_digest == digest_of(later)

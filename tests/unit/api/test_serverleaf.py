"""The server's own leaf: of whoever signs now, swapped while connections go on."""

import asyncio
import random
from datetime import timedelta

from ca_core.api.serverleaf import ServerLeaf
from ca_core.authority.record import REHEARSAL
from ca_core.authority.unreplaced import issuances
from ca_core.lifecycle.rows import Wishes
from tests.unit.authority.cluster import running
from tests.unit.lifecycle.recovery.mending import SickRoom

QUICK = Wishes(settle=timedelta())


def own_leaves(room):
    """Return the records of the server's own leaves, oldest first."""
    rows = issuances(room.store)
    return [row for row in rows if "/server/" in row.identity and row.principal != REHEARSAL]


def test_after_a_taint_the_server_serves_a_leaf_of_the_new_root_at_once():
    """Its own leaf is among those that a thief of the key could have made; no time passes."""

    async def scenario():
        room, installed = SickRoom(), []

        async def install(context):
            installed.append(context)

        async with running(room):
            await room.ready()
            leaf = ServerLeaf(room.manager, room.store, room.clock, random.Random(7))
            keeping = asyncio.ensure_future(leaf.keep(install))
            try:
                await room.until(lambda: installed)
                first = own_leaves(room)[-1]
                begun = await room.changes.taint(actor="test", wishes=QUICK)
                await room.active(begun.id)
                await room.until(lambda: own_leaves(room)[-1].authority == begun.new.authority)
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
            assert own_leaves(room)[-1].replaces is not None
            assert first.authority == begun.old.authority
            assert len(installed) >= 2

    asyncio.run(scenario())

"""The inventory of a whole agent: roots, leaves, intentions and views under one budget."""

import asyncio
import gc
import tracemalloc
from datetime import timedelta

import pytest

from ca_core.acl.principal import Anonymous, Peer, Token
from ca_core.agent.cache.entries import Reason
from ca_core.agent.cache.kinds import KindName
from ca_core.agent.waiting import stopped
from ca_core.errors import UnavailableError
from ca_core.intentions.model import Name
from tests.unit.agent.fakes import passed, settle
from tests.unit.api.authorizing import world

MINUTE = timedelta(minutes=1)
USER = Peer(uid=7, gid=7, pid=1)
DB = Name("default", "db")


def of_kind(here, kind):
    """Return the entries of a kind."""
    return [entry for entry in here.agent.inventory.entries() if entry.kind is kind]


def figures(here, kind):
    """Return the figures of a kind."""
    return next(each for each in here.agent.inventory.figures() if each.kind == kind)


def keeper(here, kind):
    """Return who keeps a kind."""
    return here.agent.inventory._kept[kind]


async def test_the_roots_are_one_entry_that_is_nobodys_and_stays():
    """Reads are counted; no budget is small enough to forget them."""
    async with world() as here:
        await here.agent.roots.get()
        waiting = asyncio.create_task(here.agent.roots.get(min_index=5))
        await settle()
        (entry,) = of_kind(here, KindName.ROOTS)
        assert (entry.partitions, entry.index, entry.waiters) == ((), 5, 1)
        assert entry.bytes > 1000
        assert figures(here, "roots").hits == 2
        here.agent.inventory.resize(1)
        assert of_kind(here, KindName.ROOTS)
        await stopped(waiting)


async def test_a_leaf_is_an_entry_of_its_caller():
    """Service and names make the key; the owner is a public id, the key of the leaf nowhere."""
    async with world() as here:
        await here.agent.leaves.get(USER, "web", dns_names=("web.example.org",))
        await here.agent.leaves.get(Token("accessor-1"), "web")
        await here.agent.leaves.get(Token("accessor-1"), "web")
        found = {entry.partitions: entry for entry in of_kind(here, KindName.LEAF)}
        assert {key: entry.key for key, entry in found.items()} == {
            ("uid:7",): "web (web.example.org)",
            ("token:accessor-1",): "web",
        }
        assert "PRIVATE" not in repr(found)
        leaf = figures(here, "leaf")
        assert (leaf.entries, leaf.hits, leaf.misses) == (2, 1, 2)
        assert leaf.bytes == sum(entry.bytes for entry in found.values())


async def test_leaves_that_go_take_their_bytes_along():
    """Evicted, revoked or idle: the size is that of what is left, and the reason is counted."""
    async with world() as here:
        leaves = here.agent.leaves
        for service in ("a", "b", "c", "d"):
            await leaves.get(USER, service)
        keeper(here, KindName.LEAF).evict(of_kind(here, KindName.LEAF)[0].id)
        leaves._may = lambda _who, _action, name: name != "a"
        leaves.review()
        assert leaves.size == sum(entry.bytes for entry in of_kind(here, KindName.LEAF)) > 0
        await passed(here.clock, timedelta(hours=200), step=timedelta(minutes=30))
        assert leaves.size == 0
        assert sum(leaves.counts.evictions.values()) == 4
        assert leaves.counts.evictions[Reason.BUDGET] == 1
        assert leaves.counts.evictions[Reason.IDLE] >= 2


async def test_a_leaf_that_was_evicted_is_signed_anew_when_it_is_asked_for():
    """One that somebody waits for is not evicted at all."""
    async with world() as here:
        first = await here.agent.leaves.get(USER, "web")
        waiting = asyncio.create_task(here.agent.leaves.get(USER, "web", min_index=first.index))
        await settle()
        (entry,) = of_kind(here, KindName.LEAF)
        assert (entry.waiters, keeper(here, KindName.LEAF).evict(entry.id)) == (1, 0)
        waiting.cancel()
        await settle()
        assert keeper(here, KindName.LEAF).evict(entry.id) == entry.bytes
        assert not (await here.agent.leaves.get(USER, "web")).hit
        assert len(here.upstream.signed) == 2


async def test_intentions_are_entries_by_destination():
    """Each with its own intentions; callers are counted, also those answered by a kept answer."""
    async with world() as here:
        for source in ("web", "api"):
            await here.put(source, "db")
        for _ in range(3):
            await here.decide("web", "db")
        (entry,) = of_kind(here, KindName.INTENTIONS)
        assert (entry.key, entry.partitions) == ("default/db", ())
        assert entry.bytes == 500 + 2 * 350
        found = figures(here, "intentions")
        assert (found.hits, found.misses) == (2, 1)


async def test_an_evicted_destination_is_asked_for_anew():
    """It is not decided from what is left of it; one that is waited for stays."""
    async with world() as here:
        await here.put("web", "db")
        await here.decide("web", "db")
        intentions = keeper(here, KindName.INTENTIONS)
        assert intentions.evict(DB) == 850
        assert intentions.evict(DB) == 0
        here.upstream.intention_errors = [UnavailableError("away")] * 3
        waiting = asyncio.create_task(here.agent.intentions.fetched(DB))
        await asyncio.sleep(0)
        assert intentions.evict(DB) == 0
        await stopped(waiting)
        assert intentions.counts.evictions == {Reason.BUDGET: 1}


async def test_failures_are_counted_by_their_class():
    """What an operator sees of an outage."""
    async with world() as here:
        await here.decide("web", "db")
        here.upstream.roots_errors = [UnavailableError("away")] * 3
        here.upstream.intention_errors = [UnavailableError("away")] * 3
        here.upstream.changed(here.upstream.index)
        await here.put("web", "db")
        await passed(here.clock, MINUTE, step=timedelta(seconds=1))
        for kind in ("roots", "intentions"):
            assert figures(here, kind).failures == {"UnavailableError": 3}
            assert figures(here, kind).age == 0.0


async def test_the_budget_counts_every_kind_and_what_is_oldest_goes():
    """A leaf of yesterday goes before intentions and leaves of a moment ago; the roots stay."""
    async with world() as here:
        inventory = here.agent.inventory
        await here.agent.leaves.get(USER, "old")
        await passed(here.clock, MINUTE)
        await here.decide("web", "db")
        await passed(here.clock, MINUTE)
        await here.agent.leaves.get(USER, "new")
        inventory.resize(inventory.size - 1)
        assert [entry.key for entry in of_kind(here, KindName.LEAF)] == ["new"]
        assert of_kind(here, KindName.INTENTIONS)
        inventory.resize(of_kind(here, KindName.ROOTS)[0].bytes)
        assert [entry.kind for entry in inventory.entries()] == [KindName.ROOTS]


async def test_figures_say_what_entries_say():
    """Whichever way an operator looks: as many entries, as many who wait, the same age."""
    async with world() as here:
        await here.agent.leaves.get(USER, "web")
        await here.decide("web", "db")
        waiting = [
            asyncio.create_task(here.agent.leaves.get(USER, "web", min_index=101)),
            asyncio.create_task(here.agent.roots.get(min_index=5)),
        ]
        await settle()
        here.upstream.roots_errors = [UnavailableError("away")] * 100
        here.upstream.changed(here.upstream.index)
        await passed(here.clock, MINUTE, step=timedelta(seconds=1))
        for each in here.agent.inventory.figures():
            entries = of_kind(here, each.kind)
            assert (each.entries, each.waiters) == (
                len(entries),
                sum(entry.waiters for entry in entries),
            )
            assert each.age == max((one.age for one in entries if one.refreshed), default=0.0)
            assert each.bytes == sum(one.bytes for one in entries)
        assert figures(here, "roots").age >= 59.0
        await stopped(*waiting)


@pytest.mark.parametrize("count", [150])
async def test_a_leaf_weighs_about_what_it_takes(count):
    """No more than half as much again or less, chains of signers aside: they are stored once."""
    async with world() as here:
        leaves = here.agent.leaves
        await leaves.get(Anonymous(), "first")
        before = leaves.size
        gc.collect()
        tracemalloc.start()
        for number in range(count):
            await leaves.get(Anonymous(), f"service-{number}")
        here.upstream.signed.clear()
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert taken / 1.5 < leaves.size - before < taken * 1.5

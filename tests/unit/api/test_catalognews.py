"""What agents and clients are told of the catalog, and when."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from ca_core.api import catalognews
from ca_core.api.catalognews import MOST_VIEWS
from ca_core.api.cataloguing import Cataloguing
from ca_core.api.watch_handlers import newest_watched, watched
from ca_core.catalog.viewing import decoded_view, parsed_key
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.errors import RequestError
from ca_core.lifecycle.rows import AGENTS, AgentRecord
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Transaction
from ca_core.state.rows import put, read
from ca_core.state.store import Store
from ca_core.testing.clock import FakeClock
from ca_core.wire.catalog import CheckStatus
from ca_core.wire.registered import digest_of
from ca_core.wire.watch import ViewsRequest, WatchRequest
from tests.unit.api.test_granting import cluster
from tests.unit.api.test_registered_handlers import told
from tests.unit.catalog.registering import check, instance, native, state

WEB, DB = "connect/web", "service/db"
AT_ONCE = timedelta()
LONG = timedelta(minutes=5)


async def asked(built, held, *, epoch="", wait="0s", registered=""):
    """Ask as the first agent does that holds these."""
    views = None if held is None else ViewsRequest(held=held, epoch=epoch)
    request = WatchRequest(views=views, registered=registered, wait=wait)
    return await watched(built.room, built.n1.identity, request)


def held_by(answer):
    """Return what an agent holds after an answer."""
    return {one.key: one.index for one in answer.views.views}


async def test_an_agent_is_told_the_views_that_it_does_not_hold():
    """All of them first, then those that changed, whole."""
    async with cluster() as built:
        await told(built, built.n1, state(native(), instance("db-1", "db")))
        first = await asked(built, {WEB: 0, DB: 0, "nodes/": 0})
        held, epoch = held_by(first), first.views.epoch
        assert set(held) == {WEB, DB, "nodes/"}
        assert min(held.values()) > 1
        assert (await asked(built, held, epoch=epoch)).views is None
        ill = native(checks=[check(status=CheckStatus.CRITICAL)])
        await told(built, built.n1, state(ill, instance("db-1", "db")))
        second = await asked(built, held, epoch=epoch)
        assert set(held_by(second)) == {WEB}
        (found,) = second.views.views
        (row,) = decoded_view(parsed_key(WEB, ""), bytes(found.value))
        assert row.checks[-1].status is CheckStatus.CRITICAL


async def test_in_another_epoch_nothing_that_is_held_counts():
    """An index of before a restore may mean another value."""
    async with cluster() as built:
        first = await asked(built, {WEB: 0})
        assert held_by(await asked(built, held_by(first), epoch="another")) == held_by(first)


async def test_an_agent_that_holds_all_waits_for_news_of_it_alone():
    """Another service does not wake it; its own does, in the same breath."""
    async with cluster() as built:
        await told(built, built.n1, state(native()))
        first = await asked(built, {WEB: 0})
        waiting = asyncio.create_task(
            asked(built, held_by(first), epoch=first.views.epoch, wait="60s")
        )
        await told(built, built.n2, state(instance("db-1", "db")))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await told(built, built.n2, state(native()))
        async with asyncio.timeout(30):
            assert set(held_by(await waiting)) == {WEB}


async def test_what_is_too_much_comes_with_the_next_answer(monkeypatch):
    """At least one whole view each time."""
    monkeypatch.setattr(catalognews, "ENOUGH_BYTES", 10)
    async with cluster() as built:
        await told(built, built.n1, state(native(), instance("db-1", "db")))
        held, epoch = {WEB: 0, DB: 0}, built.server.store.snapshot.epoch
        for _ in range(2):
            answer = await asked(built, held, epoch=epoch)
            assert len(answer.views.views) == 1
            held |= held_by(answer)
        assert (await asked(built, held, epoch=epoch)).views is None


@pytest.mark.parametrize(
    "held", [{"nothing/x": 0}, {"web": 0}, {f"connect/{n}": 0 for n in range(MOST_VIEWS + 1)}]
)
async def test_what_is_no_view_is_refused(held):
    """A newer agent is told, and does not wait for ever."""
    async with cluster() as built:
        with pytest.raises(RequestError, match="Held"):
            await asked(built, held)


async def test_an_agent_is_told_when_what_is_stored_is_not_what_it_has():
    """At once if it differs, later once it does; liveness is not its business."""
    async with cluster() as built:
        wanted = state(native())
        assert (await asked(built, None, registered=digest_of(wanted))).out_of_sync
        await told(built, built.n1, wanted)
        assert not (await asked(built, None, registered=digest_of(wanted))).out_of_sync
        assert not (await asked(built, None)).out_of_sync
        waiting = asyncio.create_task(asked(built, None, registered=digest_of(wanted), wait="60s"))
        await told(built, built.n2, wanted)
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await told(built, built.n1, state())
        async with asyncio.timeout(30):
            assert (await waiting).out_of_sync


async def test_a_host_that_took_over_a_name_has_to_say_what_it_has():
    """Even if that is the same: the rights are looked at anew."""
    async with cluster() as built:
        wanted = state(native())
        await told(built, built.n1, wanted)
        store = built.server.store
        record = read(store.snapshot, AgentRecord, AGENTS, "n1")
        later = msgspec.structs.replace(record, joined=record.joined + timedelta(days=1))
        change = put(AGENTS, "n1", later)
        await asyncio.to_thread(store.commit, Transaction(changes=(change,)))
        assert (await asked(built, None, registered=digest_of(wanted))).out_of_sync
        await told(built, built.n1, wanted)
        assert not (await asked(built, None, registered=digest_of(wanted))).out_of_sync


async def test_an_agent_that_waits_is_heard():
    """As long as its question is here, and for a while after."""
    async with cluster() as built:
        ears = built.room.catalog.liveness
        assert ears.now().nodes == frozenset()
        await newest_watched(built.room, built.n1.identity, WatchRequest(wait="0s"))
        assert ears.now().nodes == {"n1"}


async def test_a_view_is_answered_at_once_or_when_it_differs():
    """With the index that the client has: it waits; with any other it does not."""
    async with cluster() as built:
        views, key = built.room.views, ViewKey(ViewKind.SERVICE, "web")
        first = await views.get(key, wait=LONG)
        assert (first.value, first.index) == ((), 1)
        assert (first.hit, first.age, first.known_leader) == (False, timedelta(), True)
        waiting = asyncio.create_task(views.get(key, min_index=1, wait=LONG))
        await told(built, built.n1, state(instance("db-1", "db")))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await told(built, built.n1, state(native()))
        async with asyncio.timeout(30):
            found = await waiting
        assert [one.service.id for one in found.value] == ["web-1"]
        assert await views.get(key, min_index=found.index + 5, wait=LONG) == found
        assert await views.get(key, min_index=found.index, wait=AT_ONCE) == found


async def test_a_thousand_readers_of_one_view_share_it():
    """It is made once for all of them."""
    async with cluster() as built:
        views, key = built.room.views, ViewKey(ViewKind.SERVICE, "web")
        waiting = [asyncio.create_task(views.get(key, min_index=1, wait=LONG)) for _ in range(1000)]
        await asyncio.sleep(0.01)
        await told(built, built.n1, state(native()))
        async with asyncio.timeout(30):
            found = await asyncio.gather(*waiting)
        assert all(one.value is found[0].value for one in found)


async def test_a_store_that_closes_lets_everybody_go():
    """With what they hold, and without turning round and round meanwhile."""
    store = Store(MemoryEngine())
    views, key = Cataloguing.of(store, FakeClock(), "s1").views, ViewKey(ViewKind.SERVICE, "web")
    waiting = asyncio.create_task(views.get(key, min_index=1, wait=LONG))
    await asyncio.sleep(0.01)
    await asyncio.to_thread(store.close)
    async with asyncio.timeout(30):
        assert (await waiting).index == 1

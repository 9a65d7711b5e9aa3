"""``Cache-Control`` where agents answer: roots, leaves, authorize and views."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ca_core.api.agent_handlers import leaf, roots
from ca_core.api.authorize_handlers import authorize
from ca_core.api.health_handlers import service
from ca_core.api.problems import problem_response
from ca_core.errors import RequestError, UnavailableError
from ca_core.testing.clock import FakeClock
from ca_core.wire.freshness import Freshness
from tests.unit.agent.fakes import passed, settle
from tests.unit.api.asking import asking
from tests.unit.api.authorizing import uri, world
from tests.unit.api.discovering import Room

MINUTE = timedelta(minutes=1)
AWAY = UnavailableError("away")
BODY = b'{"Target": "db", "ClientCertURI": "%s"}' % uri("web").encode()
READS = {
    "roots": (roots, {}),
    "leaf": (leaf, {"params": {"service": "web"}}),
    "authorize": (authorize, {"method": "POST", "body": BODY}),
}
every_read = pytest.mark.parametrize("kind", READS)


async def read(here, kind, cache_control="", *, query=""):
    """Return status and headers of a read."""
    handler, parts = READS[kind]
    request = replace(asking(query), headers={"cache-control": cache_control}, **parts)
    try:
        answer = await handler(here.place, request)
    except Exception as error:  # noqa: BLE001 - one that is none of ours fails right here
        answer = problem_response(error, "")
    return answer.status, dict(answer.headers)


async def cut_off(here):
    """Let no server answer any more, for a minute."""
    here.upstream.roots_errors = [AWAY] * 1000
    here.upstream.intention_errors = [AWAY] * 1000
    here.upstream.changed(here.upstream.index)
    await here.put("other", "db")
    await passed(here.clock, MINUTE, step=timedelta(seconds=1))


@every_read
async def test_what_is_in_memory_is_answered_to_who_takes_any_age_that_stands(kind):
    """While contact stands the age is zero: ``max-age=1`` is content."""
    async with world() as here:
        await read(here, kind)
        await passed(here.clock, MINUTE)
        status, headers = await read(here, kind, "max-age=1")
        assert (status, headers["x-cache"]) == (200, "HIT")


@every_read
async def test_who_wants_it_anew_has_a_server_asked(kind):
    """A server answers before the caller is; a leaf is not signed again for that."""
    async with world() as here:
        await read(here, kind)
        await settle()
        asked = len(here.upstream.roots_calls), len(here.upstream.asked)
        status, headers = await read(here, kind, "must-revalidate")
        assert status == 200
        assert headers["x-cache"] == ("HIT" if kind == "leaf" else "MISS")
        assert (len(here.upstream.roots_calls), len(here.upstream.asked)) != asked
        assert len(here.upstream.signed) == (kind == "leaf")


@every_read
async def test_in_an_outage_who_wants_it_young_is_told_why_he_cannot_have_it(kind):
    """``max-age`` counts from the loss of contact; others are served from memory."""
    async with world() as here:
        await read(here, kind)
        await settle()
        await cut_off(here)
        status, _ = await read(here, kind, "max-age=30")
        assert status == 503
        status, headers = await read(here, kind)
        assert (status, headers["x-cache"]) == (200, "HIT")


@every_read
async def test_in_an_outage_who_says_so_gets_what_is_known(kind):
    """``stale-if-error`` up to that age; the age is told."""
    async with world() as here:
        await read(here, kind)
        await settle()
        await cut_off(here)
        status, headers = await read(here, kind, "max-age=30, stale-if-error=600")
        assert (status, headers["x-cache"]) == (200, "HIT")
        assert int(headers["age"]) >= 59
        status, _ = await read(here, kind, "max-age=30, stale-if-error=40")
        assert status == 503


@every_read
@pytest.mark.parametrize("said", ['max-age="30"', "stale-if-error=x"])
async def test_a_header_that_cannot_be_read_is_refused(kind, said):
    """400 with Consul's words, wherever memory answers."""
    async with world() as here:
        assert (await read(here, kind, said))[0] == 400


@pytest.mark.parametrize("kind", ["roots", "leaf"])
async def test_a_consistent_read_is_one_anew(kind):
    """``?consistent`` has a server asked; with ``?cached`` it is refused."""
    async with world() as here:
        await read(here, kind)
        await settle()
        before = len(here.upstream.roots_calls)
        assert (await read(here, kind, query="consistent"))[0] == 200
        assert len(here.upstream.roots_calls) > before
        assert (await read(here, kind, query="consistent&cached"))[0] == 400


async def test_all_who_want_roots_anew_share_one_question():
    """Ten callers cost one call and the one that waits after it."""
    async with world() as here:
        await settle()
        before = len(here.upstream.roots_calls)
        for _ in range(10):
            await read(here, "roots", "must-revalidate")
            await passed(here.clock, timedelta(seconds=2))
        assert len(here.upstream.roots_calls) - before <= 20


async def test_a_view_is_read_with_what_its_caller_says():
    """The handler hands it to whoever answers."""
    room, told = Room(clock=FakeClock()), []
    answer = room.views.get

    async def get(key, *, freshness, **options):
        told.append(freshness)
        return await answer(key, **options)

    room.views.get = get
    request = replace(asking(service="web"), headers={"cache-control": "max-age=7"})
    await service(room, request)
    assert told == [Freshness(max_age=timedelta(seconds=7))]
    with pytest.raises(RequestError, match="Cache-Control"):
        await service(room, replace(request, headers={"cache-control": "max-age=x"}))

"""Large views that change all the time are sent at a bounded rate; everything else at once."""

from datetime import timedelta

import pytest

from ca_core.agent.cache.rests import BYTES_PER_SECOND, LARGE, LONGEST, Rests
from ca_core.catalog.views import ViewKey, ViewKind
from tests.unit.agent.cache.test_views import WEB, house
from tests.unit.agent.fakes import passed, settle
from tests.unit.api.discovering import check_of, instance

CHECKS = ViewKey(ViewKind.CHECKS)
SECONDS = 20


def many(number, size=2_000_000):
    """Return the checks of a mesh, of so many bytes; another number is another value."""
    row = check_of("web", output="o" * 4000)
    return (check_of("db", output=str(number)), *[row] * (size // 4200))


@pytest.mark.parametrize(("size", "rest"), [(LARGE, 0.0), (500_000, 0.5), (10**8, LONGEST)])
def test_a_view_rests_by_its_size_and_not_for_ever(size, rest):
    """A small one not at all."""
    rests = Rests()
    rests.came("a", size, 10.0)
    assert rests.awake(["a", "b"], 10.0) == ({"b"} if rest else {"a", "b"})
    assert rests.left(10.0) == (pytest.approx(rest) if rest else None)
    assert rests.awake(["a", "b"], 10.0 + rest + 0.001) == {"a", "b"}
    assert rests.left(20.0) is None


def noted(server):
    """Return the list to which every view is added that the server sends: (key, bytes)."""
    sent, answer = [], server.views

    async def views(asked):
        found = await answer(asked)
        sent.extend((one.key, len(bytes(one.value))) for one in found.views)
        return found

    server.views = views
    return sent


async def test_a_list_of_the_whole_mesh_is_sent_at_a_bounded_rate():
    """Small views come at once all the while, and in the end the newest list is there."""
    async with house() as h:
        h.server.put(CHECKS, many(0), 1)
        h.server.put(WEB, (instance(),), 1)
        await h.get(CHECKS)
        await h.get(WEB)
        sent = noted(h.server)
        for number in range(1, SECONDS * 10):
            h.server.put(CHECKS, many(number), number + 1)
            h.server.put(WEB, (instance(id=f"web-{number}"),), number + 1)
            await passed(h.clock, timedelta(seconds=0.1), step=timedelta(seconds=0.05))
            assert (await h.get(WEB)).value[0].service.id == f"web-{number}"
        bytes_sent = sum(size for key, size in sent if key == str(CHECKS))
        assert 0.5 < bytes_sent / (BYTES_PER_SECOND * SECONDS) < 1.2
        await passed(h.clock, timedelta(seconds=LONGEST), step=timedelta(seconds=0.5))
        await settle()
        assert (await h.get(CHECKS)).value[0].output == str(SECONDS * 10 - 1)

"""A real server killed by SIGKILL between two effects on a real OpenBao."""

import asyncio
import contextlib
import itertools
from collections import Counter

import httpx
import pytest

from ca_core.testing.faultproxy import FaultProxy
from tests.integration.crash.remote import RemoteCluster, Unanswered, Unsent
from tests.integration.crash.walking import killed_at_every, killed_at_some
from tests.vaults.subjects import Mounts

pytestmark = pytest.mark.timeout(300)

SAMPLE = (3, 5, 7, 8)
"""Numbers of writes: the later ones are where most has been made."""

COMMITS = (9, 21)
"""Boundaries, three a commit: while OpenBao is asked for the new CA, and near the end."""

HALF_REMOVED = 4
"""A write while what drains is removed."""

AHEAD = 6 * 24 * 3600.0
"""Seconds; no leaf lives so long."""

KINDS = ("swap", "rotate", "renew")
MOMENTS = (Unsent, Unanswered)
"""Before an effect, and after it when nobody knows of it."""


@pytest.fixture
def made(zygote, vault_server):
    """Return what makes a cluster of forked servers, in mounts of its own."""
    with FaultProxy(vault_server.address) as proxy:

        def made(folder):
            return RemoteCluster(folder, zygote.life, Mounts(vault_server), proxy)

        yield made


async def killed_at_write(cluster, life, doing, number, moment):
    """Kill a server at that write of what it is doing; say whether there was such a write."""
    held = moment(cluster.proxy)
    cluster.proxy.plan(held.fault, writes_only=True, first=number, count=1)
    doing = asyncio.ensure_future(doing)
    try:
        while not (held.is_met or doing.done()):
            await asyncio.sleep(0.002)
        met = held.is_met
        await life.kill()
    finally:
        cluster.proxy.heal()
    with contextlib.suppress(httpx.HTTPError):
        await doing
    return met


async def finished(cluster, life, kind):
    """Change who signs."""
    await cluster.ask(life, kind)
    await cluster.over(life)


async def begun(cluster, life, kind):
    """Begin a change that is to be aborted."""
    await cluster.ask(life, kind, settle="1h")
    await cluster.distributed(life)


async def aborted(cluster, life, kind):
    """Begin a change, and abort it."""
    await begun(cluster, life, kind)
    await cluster.abort(life)
    await cluster.over(life)


WAYS = (finished, begun, aborted)


async def survived(cluster, kind, number, moment, doing):
    """Kill a server at that write of a change, and check the next; say whether there was one."""
    life = await cluster.life()
    await cluster.recovered(life)
    await cluster.let_sign(life, away=kind != "swap")
    if not await killed_at_write(cluster, life, doing(cluster, life, kind), number, moment):
        return False
    cluster.autopsy()
    life = await cluster.life()
    if doing is not finished:
        await life.ready()
        await cluster.abort(life)
    await cluster.recovered(life)
    await life.kill()
    return True


@pytest.mark.parametrize("kind", KINDS)
async def test_a_change_killed_between_two_remote_effects_leaves_nothing(kind, folder, made):
    """Finished or aborted by the next server: OpenBao holds what the store names, no more."""
    kills = 0
    ways = zip(itertools.cycle(MOMENTS), itertools.cycle(WAYS), strict=False)
    async with contextlib.aclosing(made(folder / "c")) as cluster:
        for number, (moment, doing) in zip(SAMPLE, ways, strict=False):
            kills += await survived(cluster, kind, number, moment, doing)
    assert kills >= len(SAMPLE) - 1


@pytest.mark.soak
@pytest.mark.parametrize("doing", WAYS)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_change_killed_at_any_remote_write_leaves_nothing(
    kind, moment, doing, folder, made, record_property
):
    """The same at every write, before its effect and before its answer."""
    async with contextlib.aclosing(made(folder / "c")) as cluster:
        for number in itertools.count(1):
            if not await survived(cluster, kind, number, moment, doing):
                break
    record_property("measured", f"{number - 1} kills")
    assert number > 8


async def old_ones(cluster):
    """Leave an authority, and a signer of the one that signs, which are to leave."""
    life = await cluster.life()
    await life.ready()
    await cluster.let_sign(life, away=True)
    for kind in ("rotate", "renew"):
        await cluster.ask(life, kind)
        await cluster.over(life)
    await cluster.is_tidy()
    await life.kill()


async def survived_leaving(cluster, number, moment):
    """Kill a server at that write while the old ones leave; say whether there was one."""
    await old_ones(cluster)
    life = await cluster.life(ahead_seconds=AHEAD)
    met = await killed_at_write(cluster, life, cluster.left(life), number, moment)
    life = await cluster.life(ahead_seconds=AHEAD)
    await life.ready()
    await cluster.left(life)
    await cluster.is_tidy()
    await life.kill()
    return met


@pytest.mark.parametrize("moment", MOMENTS)
async def test_what_leaves_is_gone_although_a_server_was_killed_removing_it(folder, made, moment):
    """An authority and a replaced signer, half removed: the next server removes the rest."""
    async with contextlib.aclosing(made(folder / "c")) as cluster:
        assert await survived_leaving(cluster, HALF_REMOVED, moment)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_what_leaves_is_gone_wherever_a_server_was_killed_removing_it(
    folder, made, moment, record_property
):
    """The same at every removal."""
    for number in itertools.count(1):
        async with contextlib.aclosing(made(folder / str(number))) as cluster:
            if not await survived_leaving(cluster, number, moment):
                break
    record_property("measured", f"{number - 1} kills")
    assert number > HALF_REMOVED


@pytest.mark.parametrize("kind", ["swap", "rotate"])
async def test_a_change_killed_at_a_commit_leaves_nothing(kind, folder, made):
    """At some commits on the way: the next server finishes it, OpenBao holds nothing else."""
    came = await killed_at_some(kind, folder / "c", made, COMMITS)
    assert len(came) == len(COMMITS)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", [*KINDS, "taint"])
async def test_a_change_killed_at_any_boundary_leaves_nothing(kind, folder, made, record_property):
    """The same between any two effects on the disk."""
    came = await killed_at_every(kind, folder, made, 1)
    record_property("measured", f"{kind}: {Counter(came)}")
    assert len(came) >= 30

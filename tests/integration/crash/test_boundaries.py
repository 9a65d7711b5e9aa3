"""A real server killed by SIGKILL at every boundary of its state, one after the other."""

import asyncio
import contextlib
import itertools
import shutil
import signal
from datetime import timedelta

import httpx
import pytest

from ca_core.errors import Error
from ca_core.state.sqlite import BOUNDARIES
from tests.integration.crash.autopsy import BEFORE, CURRENT, IDLE, NO_SIGNER, NOT_CURRENT, PHASES
from tests.integration.crash.cluster import Cluster
from tests.integration.crash.customer import asked_operators

pytestmark = pytest.mark.timeout(180)
COMMITS = {"commit:before", "commit:written", "commit:after"}
APPENDS = {"append:before", "append:written", "append:after"}
PASSES = 3
"""At most: what a server commits from time to time moves the numbers of the others on, and then a
pass may go by the one append."""


async def killed_at(cluster, number):
    """Begin a life that ends at that boundary; return it and the phase, None if it came further."""
    life = await cluster.life(kill_at=number)
    if await life.ready_or_ended():
        await life.kill()
        return life, None
    assert await life.ended() == -signal.SIGKILL
    return life, cluster.autopsy(life)


async def test_a_first_start_is_finished_by_the_next_wherever_it_was_killed(folder, zygote):
    """At every boundary from the empty folder to the first leaf: one root, and it signs."""
    boundaries, phases = [], []
    for number in itertools.count(1):
        async with contextlib.aclosing(Cluster(folder / str(number), zygote.life)) as cluster:
            life, phase = await killed_at(cluster, number)
            if phase is None:
                break
            boundaries.append(life.killed_at)
            phases.append(phase)
            await cluster.recovered(await cluster.life())
        shutil.rmtree(folder / str(number))
    assert len(boundaries) >= 40
    assert set(boundaries) == set(BOUNDARIES)
    ways = [
        CURRENT if phase == IDLE else phase for phase in phases
    ]  # the last ones race to be ready
    assert set(ways) == {BEFORE, NO_SIGNER, NOT_CURRENT, CURRENT}
    assert ways == sorted(ways, key=PHASES.index)


async def signings(cluster, life, ahead):
    """Have everything signed that a server signs, beyond the standing ceiling; then a new key."""
    async with cluster.customer.calling(life) as upstream:
        both = (cluster.customer.ask(upstream, ahead=ahead) for _ in range(2))
        await asyncio.gather(*both)
        await cluster.customer.ask_own(upstream, ahead=ahead)
    await cluster.stranger.join(life, node="node-2", ahead=ahead)
    rekeyed = await asked_operators(life, "PUT", "/v1/cluster/rekey")
    assert rekeyed.status_code == 200, rekeyed.text


async def killed_while_signing(cluster, number, fuse, ahead):
    """Begin a life that ends at that boundary of signing; return it, alive if it came further."""
    order = {"kill_at": number, "armed_by": str(fuse), "ahead_seconds": ahead.total_seconds()}
    life = await cluster.life(**order)
    await cluster.recovered(life)
    fuse.touch()
    with contextlib.suppress(Error, httpx.HTTPError):
        await signings(cluster, life, ahead)
    fuse.unlink()
    assert await life.ready_or_ended(grace=0.2) or await life.ended() == -signal.SIGKILL
    return life


async def killed_at_each(cluster, fuse, hours):
    """Kill a life at each boundary of signing, one after the other; return the boundaries."""
    boundaries = []
    while True:
        number, ahead = len(boundaries) + 1, timedelta(hours=next(hours))
        life = await killed_while_signing(cluster, number, fuse, ahead)
        if not life.has_ended:
            await cluster.stopped(life)
            return boundaries
        boundaries.append(life.killed_at)
        cluster.autopsy(life, busy=True)


async def test_no_released_leaf_is_above_the_ceiling_wherever_signing_was_killed(folder, zygote):
    """At every boundary of signing for a service and for an agent, of joining and of rekeying."""
    boundaries, hours = [], itertools.count(2, 2)
    async with contextlib.aclosing(Cluster(folder, zygote.life)) as cluster:
        for _ in range(PASSES):
            boundaries += await killed_at_each(cluster, folder / "armed", hours)
            if set(boundaries) == COMMITS | APPENDS:
                break
    assert len(boundaries) >= 24
    assert set(boundaries) == COMMITS | APPENDS


async def killed_while_stopping(cluster, number, fuse):
    """Begin a life that ends at that boundary of its clean stop; return it, ended."""
    life = await cluster.life(kill_at=number, armed_by=str(fuse))
    await cluster.recovered(life)
    fuse.touch()
    life.send(signal.SIGTERM)
    await life.ended()
    fuse.unlink()
    return life


async def test_a_clean_stop_that_is_killed_claims_nothing_that_is_not_so(folder, zygote):
    """At every boundary of a stop: a record that says it is complete holds every leaf."""
    boundaries = []
    for number in itertools.count(1):
        async with contextlib.aclosing(Cluster(folder / str(number), zygote.life)) as cluster:
            life = await killed_while_stopping(cluster, number, folder / f"armed{number}")
            if await life.ended() == 0:
                break
            boundaries.append(life.killed_at)
            cluster.autopsy(life)
            survivor = await cluster.life()
            await cluster.recovered(survivor)
            await cluster.stopped(survivor)
    assert len(boundaries) >= 9
    assert set(boundaries) >= COMMITS

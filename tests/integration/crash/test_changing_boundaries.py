"""A real server killed by SIGKILL at every commit of a change of who signs."""

import contextlib
import itertools
import shutil

import httpx
import pytest

from tests.integration.crash.changing import BEGUN, GONE, KINDS, ChangingCluster
from tests.integration.crash.lives import Zygote

pytestmark = pytest.mark.timeout(180)

COMMIT = 3
"""Boundaries of one commit: before it, written, durable. Only the last changes what is found."""

LIVES = 12
"""Of one cluster: every change leaves an authority that drains."""


async def killed_while_changing(cluster, kind, number, fuse):
    """Begin a life that ends at that boundary of a change; return it, alive if it came further."""
    life = await cluster.life(kill_at=number, armed_by=str(fuse))
    await cluster.recovered(life)
    fuse.touch()
    with contextlib.suppress(httpx.HTTPError):
        await cluster.ask(life, kind)
    await cluster.over(life)
    fuse.unlink()
    if not life.has_ended:
        await life.ready_or_ended(grace=0.2)
    return life


async def killed_at_some(kind, folder, zygote, numbers):
    """Kill servers at these boundaries, on one cluster; return how far each had come."""
    came = []
    async with contextlib.aclosing(ChangingCluster(folder, zygote.life)) as cluster:
        for number in numbers:
            life = await killed_while_changing(cluster, kind, number, folder / "armed")
            if not life.has_ended:
                break
            came.append(cluster.autopsy())
        else:
            await cluster.recovered(await cluster.life())
    shutil.rmtree(folder)
    return came


async def killed_at_every(kind, folder, zygote, step):
    """Kill servers at every so-manieth boundary of a change; return how far each had come."""
    came = []
    for first in itertools.count(step, step * LIVES):
        numbers = range(first, first + step * LIVES, step)
        came += await killed_at_some(kind, folder / str(first), zygote, numbers)
        if len(came) * step < numbers[-1]:
            return came
    raise AssertionError("a change has no end")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_change_is_finished_by_the_next_server_wherever_it_was_killed(kind, folder, zygote):
    """At every commit from the question to the last row of the old one."""
    came = await killed_at_every(kind, folder, zygote, COMMIT)
    phases = {"planned", "prepared"} | ({"distributed"} if kind != "renew" else set())
    assert phases <= set(came)
    assert set(came) <= phases | {BEGUN, GONE}
    assert len(came) >= 8


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
async def test_a_change_is_finished_from_every_boundary(kind, folder, zygote):
    """The same between any two effects on the disk."""
    assert len(await killed_at_every(kind, folder, zygote, 1)) >= 30


@pytest.fixture
async def zygote():
    """Lend a process that forks servers."""
    async with Zygote.running() as zygote:
        yield zygote

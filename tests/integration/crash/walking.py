"""Killing servers at one boundary after the other of a change of who signs."""

import contextlib
import itertools
import shutil

import httpx

LIVES = 12
"""Of one cluster: every change leaves an authority that drains."""


async def killed_while_changing(cluster, kind, number, fuse):
    """Begin a life that ends at that boundary of a change; return it, alive if it came further."""
    life = await cluster.life(kill_at=number, armed_by=str(fuse))
    await cluster.recovered(life)
    await cluster.made_ready(life, kind)
    fuse.touch()
    with contextlib.suppress(httpx.HTTPError):
        await cluster.ask(life, kind)
    await cluster.over(life)
    fuse.unlink()
    if not life.has_ended:
        await life.ready_or_ended(grace=0.2)
    return life


async def killed_at_some(kind, folder, made, numbers):
    """Kill servers at these boundaries, on one cluster; return how far each had come.

    Args:
        kind: of the change.
        folder: the cluster's own.
        made: returns a cluster in a folder.
        numbers: of the boundaries, from 1.
    """
    came = []
    async with contextlib.aclosing(made(folder)) as cluster:
        for number in numbers:
            life = await killed_while_changing(cluster, kind, number, folder / "armed")
            if not life.has_ended:
                break
            came.append(cluster.autopsy())
        else:
            await cluster.recovered(await cluster.life())
    shutil.rmtree(folder)
    return came


async def killed_at_every(kind, folder, made, step):
    """Kill servers at every so-manieth boundary of a change; return how far each had come."""
    came = []
    for first in itertools.count(step, step * LIVES):
        numbers = range(first, first + step * LIVES, step)
        came += await killed_at_some(kind, folder / str(first), made, numbers)
        if len(came) * step < numbers[-1]:
            return came
    raise AssertionError("a change has no end")

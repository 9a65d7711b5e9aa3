"""The unmodified ``ca-core server`` killed by SIGKILL from outside, at random moments."""

import asyncio
import contextlib
import random
import shutil

import pytest

from tests.integration.crash.aim import Aim, log_has_grown, log_size
from tests.integration.crash.cluster import Cluster
from tests.integration.crash.lives import console_life

KILLS = 50
SOAK_KILLS = 1000
SOAK_EACH = 20
LONGEST_IDLE = 0.05
LONGEST_LOAD = 0.3


@pytest.fixture
def aim(record_property):
    """Lend an aim, and tell afterwards in which phases servers were killed."""
    seed = random.SystemRandom().getrandbits(32)
    aim = Aim(random.Random(seed))
    yield aim
    record_property("measured", f"{aim.total} kills (seed {seed}): {aim.report()}")


async def killed_while_starting(cluster, aim):
    """Kill the next life at a moment of a first start."""
    start, growth = log_size(cluster.data_dir), aim.growth()
    life = await cluster.life()
    await log_has_grown(life, start, growth)
    await asyncio.sleep(aim.linger())
    await life.kill()
    aim.hit(cluster.autopsy(life), None if start else growth)


async def killed_while_idle(cluster, aim):
    """Kill the next life when it has recovered and nobody asks for anything."""
    life = await cluster.life()
    await cluster.recovered(life)
    await asyncio.sleep(aim.rng.uniform(0, LONGEST_IDLE))
    await life.kill()
    aim.hit(cluster.autopsy(life))


async def killed_under_load(cluster, aim):
    """Kill the next life while eight ask for leaves without a pause."""
    life = await cluster.life()
    await cluster.recovered(life)
    async with cluster.customer.calling(life) as upstream:
        load = asyncio.ensure_future(cluster.customer.press(upstream))
        await asyncio.sleep(aim.rng.uniform(0.01, LONGEST_LOAD))
        busy = cluster.notebook.under_way > 0
        await life.kill()
        await load
    aim.hit(cluster.autopsy(life, busy=busy))


DEATHS = (killed_while_starting, killed_while_starting, killed_while_idle, killed_under_load)


async def hard_life(folder, aim, kills):
    """Lead one cluster through deaths in every phase, then to a clean stop."""
    cluster = Cluster(folder, console_life)
    async with contextlib.aclosing(cluster):
        for death in DEATHS:
            if aim.total < kills:
                await death(cluster, aim)
        last = await cluster.life()
        await cluster.recovered(last)
        await cluster.stopped(last)
    complaints = cluster.data_dir.with_suffix(".err").read_text()
    assert "Traceback" not in complaints, complaints
    shutil.rmtree(folder)


async def hard_lives(folder, aim, kills, lane):
    """Lead clusters, one after the other, until so many servers were killed."""
    number = 0
    while aim.total < kills:
        number += 1
        await hard_life(folder / f"{lane}.{number}", aim, kills)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("half", [1, 2])
async def test_a_server_killed_at_any_moment_carries_on(folder, half, aim):
    """Same root, no second one, every released leaf under the ceiling, and it signs again."""
    await hard_lives(folder, aim, KILLS // 2, lane=half)
    assert aim.total == KILLS // 2


@pytest.mark.soak
async def test_a_thousand_servers_killed_in_every_phase_carry_on(folder, aim):
    """The same, at least twenty times in each phase; two clusters at a time."""
    await asyncio.gather(*(hard_lives(folder, aim, SOAK_KILLS, lane) for lane in (1, 2)))
    assert aim.total >= SOAK_KILLS
    assert min(aim.kills.values()) >= SOAK_EACH


@pytest.mark.timeout(180)
async def test_a_server_stopped_under_load_keeps_an_exact_and_complete_record(folder):
    """However often it is stopped while it signs, every leaf is on record and counted once."""
    cluster = Cluster(folder / "c", console_life)
    async with contextlib.aclosing(cluster):
        for _ in range(3):
            life = await cluster.life()
            await cluster.recovered(life)
            async with cluster.customer.calling(life) as upstream:
                load = asyncio.ensure_future(cluster.customer.press(upstream))
                await asyncio.sleep(0.2)
                found = await cluster.stopped(life)
                await load
            assert found.authority.complete
            assert found.serials >= {leaf.serial for leaf in cluster.notebook.released}
    assert len(cluster.notebook.released) > 10

"""The unmodified ``ca-core server`` killed at random moments of changes of who signs."""

import asyncio
import contextlib
import random
import shutil
import time
from collections import Counter

import httpx
import pytest

from ca_core.lifecycle.rows import open_operation
from tests.integration.crash.autopsy import standing
from tests.integration.crash.changing import BEGUN, GONE, KINDS, PHASES, ChangingCluster
from tests.integration.crash.lives import console_life

KILLS = 50
SOAK_KILLS = 1000
SOAK_EACH = 20
LIVES = 12
"""Of one cluster: every change leaves an authority that drains."""

LONGEST_CHANGE = 0.6
LINGER = 0.004
SEEN_WITHIN = 2.0
"""Seconds; a phase that is not seen by then was passed between two looks."""


class Aim:
    """Draws the moments at which servers die, and counts how far the changes had come."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.kills = Counter(dict.fromkeys(PHASES, 0))

    def rarest(self):
        """Return the phase in which the fewest have died, or None to shoot blindly."""
        if self.rng.random() < 1 / 3:
            return None
        return min(PHASES, key=lambda phase: (self.kills[phase], self.rng.random()))

    @property
    def total(self):
        """Return how many servers were killed."""
        return self.kills.total()


@pytest.fixture
def aim(record_property):
    """Lend an aim, and tell afterwards how far changes had come."""
    seed = random.SystemRandom().getrandbits(32)
    aim = Aim(seed)
    yield aim
    report = ", ".join(f"{phase}: {aim.kills[phase]}" for phase in PHASES)
    record_property("measured", f"{aim.total} kills (seed {seed}): {report}")


async def the_moment(cluster, aim):
    """Return when the server is to die: in the rarest phase, if it is seen, else at any time."""
    wanted = aim.rarest()
    if wanted in {None, BEGUN, GONE}:
        longest = 0.02 if wanted == BEGUN else LONGEST_CHANGE
        await asyncio.sleep(aim.rng.uniform(0, longest))
        return
    ends = time.monotonic() + SEEN_WITHIN
    while time.monotonic() < ends:
        row = open_operation(standing(cluster.data_dir).view)
        if row is not None and row.phase.value == wanted:
            break
        await asyncio.sleep(0)
    await asyncio.sleep(aim.rng.uniform(0, LINGER))


async def killed_while_changing(cluster, aim):
    """Kill the next life while it changes who signs."""
    life = await cluster.life()
    await cluster.recovered(life)
    asking = asyncio.ensure_future(cluster.ask(life, aim.rng.choice(KINDS)))
    await the_moment(cluster, aim)
    await life.kill()
    with contextlib.suppress(httpx.HTTPError):
        await asking
    aim.kills[cluster.autopsy()] += 1


async def hard_lives(folder, aim, kills):
    """Lead clusters, one after the other, until so many servers were killed."""
    folder.mkdir(exist_ok=True)
    while aim.total < kills:
        place = folder / str(aim.total)
        async with contextlib.aclosing(ChangingCluster(place, console_life)) as cluster:
            for _ in range(min(LIVES, kills - aim.total)):
                await killed_while_changing(cluster, aim)
            await cluster.recovered(await cluster.life())
        complaints = cluster.data_dir.with_suffix(".err").read_text()
        assert "Traceback" not in complaints, complaints
        shutil.rmtree(place)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("half", [1, 2])
async def test_a_change_goes_on_whenever_its_server_was_killed(folder, half, aim):
    """It is finished, nothing is left over, exactly one authority signs."""
    await hard_lives(folder / str(half), aim, KILLS // 2)
    assert aim.total == KILLS // 2


@pytest.mark.soak
async def test_a_thousand_servers_killed_while_they_change_who_signs_carry_on(folder, aim):
    """The same, at least twenty times in each phase."""
    await hard_lives(folder, aim, SOAK_KILLS)
    assert aim.total >= SOAK_KILLS
    assert min(aim.kills.values()) >= SOAK_EACH

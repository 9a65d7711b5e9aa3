"""The ``ca-core server`` killed at random moments of changes of who signs."""

import asyncio
import contextlib
import random
import shutil
import time
from collections import Counter

import httpx
import pytest

from ca_core.lifecycle.rows import OperationPhase, open_operation
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
LOOK_EVERY = 0.001
SEEN_WITHIN = 2.0
"""Seconds; by then a change is in the phase, or over."""


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


async def the_moment(cluster, aim, wanted, asking):
    """Return when the server is to die: in the wanted phase, if it is seen, else at any time."""
    if wanted in {None, BEGUN, GONE}:
        longest = 0.02 if wanted == BEGUN else LONGEST_CHANGE
        await asyncio.sleep(aim.rng.uniform(0, longest))
        return
    ends = time.monotonic() + SEEN_WITHIN
    while time.monotonic() < ends:
        was_asked = asking.done()
        row = open_operation(standing(cluster.data_dir).view)
        if (row is None and was_asked) or (row is not None and row.phase.value == wanted):
            break
        await asyncio.sleep(LOOK_EVERY)
    await asyncio.sleep(aim.rng.uniform(0, LINGER))


async def killed_while_changing(cluster, aim):
    """Kill the next life while it changes who signs."""
    wanted = aim.rarest()
    kinds = [kind for kind in KINDS if (kind, wanted) != ("renew", OperationPhase.DISTRIBUTED)]
    life = await cluster.life()
    await cluster.recovered(life)
    asking = asyncio.ensure_future(cluster.ask(life, aim.rng.choice(kinds)))
    await the_moment(cluster, aim, wanted, asking)
    await life.kill()
    with contextlib.suppress(httpx.HTTPError):
        await asking
    aim.kills[cluster.autopsy()] += 1


async def hard_lives(folder, aim, kills, begin=console_life):
    """Lead clusters, one after the other, until so many servers were killed."""
    folder.mkdir(exist_ok=True)
    while aim.total < kills:
        place = folder / str(aim.total)
        async with contextlib.aclosing(ChangingCluster(place, begin)) as cluster:
            for _ in range(min(LIVES, kills - aim.total)):
                await killed_while_changing(cluster, aim)
            await cluster.recovered(await cluster.life())
        if begin is console_life:
            complaints = cluster.data_dir.with_suffix(".err").read_text()
            assert "Traceback" not in complaints, complaints
        shutil.rmtree(place)


@pytest.mark.timeout(300)
async def test_a_change_goes_on_whenever_its_server_was_killed(folder, aim):
    """It is finished, nothing is left over, exactly one authority signs."""
    await hard_lives(folder, aim, KILLS // 2)
    assert aim.total == KILLS // 2


@pytest.mark.timeout(300)
async def test_a_change_goes_on_whenever_a_forked_server_was_killed(folder, aim, zygote):
    """The same for a process that imports nothing first."""
    await hard_lives(folder, aim, KILLS // 2, zygote.life)
    assert aim.total == KILLS // 2


@pytest.mark.soak
async def test_a_thousand_servers_killed_while_they_change_who_signs_carry_on(folder, aim):
    """The same, at least twenty times in each phase."""
    await hard_lives(folder, aim, SOAK_KILLS)
    assert aim.total >= SOAK_KILLS
    assert min(aim.kills.values()) >= SOAK_EACH

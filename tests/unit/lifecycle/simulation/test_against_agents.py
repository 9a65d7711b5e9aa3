"""A hundred simulated agents do what a hundred real ones do."""

import asyncio
import bisect
from datetime import timedelta
from statistics import mean

import pytest

from ca_core.authority.settings import CASettings
from ca_core.lifecycle.rows import OperationPhase, Wishes
from ca_core.lifecycle.simulation.flight import Flight
from ca_core.lifecycle.simulation.scenario import Cohort, Scenario, Span
from tests.unit.lifecycle.simulation.realmesh import RealMesh

AGENTS = 100
SETTINGS = CASettings(provider="under-test", csr_max_per_second=2)
NEAR = 0.15
SEEDS = range(20)
"""The forecast is the mean of as many flights."""


async def changed(mesh, away):
    """Rotate the root while the first ``len(away)`` agents are cut off; return when it was over."""
    for cable in mesh.cables[: away.agents]:
        cable.cut()
    row = await mesh.room.changes.rotate(actor="test", wishes=Wishes(settle=timedelta()))
    await mesh.pass_time(away.span)
    for cable in mesh.cables[: away.agents]:
        cable.mend()
    for _ in range(600):
        if len(mesh.signed) >= AGENTS:
            break
        await mesh.pass_time(timedelta(seconds=1))
    assert mesh.room.operation(row.id).phase is OperationPhase.ACTIVE
    return row


class Away:
    """So many agents, for so long."""

    def __init__(self, agents, span):
        self.agents, self.span = agents, span


def real(away):
    """Return when CSRs were asked and signed in a real mesh."""

    async def scenario():
        async with RealMesh(AGENTS, SETTINGS) as mesh:
            await changed(mesh, away)
            return sorted(mesh.asked), sorted(mesh.signed)

    return asyncio.run(scenario())


def foretold(away):
    """Return the same of every simulated flight."""
    cohort = Cohort(away.agents / AGENTS, Span(timedelta(), away.span))
    flights = []
    for seed in SEEDS:
        flight = Flight(
            Scenario(
                agents=AGENTS,
                own_leaves=False,
                settings=SETTINGS,
                wishes=Wishes(settle=timedelta()),
                offline=(cohort,) if away.agents else (),
                preparing=timedelta(milliseconds=400),
                issued_ago=timedelta(seconds=20),
                longest=timedelta(hours=1),
                seed=seed,
            )
        )
        flight.forecast()
        tally = flight._tally
        flights.append([sorted(counts.elements()) for counts in (tally.asking, tally.signing)])
    return flights


def by_then(moments, second):
    """Return how many there were until the end of a second."""
    return bisect.bisect_right(moments, second + 0.999)


@pytest.mark.parametrize("away", [Away(0, timedelta()), Away(20, timedelta(seconds=60))])
def test_the_forecast_agrees_with_real_agents(away):
    """CSRs asked and signed at every moment, and until 95 of 100 leaves are new: within 15 %."""
    asked, signed = real(away)
    flights = foretold(away)
    assert mean(len(one) for one, _ in flights) == pytest.approx(len(asked), rel=NEAR)
    almost = int(0.95 * AGENTS)
    assert mean(one[almost] for _, one in flights) == pytest.approx(signed[almost], rel=NEAR)
    ends = [one[-1] for _, one in flights]  # the very last leaf is a matter of luck, there as here
    assert min(ends) * (1 - NEAR) <= signed[-1] <= max(ends) * (1 + NEAR)
    for second in range(int(signed[-1]) + 1):
        for which, moments in enumerate((asked, signed)):
            expected = mean(by_then(flight[which], second) for flight in flights)
            assert abs(by_then(moments, second) - expected) <= NEAR * len(moments), second

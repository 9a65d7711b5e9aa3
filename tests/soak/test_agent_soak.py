"""Weeks of an agent's life in bad weather: leaves are renewed in time, and nothing grows."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.soak.mesh import DAY, running_mesh
from tests.soak.virtualtime import run_virtually
from tests.soak.weather import HOUR, bad_weather

LIFE = timedelta(hours=36)
"""Of a leaf at first: shorter than what an outage and the renewal window take together."""
CALM = 2 * HOUR
"""After the last event, for what it left to be done."""
MEGABYTE = 2**20


async def lived(clock, *, days, agents, leaves, every, seed=7):
    """Let so many days pass in bad weather, then a calm hour; return the mesh and its weather."""
    async with running_mesh(clock, agents=agents, leaves=leaves, leaf_ttl=LIFE) as mesh:
        await clock.sleep(CALM)
        mesh.audit.measure(mesh)
        async with bad_weather(mesh, every=every, seed=seed) as weather:
            for _ in range(days):
                await clock.sleep(DAY)
                mesh.check_running()
                weather.check()
        await weather.over()
        await clock.sleep(CALM)
        mesh.check_running()
        mesh.audit.measure(mesh)
        return mesh, weather


def check(mesh, weather, *, grows):
    """Hold a mesh to everything that must be so in the end.

    ``grows``: bytes a day, most of them the record of what was issued, which is in memory here.
    """
    audit = mesh.audit
    assert audit.late == []
    assert audit.crowded() == []
    audit.check_admission()
    assert audit.answers["expired"] > 0, "nothing has shown that expired leaves are kept back"
    assert audit.answers["not yet valid"] > 0, "nor that those are whose time has not come"
    assert len(Counter(weather.happened)) == weather.kinds, weather.happened
    first, _, warm, *_, last = audit.footprints
    assert last.records == mesh.leaves
    assert (last.threads <= first.threads, last.files <= first.files) == (True, True)
    assert last.entries <= 3 * mesh.leaves
    assert abs(last.tasks - first.tasks) <= 10
    assert last.rows <= first.rows + 60
    assert last.resident - warm.resident <= grows * len(audit.footprints), audit.footprints


@pytest.mark.timeout(900)
def test_a_week_of_bad_weather_costs_no_leaf(record_property):
    """No expired leaf is answered, none is renewed late or in step, and nothing grows."""
    mesh, weather = run_virtually(
        lambda clock: lived(clock, days=7, agents=1, leaves=600, every=12 * HOUR)
    )
    record_property("measured", mesh.told(weather))
    check(mesh, weather, grows=5 * MEGABYTE)


@pytest.mark.soak
def test_a_month_of_bad_weather_costs_no_leaf(record_property):
    """The same for 30 days, a thousand leaves, and four agents."""
    mesh, weather = run_virtually(
        lambda clock: lived(clock, days=30, agents=4, leaves=1000, every=6 * HOUR)
    )
    record_property("measured", mesh.told(weather))
    check(mesh, weather, grows=5 * MEGABYTE)

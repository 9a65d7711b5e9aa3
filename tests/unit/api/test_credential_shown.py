"""A server tells how its provider's credential stands: metrics, readiness, status."""

import asyncio
import contextlib
import json
import threading
from datetime import timedelta
from random import Random

import pytest

from ca_core.acl.access import AllowAll
from ca_core.api.operator_handlers import ca_status
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.api.status_handlers import metrics, readyz
from ca_core.authority.registry import Registry
from ca_core.config.model import CAConfig, Config
from ca_core.contract import Credential, Health, ProviderPlugin
from ca_core.testing.clock import FakeClock
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from tests.unit.api.asking import asking

GAUGE = 'ca_core_provider_credential_{}{{provider="told"}}'


class Told(ReferenceProvider):
    """Has the health that the test gives it, or hangs."""

    health_now = Health(ok=True)
    gate = threading.Event()

    def health(self, *, deep=False):
        """Answer what the test wants."""
        self.gate.wait(10)
        return self.health_now


def plugin():
    """Return a descriptor that makes it."""
    backend = ReferenceBackend()
    return ProviderPlugin(
        parse_config=reference_plugin().parse_config,
        create=lambda config, context: Told(config, context, backend),
    )


@contextlib.asynccontextmanager
async def serving(monkeypatch, credential):
    """Run a server whose provider has this credential."""
    clock = FakeClock()
    monkeypatch.setattr(Told, "gate", threading.Event())
    Told.gate.set()
    monkeypatch.setattr(Told, "health_now", Health(ok=True, credential=credential))
    around = Surroundings(
        clock=clock,
        may=AllowAll(),
        registry=Registry(entry_points=(), extra={"told": plugin()}),
        random=Random(7),
        environment={},
    )
    server = Server(Config(ca=CAConfig(provider="told")), memory_state(), around)
    server.start()
    try:
        await server.ready()
        yield server, clock
    finally:
        Told.gate.set()
        await server.close()


async def scraped(server):
    """Return the samples of one scrape, by name with labels."""
    answer = await metrics(server.about(), asking())
    lines = bytes(answer.body).decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


async def test_the_first_failure_is_seen_at_the_next_scrape_in_readiness_and_in_status(monkeypatch):
    """One number, one remark, one sentence; and it is gone when all is well again."""
    ends = FakeClock().now() + timedelta(hours=3)
    async with serving(monkeypatch, Credential(ends=ends)) as (server, clock):
        seen = await scraped(server)
        assert float(seen[GAUGE.format("runway_hours")]) == 3
        assert float(seen[GAUGE.format("expiry_timestamp_seconds")]) == ends.timestamp()
        assert float(seen[GAUGE.format("failures")]) == 0
        assert (await readyz(server.about(), asking())).body == b"ready\n"

        failing = Credential(ends=ends, failures=1, last_error="no: token=hunter2hunter2")
        monkeypatch.setattr(Told, "health_now", Health(ok=True, credential=failing))
        clock.advance(timedelta(hours=1))
        seen = await scraped(server)
        assert float(seen[GAUGE.format("runway_hours")]) == 2
        assert float(seen[GAUGE.format("failures")]) == 1
        assert b"failures in a row: 1" in (await readyz(server.about(), asking())).body
        status = json.loads((await ca_status(server.room, asking())).body)["Credential"]
        assert (status["HoursLeft"], status["Failures"]) == (2, 1)
        assert "hunter2" not in status["LastError"]


@pytest.mark.parametrize("credential", [None, "nonsense"])
async def test_no_credential_is_no_sample_and_no_failing_scrape(monkeypatch, credential):
    """Neither a provider without one nor one that answers nonsense breaks the metrics."""
    async with serving(monkeypatch, credential) as (server, _clock):
        seen = await scraped(server)
        assert not [name for name in seen if "credential" in name]
        status = json.loads((await ca_status(server.room, asking())).body)
        assert (status["Credential"], status["ProviderOK"]) == (None, credential is None)


async def test_a_provider_that_hangs_delays_no_scrape(monkeypatch):
    """What it said last is shown, the loop turns meanwhile, and the status says that it is late."""
    async with serving(monkeypatch, Credential(ends=None)) as (server, _clock):
        await scraped(server)
        Told.gate.clear()
        async with asyncio.timeout(30):
            seen = await scraped(server)
            status = json.loads((await ca_status(server.room, asking())).body)
        assert float(seen[GAUGE.format("runway_hours")]) == float("inf")
        assert "does not say within" in status["ProviderMessage"]

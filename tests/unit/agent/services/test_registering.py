"""Anti-entropy: servers hold what is registered here, soon, and without being told in a loop."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from ca_core.acl.principal import Anonymous, Token
from ca_core.agent.services.definitions import CheckDefinition, Registration, Ttl
from ca_core.agent.services.registering import AT_ONCE, PER_SECOND, Registering
from ca_core.agent.services.services import Services
from ca_core.catalog.bounds import check_state
from ca_core.errors import DeniedError, UnavailableError
from ca_core.telemetry.metrics import Metrics
from ca_core.telemetry.services import ServiceCollector
from ca_core.testing.clock import FakeClock
from ca_core.wire.catalog import CheckStatus, Service
from ca_core.wire.registered import RefusedService, RegisteredAnswer, digest_of
from tests.unit.agent.fakes import passed, settle

PASSING, CRITICAL = CheckStatus.PASSING, CheckStatus.CRITICAL
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
TTL = Ttl(ttl=timedelta(hours=1))


class FakeServer:
    """Stores what it is told, but for what it refuses; ``errors`` are raised by the next calls."""

    def __init__(self):
        self.told = []
        self.errors = []
        self.refused = ()
        self.differs = asyncio.Event()
        self.asked = []

    async def registered(self, state):
        """Take it over."""
        if self.errors:
            raise self.errors.pop(0)
        self.told.append(state)
        self.differs.clear()
        ids = {each.id for each in self.refused}
        kept = tuple(one for one in state.services if one.service.id not in ids)
        stored = type(state)(address=state.address, services=kept, checks=state.checks)
        return RegisteredAnswer(digest=digest_of(stored), refused=self.refused)

    async def in_sync(self, digest):
        """Park until something else is stored."""
        self.asked.append(digest)
        await self.differs.wait()
        return False


class Harness:
    """The services of a host, and a server that is told of them."""

    def __init__(self):
        self.clock = FakeClock()
        self.services = Services("n1", self.clock)
        self.server = FakeServer()
        self.revoked = set()
        self.used = []
        self.telling = Registering(
            self.services,
            self.server,
            self.clock,
            lambda: 0.5,
            address="10.0.0.1",
            grant_for=self._grant_for,
            keep_used=self.used.append,
        )

    async def _grant_for(self, caller, service):
        if caller in self.revoked:
            raise DeniedError("ACL not found")
        return "" if isinstance(caller, Anonymous) else f"grant of {caller.accessor} for {service}"

    async def register(self, name="web", accessor=""):
        """Register an instance with one TTL check."""
        check = CheckDefinition(id=f"c:{name}", name="c", service_id=name, kind=TTL)
        service = Service(id=name, service=name)
        new = Registration(service=service, checks=(check,), accessor=accessor)
        await self.services.register([new])

    async def soon(self):
        """Let a second pass."""
        await settle()
        await passed(self.clock, SECOND, step=SECOND / 10)

    def last(self):
        """Return what the server was told last: id → (status, output) of the check."""
        found = {}
        for one in self.server.told[-1].services:
            [check] = one.checks
            found[one.service.id] = (check.status, check.output)
        return found


@asynccontextmanager
async def running():
    """Tell, and follow."""
    h = Harness()
    tasks = [asyncio.create_task(run()) for run in (h.telling.run, h.telling.follow)]
    await settle()
    try:
        yield h
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_nothing_is_told_that_servers_hold_already():
    """A thousand agents that start again ask whether all is well, and it is."""
    async with running() as h:
        await passed(h.clock, MINUTE)
        assert h.server.told == []
        assert h.server.asked == [h.telling.digest]


async def test_a_burst_of_changes_is_told_once():
    """A host that starts makes one request."""
    async with running() as h:
        for n in range(20):
            await h.register(f"web-{n}")
        await h.soon()
        assert [len(told.services) for told in h.server.told] == [20]
        assert h.server.told[0].address == "10.0.0.1"
        assert [one.service.id for one in h.server.told[0].services] == sorted(
            f"web-{n}" for n in range(20)
        )


async def test_a_change_of_the_instance_or_of_its_checks_is_told():
    """A port that moved; a check that came or went."""
    async with running() as h:
        await h.register()
        await h.soon()
        moved = Registration(service=Service(id="web", service="web", port=81))
        await h.services.register([moved])
        await h.soon()
        assert h.server.told[-1].services[0].service.port == 81
        await h.services.remove_check("c:web")
        await h.soon()
        assert h.server.told[-1].services[0].checks == ()
        await h.services.maintain("web", reason="r")
        await h.soon()
        [check] = h.server.told[-1].services[0].checks
        assert (check.status, check.output) == (CRITICAL, "r")


async def test_a_status_is_told_at_once():
    """Within the time in which changes gather."""
    async with running() as h:
        await h.register()
        await h.soon()
        h.services.report("c:web", PASSING, "fine")
        await settle()
        await passed(h.clock, timedelta(milliseconds=60))
        assert h.last() == {"web": (PASSING, "fine")}


async def test_an_output_alone_is_told_minutes_later_once():
    """Text that changes with every run must not write to the store with every run."""
    async with running() as h:
        await h.register()
        h.services.report("c:web", PASSING, "0")
        await h.soon()
        before = len(h.server.told)
        for n in range(1, 140):
            h.services.report("c:web", PASSING, str(n))
            await passed(h.clock, SECOND)
        assert len(h.server.told) == before
        for n in range(140, 310):
            h.services.report("c:web", PASSING, str(n))
            await h.soon()
        assert len(h.server.told) == before + 1


async def test_an_output_goes_with_the_next_change_that_counts():
    """And is not told a second time then."""
    async with running() as h:
        await h.register()
        h.services.report("c:web", PASSING, "a")
        await h.soon()
        h.services.report("c:web", PASSING, "b")
        await h.register("db")
        await h.soon()
        told = len(h.server.told)
        assert h.last()["web"] == (PASSING, "b")
        await passed(h.clock, timedelta(minutes=10), step=MINUTE)
        assert len(h.server.told) == told


async def test_everything_is_told_again_when_a_server_stores_something_else():
    """Whoever took it away: a restored backup, an operator."""
    async with running() as h:
        await h.register()
        await h.soon()
        await passed(h.clock, timedelta(minutes=5))
        h.server.differs.set()
        await settle()
        await h.soon()
        assert len(h.server.told) == 2
        assert h.server.told[0] == h.server.told[1]


async def test_agents_that_are_all_wanted_again_do_not_come_together():
    """Each at a drawn moment of the next second; a change of one is told at once."""
    async with running() as h:
        h.server.differs.set()
        await passed(h.clock, timedelta(milliseconds=490), step=timedelta(milliseconds=10))
        assert h.server.told == []
        await passed(h.clock, timedelta(milliseconds=100), step=timedelta(milliseconds=10))
        assert len(h.server.told) == 1


async def test_a_server_that_always_says_something_else_is_not_told_in_a_loop():
    """It is told with growing pauses."""
    async with running() as h:
        await h.register()
        for _ in range(600):
            h.server.differs.set()
            await passed(h.clock, timedelta(milliseconds=100))
        assert 3 < len(h.server.told) < 25


async def test_the_newest_digest_is_asked_about():
    """The question that waits names what was stored last."""
    async with running() as h:
        await h.register()
        await h.soon()
        assert h.server.asked[-1] == h.telling.digest
        assert h.telling.digest == digest_of(h.server.told[-1])


async def test_a_failure_is_tried_again_with_growing_pauses(caplog):
    """It is logged once, and nothing is lost."""
    async with running() as h:
        h.server.errors = [UnavailableError("away")] * 5
        await h.register()
        await h.soon()
        assert h.telling.describe()["last_error"] == "away"
        await passed(h.clock, MINUTE, step=SECOND)
        assert len(h.server.told) == 1
        assert h.telling.describe()["last_error"] == ""
        assert caplog.text.count("away") == 1


async def test_a_pause_ends_when_a_server_answers_again():
    """Nobody waits out an outage that is over."""
    async with running() as h:
        h.server.errors = [UnavailableError("away")] * 7
        await h.register()
        await passed(h.clock, timedelta(seconds=10), step=SECOND)
        h.server.errors.clear()
        h.telling.hurry()
        await settle()
        assert len(h.server.told) == 1


async def test_the_grant_of_the_token_that_registered_goes_along():
    """Without a token the agent vouches; the digest knows nothing of either."""
    async with running() as h:
        await h.register("web", "alice")
        await h.register("db")
        await h.soon()
        grants = {one.service.id: one.grant for one in h.server.told[-1].services}
        assert grants == {"web": "grant of alice for web", "db": ""}
        assert frozenset({"alice"}) in h.used


async def test_a_revoked_token_leaves_its_service_and_takes_its_grant():
    """As in Consul; what it gave is claimed no longer."""
    async with running() as h:
        await h.register("web", "alice")
        await h.soon()
        h.revoked.add(Token("alice"))
        await h.register("db")
        await h.soon()
        assert {one.service.id: one.grant for one in h.server.told[-1].services} == {
            "web": "",
            "db": "",
        }


async def test_what_was_refused_is_said_once_and_tried_again_later(caplog):
    """And at once when rights change; the rest is stored."""
    async with running() as h:
        h.server.refused = (RefusedService(id="web", reason="lacks service:write"),)
        await h.register("web")
        await h.register("db")
        await h.soon()
        assert h.telling.describe()["refused"] == {"web": "lacks service:write"}
        await passed(h.clock, timedelta(minutes=3), step=SECOND)
        assert len(h.server.told) == 1
        await passed(h.clock, timedelta(minutes=3), step=SECOND)
        assert len(h.server.told) == 2
        h.server.refused = ()
        h.telling.rights_changed()
        await h.soon()
        assert h.telling.describe()["refused"] == {}
        assert caplog.text.count("refused service web") == 1
        told = len(h.server.told)
        h.telling.rights_changed()
        await passed(h.clock, timedelta(hours=1), step=MINUTE)
        assert len(h.server.told) == told


async def test_a_bug_of_the_upstream_stops_nothing(caplog):
    """It is logged with its traceback, and tried again."""
    async with running() as h:
        h.server.errors = [ZeroDivisionError()]
        await h.register()
        await passed(h.clock, timedelta(seconds=5), step=SECOND)
        assert len(h.server.told) == 1
        assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("output", ["x" * 4096, "\x00" * 4096, "ä" * 4096])
async def test_outputs_that_are_too_long_together_are_cut(output):
    """A server takes 64 KiB of one instance; better less of each than nothing of any."""
    async with running() as h:
        checks = tuple(
            CheckDefinition(id=f"c{n}", name="c", service_id="web", kind=TTL) for n in range(60)
        )
        service = Service(id="web", service="web")
        await h.services.register([Registration(service=service, checks=checks)])
        for check in checks:
            h.services.report(check.id, PASSING, output)
        await h.soon()
        assert all(check.output for check in h.server.told[-1].services[0].checks)
        check_state(h.server.told[-1], "n1")


async def test_figures_tell_what_is_registered_and_how_telling_goes():
    """As Prometheus reads them; no service is a label."""
    async with running() as h:
        metrics = Metrics()
        metrics.registry.register(ServiceCollector(h.telling.figures))
        h.server.errors = [UnavailableError("away")]
        h.server.refused = (RefusedService(id="db", reason="lacks service:write"),)
        await h.register("web")
        await h.register("db")
        h.services.report("c:web", PASSING, "")
        await h.services.maintain("", reason="r")
        await passed(h.clock, timedelta(seconds=3), step=SECOND / 10)
        value = metrics.registry.get_sample_value
        assert value("ca_core_services", {"state": "taken"}) == 1
        assert value("ca_core_services", {"state": "refused"}) == 1
        assert value("ca_core_checks", {"type": "ttl", "status": "passing"}) == 1
        assert value("ca_core_checks", {"type": "maintenance", "status": "critical"}) == 1
        assert value("ca_core_services_told_total", {"outcome": "failed"}) == 1
        assert value("ca_core_services_told_total", {"outcome": "taken"}) == 1


async def test_a_service_that_changes_all_the_time_is_told_of_once_a_second():
    """One program does not keep servers busy; the newest state is told in the end."""
    async with running() as h:
        seconds = 30
        for number in range(seconds * 10):
            await h.register(f"s{number % 2}", accessor=str(number))
            await h.services.deregister(f"s{number % 2}")
            await h.register("web", accessor=str(number))
            await h.services.maintain("web", reason=None if number % 2 else "flaps")
            await passed(h.clock, SECOND / 10, step=SECOND / 20)
        assert len(h.server.told) == pytest.approx(AT_ONCE + seconds * PER_SECOND, rel=0.15)
        await h.register("last")
        await passed(h.clock, 3 * SECOND, step=SECOND / 10)
        assert "last" in {one.service.id for one in h.server.told[-1].services}

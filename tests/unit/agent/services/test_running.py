"""Checks are run when they are due, by the clock alone."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import cycle

from ca_core.agent.services.checks.outcome import Outcome
from ca_core.agent.services.checks.running import MOST_AT_ONCE, MOST_OF_ONE, CheckRunner
from ca_core.agent.services.definitions import CheckDefinition, Registration, Tcp, Thresholds, Ttl
from ca_core.agent.services.services import Services
from ca_core.testing.clock import FakeClock
from ca_core.wire.catalog import CheckStatus, Service
from tests.unit.agent.fakes import passed, settle

PASSING, WARNING, CRITICAL = CheckStatus.PASSING, CheckStatus.WARNING, CheckStatus.CRITICAL
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def tcp(check_id="c", *, interval=10.0, timeout=5.0, **more):
    """Return a check that is run."""
    kind = Tcp(
        host=check_id,
        port=1,
        interval=timedelta(seconds=interval),
        timeout=timedelta(seconds=timeout),
    )
    return CheckDefinition(id=check_id, name=check_id, service_id="web", kind=kind, **more)


def ttl(**more):
    """Return a check that is reported."""
    kind = Ttl(ttl=timedelta(seconds=10))
    return CheckDefinition(id="c", name="c", service_id="web", kind=kind, **more)


class Harness:
    """A runner whose checks answer what a test says.

    ``answers``: check id → its next outcomes; without any it passes. ``gate`` holds every run.
    """

    def __init__(self, draw):
        self.clock = FakeClock()
        self.services = Services("n1", self.clock)
        self.answers = {}
        self.runs = []
        self.gate = None
        self.at_once = self.most = 0
        self.runner = CheckRunner(self.services, self.clock, draw, run_one=self._run_one)

    async def _run_one(self, check):
        self.runs.append((check.host, self.clock.monotonic()))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
            answers = self.answers.get(check.host)
            found = answers.pop(0) if answers else PASSING
            if isinstance(found, Exception):
                raise found
            return Outcome(found, f"{found} at {self.clock.monotonic():.0f}")
        finally:
            self.at_once -= 1

    async def register(self, *checks):
        """Register ``web`` with these checks alone."""
        service = Service(id="web", service="web")
        new = Registration(service=service, checks=checks)
        await self.services.register([new], only_these=True)
        await settle()

    def check(self, check_id="c"):
        """Return how a check stands."""
        return self.services.state.checks[check_id]


@asynccontextmanager
async def running(draw=lambda: 0.5):
    """Run the runner."""
    h = Harness(draw)
    task = asyncio.create_task(h.runner.run())
    await settle()
    try:
        yield h
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_check_runs_at_a_drawn_moment_and_then_once_an_interval():
    """Those that are registered together do not run together."""
    draws = cycle([0.1, 0.9])
    async with running(lambda: next(draws)) as h:
        await h.register(tcp("a"), tcp("b"))
        await passed(h.clock, timedelta(seconds=30), step=SECOND)
        assert [at for who, at in h.runs if who == "a"] == [1.0, 11.0, 21.0]
        assert [at for who, at in h.runs if who == "b"] == [9.0, 19.0, 29.0]
        assert h.check("a").status is PASSING


async def test_a_run_that_takes_too_long_is_critical_and_ended():
    """The next one comes after its interval all the same."""
    async with running() as h:
        h.gate = asyncio.Event()
        await h.register(tcp())
        await passed(h.clock, timedelta(seconds=11), step=SECOND)
        assert h.at_once == 0
        assert h.check().status is CRITICAL
        assert "longer than 5 s" in h.check().output
        await passed(h.clock, timedelta(seconds=10), step=SECOND)
        assert len(h.runs) == 2


async def with_checks(h, name, count):
    """Register a service with so many checks."""
    checks = tuple(
        CheckDefinition(id=f"{name}{n}", name="c", service_id=name, kind=tcp(f"{name}{n}").kind)
        for n in range(count)
    )
    await h.services.register([Registration(service=Service(id=name, service=name), checks=checks)])


async def test_only_so_many_run_at_once():
    """The others wait for their turn, and get it."""
    async with running() as h:
        h.gate = asyncio.Event()
        for number in range(10):
            await with_checks(h, f"s{number}-", 10)
        await settle()
        await passed(h.clock, timedelta(seconds=5))
        assert h.at_once == MOST_AT_ONCE
        h.gate.set()
        await settle(200)
        assert len(h.runs) == 100
        assert h.most == MOST_AT_ONCE


async def test_checks_that_hang_hold_up_no_other_services():
    """Nor do those of another instance of the same name get more of the turns."""
    async with running() as h:
        h.gate = asyncio.Event()
        await with_checks(h, "slow", 60)
        await with_checks(h, "db", 1)
        await settle()
        await passed(h.clock, timedelta(seconds=5))
        assert h.at_once == MOST_OF_ONE + 1
        assert "db0" in [who for who, _ in h.runs]


async def test_a_check_that_is_gone_is_run_no_more():
    """Also one that runs at this moment: what it finds is dropped."""
    async with running() as h:
        h.gate = asyncio.Event()
        await h.register(tcp())
        await passed(h.clock, timedelta(seconds=5))
        assert h.at_once == 1
        await h.services.deregister("web")
        await settle()
        assert h.at_once == 0
        h.gate.set()
        await passed(h.clock, MINUTE, step=SECOND)
        assert len(h.runs) == 1


async def test_a_check_that_is_defined_anew_begins_anew():
    """Its first results count from the beginning, at its new pace."""
    async with running() as h:
        h.answers["c"] = [CRITICAL] * 9
        await h.register(tcp(status=PASSING, thresholds=Thresholds(warning=2, critical=2)))
        await passed(h.clock, timedelta(seconds=6), step=SECOND)
        await h.register(tcp(status=PASSING, thresholds=Thresholds(warning=3, critical=3)))
        await passed(h.clock, timedelta(seconds=20), step=SECOND)
        assert h.check().status is PASSING
        await passed(h.clock, timedelta(seconds=10), step=SECOND)
        assert h.check().status is CRITICAL


async def test_the_same_definition_again_goes_on_as_before():
    """A program that registers every second is checked all the same."""
    async with running() as h:
        await h.register(tcp())
        for _ in range(30):
            await h.register(tcp())
            await passed(h.clock, SECOND)
        assert [at for _, at in h.runs] == [5.0, 15.0, 25.0]


async def test_a_check_that_breaks_is_critical_and_logged(caplog):
    """A bug of a check stops no other check."""
    async with running() as h:
        h.answers["c"] = [ZeroDivisionError()]
        await h.register(tcp())
        await passed(h.clock, timedelta(seconds=5))
        assert h.check().status is CRITICAL
        assert "ZeroDivisionError" in caplog.text
        await passed(h.clock, timedelta(seconds=10), step=SECOND)
        assert h.check().status is PASSING


async def test_a_ttl_check_expires_without_a_report_and_comes_back_with_one():
    """Exactly after its time, counted from the last report."""
    async with running() as h:
        await h.register(ttl())
        h.services.report("c", PASSING, "fine")
        await passed(h.clock, timedelta(seconds=8), step=SECOND)
        h.services.report("c", WARNING, "hm")
        await passed(h.clock, timedelta(seconds=9), step=SECOND)
        assert (h.check().status, h.check().output) == (WARNING, "hm")
        await passed(h.clock, SECOND)
        assert h.check().status is CRITICAL
        assert "10s" in h.check().output
        await passed(h.clock, timedelta(seconds=3), step=SECOND)
        h.services.report("c", PASSING, "back")
        await passed(h.clock, timedelta(seconds=9), step=SECOND)
        assert h.check().status is PASSING
        await passed(h.clock, SECOND)
        assert h.check().status is CRITICAL


async def test_a_ttl_check_that_failed_keeps_its_reason():
    """That nobody reports any more says less than what was reported."""
    async with running() as h:
        await h.register(ttl())
        h.services.report("c", CRITICAL, "disk full")
        await passed(h.clock, MINUTE, step=SECOND)
        assert h.check().output == "disk full"


async def test_a_service_goes_once_a_check_was_critical_for_too_long():
    """Not for a time in which it had recovered once."""
    async with running() as h:
        await h.register(ttl(deregister_after=timedelta(minutes=2)))
        await passed(h.clock, timedelta(seconds=100), step=SECOND)
        h.services.report("c", PASSING, "")
        await passed(h.clock, timedelta(seconds=129), step=SECOND)  # 10 s of them well
        assert "web" in h.services.state.services
        await passed(h.clock, timedelta(seconds=2), step=SECOND)
        assert "web" not in h.services.state.services


async def test_one_service_of_two_critical_checks_goes_once():
    """Both are due at the same moment; nothing breaks."""
    async with running() as h:
        after = timedelta(minutes=1)
        h.answers = {"a": [CRITICAL] * 99, "b": [CRITICAL] * 99}
        await h.register(tcp("a", deregister_after=after), tcp("b", deregister_after=after))
        await passed(h.clock, timedelta(seconds=61), step=SECOND)
        assert not h.services.state.services
        await h.register(tcp("a"))
        await passed(h.clock, timedelta(seconds=6), step=SECOND)
        assert h.runs[-1][0] == "a"

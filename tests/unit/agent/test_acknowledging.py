"""What an agent tells the server about its bundle, when, and after what."""

import asyncio
import contextlib
from datetime import timedelta

from ca_core.agent.acknowledging import (
    CALM_AFTER,
    CATCHING_UP,
    EVERY,
    NAMED,
    Acknowledging,
    statement,
)
from ca_core.agent.pollers import SILENCE, SLOW, Pollers, Slow
from ca_core.agent.renewal import ROOT_CHANGE_SPREAD
from ca_core.agent.rootscache import RootsCache
from ca_core.errors import ConfigError, DeniedError, RateLimitedError
from ca_core.intentions.decision import Decision, Why
from ca_core.intentions.model import Name
from ca_core.testing.clock import FakeClock
from ca_core.wire.operations import Lease
from tests.unit.agent.fakes import FakeUpstream, passed, settle

SECOND = timedelta(seconds=1)


DENIAL = Decision(False, Why.DEFAULT)
WOULD_DENY = Decision(True, Why.DEFAULT, would=DENIAL)


class House:
    """One agent's roots and what it says of them.

    ``kept`` lists the bundles on its disk, ``kept_when_said`` what was there at each statement.
    """

    def __init__(self):
        self.clock = FakeClock()
        self.upstream = FakeUpstream(self.clock)
        self.pollers = Pollers()
        self.kept = []
        self.disk_errors = []
        self.kept_when_said = []
        self.roots = RootsCache(self.upstream, self.clock, lambda: 0.5)
        self.acknowledging = Acknowledging(
            self.upstream, self.roots, self.pollers, self.clock, lambda: 0.5, self._keep
        )

        tell = self.upstream.acknowledge

        async def told(said):
            self.kept_when_said.append(statement(self.kept[-1]))
            return await tell(said)

        self.upstream.acknowledge = told

    async def _keep(self, anchors):
        if self.disk_errors:
            raise self.disk_errors.pop(0)
        if not self.kept or self.kept[-1] != anchors:
            self.kept.append(anchors)

    @property
    def said(self):
        """Return the bundles that were acknowledged, repetitions included."""
        return self.upstream.acknowledged

    @property
    def bundles(self):
        """Return the digests of the bundles that were acknowledged."""
        return {said.digest for said in self.said}

    async def rotated(self):
        """Let another root be added."""
        self.upstream.rotate()
        await settle()


def ran(scenario):
    """Run a scenario in a house of its own."""

    async def whole():
        built = House()
        loops = [asyncio.create_task(run()) for run in (built.roots.run, built.acknowledging.run)]
        await settle()
        try:
            await scenario(built)
        finally:
            for loop in loops:
                loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*loops)

    asyncio.run(whole())


def test_a_change_of_roots_is_acknowledged_at_once():
    """The server waits for nothing but this."""

    async def scenario(h):
        assert h.said == [statement(h.upstream.anchors())]
        await h.rotated()
        assert h.said[1:] == [statement(h.upstream.anchors())]
        assert len(h.said[1].anchors) == 2

    ran(scenario)


def test_after_a_change_an_agent_says_so_again_every_ten_seconds_and_a_little_sooner():
    """Two may be lost before a lease of half a minute ends; a spread that is said anew is heard."""

    async def scenario(h):
        await passed(h.clock, timedelta(seconds=100), step=SECOND / 2)
        assert 10 <= len(h.said) - 1 <= 11
        assert set(h.said) == {statement(h.upstream.anchors())}
        assert EVERY < 30 / 2

    ran(scenario)


def test_an_agent_that_has_nothing_to_say_says_so_every_five_minutes():
    """Its lease lives on while it waits for news; a thousand of them are not a load."""

    async def scenario(h):
        await passed(h.clock, timedelta(seconds=CALM_AFTER + 10), step=SECOND / 2)
        before = len(h.said)
        await passed(h.clock, timedelta(minutes=30), step=SECOND)
        assert 6 <= len(h.said) - before <= 7
        await h.rotated()
        before = len(h.said)
        await passed(h.clock, timedelta(seconds=100), step=SECOND / 2)
        assert len(h.said) - before >= 9

    ran(scenario)


def test_would_be_denials_are_reported_within_ten_seconds_all_the_same():
    """Whoever observes intentions looks at them now."""

    async def scenario(h):
        await passed(h.clock, timedelta(seconds=CALM_AFTER + 60), step=SECOND / 2)
        h.acknowledging.reports.note(Name("default", "web"), Name("default", "db"), WOULD_DENY)
        await passed(h.clock, timedelta(seconds=EVERY), step=SECOND / 2)
        assert h.said[-1].observations is not None
        assert h.said[-2].observations is None

    ran(scenario)


def test_a_bundle_is_on_disk_before_it_is_acknowledged():
    """A restart must not trust less than was said."""

    async def scenario(h):
        old = h.upstream.anchors()
        h.disk_errors = [ConfigError("full", where="disk")] * 3
        await h.rotated()
        assert h.kept == [old]
        assert set(h.said) == {statement(old)}
        await passed(h.clock, timedelta(seconds=9), step=SECOND / 4)
        assert h.kept == [old, h.upstream.anchors()]
        assert h.said[-1] == statement(h.upstream.anchors())

    ran(scenario)


def test_what_arrives_while_the_disk_is_busy_is_kept_before_it_is_said():
    """The newest bundle is not claimed on the strength of an older one that was kept."""

    async def scenario(h):
        gate, keep = asyncio.Event(), h.acknowledging._keep

        async def slow(anchors):
            await gate.wait()
            await keep(anchors)

        h.acknowledging._keep = slow
        await h.rotated()
        await h.rotated()
        assert len(h.said) == 1
        gate.set()
        await settle()
        assert h.said[-1] == statement(h.upstream.anchors())
        assert h.kept_when_said == h.said

    ran(scenario)


def test_a_reader_with_the_old_bundle_holds_the_acknowledgement_back():
    """The agent speaks for its readers too, and says so soon after the last has come back."""

    async def scenario(h):
        old, index = h.upstream.anchors(), h.roots.latest.index
        h.pollers.asks("a", index, h.clock.monotonic())
        await h.rotated()
        h.pollers.answered("a", index, h.roots.latest.index, h.clock.monotonic())
        await passed(h.clock, timedelta(seconds=25), step=SECOND / 2)
        assert h.bundles == {statement(old).digest}
        h.pollers.asks("a", h.roots.latest.index, h.clock.monotonic())
        await passed(h.clock, timedelta(seconds=CATCHING_UP))
        assert h.said[-1] == statement(h.upstream.anchors())

    ran(scenario)


def test_a_reader_that_never_comes_back_is_waited_for_two_minutes():
    """It has ended; nobody can say when."""

    async def scenario(h):
        old, index = h.upstream.anchors(), h.roots.latest.index
        h.pollers.asks("a", index, h.clock.monotonic())
        await h.rotated()
        h.pollers.answered("a", index, h.roots.latest.index, h.clock.monotonic())
        await passed(h.clock, timedelta(seconds=SILENCE), step=SECOND / 2)
        assert h.bundles == {statement(old).digest}
        await passed(h.clock, SECOND, step=SECOND / 2)
        assert h.said[-1] == statement(h.upstream.anchors())

    ran(scenario)


def test_a_slow_reader_is_named_at_once_and_then_with_every_acknowledgement():
    """Whoever looks at the server sees for whom this agent waits, and until when at most."""

    async def scenario(h):
        index = h.roots.latest.index
        h.pollers.asks("pid 7", index, h.clock.monotonic())
        await h.rotated()
        h.pollers.answered("pid 7", index, h.roots.latest.index, h.clock.monotonic())
        await passed(h.clock, timedelta(seconds=SLOW + CATCHING_UP), step=SECOND / 2)
        (first,) = [said for said in h.said if said.readers_behind]
        (reader,) = first.readers
        assert (first.readers_behind, reader.name) == (1, "pid 7")
        assert SILENCE - SLOW - 1 <= reader.seconds <= SILENCE - SLOW
        await passed(h.clock, timedelta(seconds=20), step=SECOND / 2)
        assert 2 <= sum(1 for said in h.said if said.readers_behind) <= 4
        h.pollers.asks("pid 7", h.roots.latest.index, h.clock.monotonic())
        await passed(h.clock, timedelta(seconds=CATCHING_UP))
        assert h.said[-1] == statement(h.upstream.anchors())

    ran(scenario)


def test_of_many_slow_readers_the_few_that_count_longest_are_named():
    """The statement stays small, whatever runs on a host."""
    slow = tuple(Slow(f"pid {number}", float(number)) for number in range(1000))
    said = statement((), slow)
    assert said.readers_behind == 1000
    assert [reader.seconds for reader in said.readers] == [997, 998, 999][-NAMED:]


def test_a_server_that_is_away_is_asked_again_calmly_and_hears_of_news_at_once():
    """Failures change nothing of what is said later."""

    async def scenario(h):
        h.upstream.acknowledge_errors = [DeniedError("forgotten")] * 1000
        await passed(h.clock, timedelta(minutes=10), step=SECOND / 2)
        tried = 1000 - len(h.upstream.acknowledge_errors)
        assert 150 <= tried <= 300
        h.upstream.acknowledge_errors = []
        await h.rotated()
        assert h.said[-1] == statement(h.upstream.anchors())

    ran(scenario)


def test_no_news_comes_before_the_retry_after_has_passed():
    """What the server asks for is honoured, also when roots change meanwhile."""

    async def scenario(h):
        h.upstream.acknowledge_errors = [RateLimitedError(retry_after=20 * SECOND)]
        await h.rotated()
        await h.rotated()
        await passed(h.clock, 19 * SECOND, step=SECOND)
        assert len(h.said) == 1
        await passed(h.clock, 10 * SECOND, step=SECOND)
        assert h.said[1] == statement(h.upstream.anchors())

    ran(scenario)


def test_the_spread_is_what_the_server_said_last_and_no_nonsense():
    """Half a minute until a server has answered; never negative, never for ever."""

    async def scenario(h):
        assert h.acknowledging.spread == ROOT_CHANGE_SPREAD
        for seconds, expected in ((250.0, 250.0), (-1.0, 0.0), (1e300, 7 * 86400.0)):
            h.upstream.lease = Lease(seconds=30.0, reissue_spread_seconds=seconds)
            await passed(h.clock, 10 * SECOND, step=SECOND)
            assert h.acknowledging.spread.total_seconds() == expected

    ran(scenario)


def test_a_shorter_spread_than_before_is_urgent():
    """A compromised root leaves in minutes; a longer one changes nothing that was drawn."""

    async def scenario(h):
        heard = []
        h.acknowledging.on_urgent = lambda: heard.append(h.acknowledging.spread.total_seconds())
        for seconds in (250.0, 40_000.0, 150.0, 150.0):
            h.upstream.lease = Lease(seconds=30.0, reissue_spread_seconds=seconds)
            await passed(h.clock, 10 * SECOND, step=SECOND)
        assert heard == [150.0]

    ran(scenario)


def test_a_statement_names_each_anchor_once_in_order():
    """Whatever the order and repetition of the roots."""
    upstream = FakeUpstream(FakeClock())
    upstream.rotate()
    one, two = upstream.anchors()
    assert statement((one, two, one)) == statement((two, one))
    assert list(statement((one, two)).anchors) == sorted(statement((two, one)).anchors)

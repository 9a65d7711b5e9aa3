"""While no server answers, leaves that are due cost next to nothing; then they are renewed."""

import logging
from datetime import timedelta

from ca_core.agent.leafattempts import USED_WHILE_AWAY
from ca_core.agent.unreached import UnreachedError
from ca_core.errors import UnavailableError
from tests.unit.agent.fakes import passed
from tests.unit.agent.leafhouse import ANYONE, HOUR, ran

MINUTE = timedelta(minutes=1)
AWAY = UnavailableError("away")


async def lost(h):
    """Have a leaf, and lose every server while it is being renewed."""
    await h.leaves.get(ANYONE, "web")
    await passed(h.clock, 43 * HOUR)
    h.upstream.roots_errors = [AWAY] * 100_000
    h.upstream.sign_errors = [AWAY] * 100_000
    h.upstream.changed(h.upstream.index)
    await passed(h.clock, 22 * HOUR, step=MINUTE)
    assert not h.roots.known_leader


def test_one_retry_window_of_ten_is_used_while_no_server_answers():
    """Keys and requests would bring nothing: who asks for the roots hears sooner of a return."""

    async def scenario(h):
        await lost(h)
        tried = len(h.upstream.signed)
        await passed(h.clock, HOUR, step=MINUTE / 4)
        windows = HOUR / timedelta(seconds=30)
        used = len(h.upstream.signed) - tried
        assert 1 <= used <= windows / USED_WHILE_AWAY + 1

    ran(scenario)


def test_a_key_that_nobody_saw_is_used_for_the_next_attempt():
    """What reached no server is as good as before: making it is most of what an attempt costs."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [UnreachedError("away")] * 5
        await passed(h.clock, 66 * HOUR, step=MINUTE / 4)
        first, *asked = h.upstream.signed
        assert len(asked) == 6
        assert len(set(asked) - {first}) == 1

    ran(scenario)


def test_what_is_due_is_renewed_within_two_windows_of_a_return():
    """Nobody waits for the window that would have been used anyway."""

    async def scenario(h):
        await lost(h)
        h.upstream.roots_errors, h.upstream.sign_errors = [], []
        renewed = h.leaves.attempts.renewed
        await passed(h.clock, MINUTE + timedelta(seconds=10), step=timedelta(seconds=1))
        assert h.leaves.attempts.renewed == renewed + 1

    ran(scenario)


def test_a_server_that_signs_nothing_is_asked_in_every_window():
    """It answers, so that nothing but asking tells when it signs again."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [AWAY] * 100_000
        await passed(h.clock, 65 * HOUR, step=MINUTE)
        tried = len(h.upstream.signed)
        await passed(h.clock, HOUR, step=MINUTE / 4)
        assert h.roots.known_leader
        assert len(h.upstream.signed) - tried >= 100

    ran(scenario)


def test_a_run_of_failures_is_told_once(caplog):
    """A thousand leaves would fill the log of a host in a night."""

    async def scenario(h):
        with caplog.at_level(logging.WARNING, logger="ca_core.agent.leafattempts"):
            await lost(h)
        said = [one for one in caplog.records if "leaf of web" in one.getMessage()]
        assert len(said) == 1

    ran(scenario)

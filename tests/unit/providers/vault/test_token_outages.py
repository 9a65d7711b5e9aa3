"""While no token can be had, attempts and log lines are bounded, and success ends it at once."""

import logging
import threading
from datetime import timedelta

import pytest
from ca_provider_vault.lease import CALLERS_PAUSE, LAST_PAUSE

from ca_core.contract import (
    ConfigError,
    Error,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnavailableError,
)
from tests.unit.providers.vault.keeping import HOUR, MINUTE, SECOND, keeper_of, pass_time
from tests.unit.providers.vault.tokenserver import TokenServer


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (OutcomeUnknownError("lost"), 0, UnavailableError),
        (None, 400, PermissionDeniedError),
        (None, 404, ConfigError),
        (None, 403, PermissionDeniedError),
        (None, 503, UnavailableError),
    ],
)
def test_a_failed_login_is_no_fault_of_the_call_that_needed_it(clock, error, status, kind):
    """Nothing of the call was done or is wrong: a caller must not think so."""

    class Failing(TokenServer):
        def send(self, *about, **more):
            if error is not None:
                raise error
            return super().send(*about, **more)

    server = Failing(clock)
    server.status = status
    with pytest.raises(Error) as caught:
        keeper_of(server).token()
    assert type(caught.value) is kind


@pytest.mark.parametrize("fault", ["down", 429, 500, 503])
def test_a_day_of_outage_is_bounded_in_attempts_and_lines(server, clock, caplog, fault):
    """Nobody's log is flooded, and the server that comes back meets no crowd."""
    keeper = keeper_of(server)
    keeper.token()
    server.down, server.status = fault == "down", 0 if fault == "down" else fault
    threads = threading.active_count()
    pass_time(keeper, clock, timedelta(days=1))
    assert server.attempts <= 24 * 3600 / (LAST_PAUSE.total_seconds() * 0.8) + 10
    assert 1000 < len(caplog.records) <= 24 * 60 + 1
    assert threading.active_count() == threads
    assert keeper.standing().failures > 2000
    server.down, server.status = False, 0
    pass_time(keeper, clock, LAST_PAUSE)
    assert keeper.standing().failures == 0


def test_callers_in_an_outage_cost_one_attempt_in_two_seconds(server, clock, caplog):
    """However many calls there are; and the first after the outage succeeds within that time."""
    keeper = keeper_of(server)
    server.down = True
    for _ in range(36_000):
        with pytest.raises(UnavailableError):
            keeper.token()
        clock.advance(SECOND / 10)
    assert server.attempts <= 3600 / CALLERS_PAUSE.total_seconds() + 5
    assert len(caplog.records) <= 61
    server.down = False
    clock.advance(CALLERS_PAUSE)
    assert keeper.token()


def test_a_wrong_password_is_tried_ever_more_seldom(server, clock):
    """Repeating it locks accounts; the error in between says what was wrong."""
    wrong = {"type": "userpass", "params": {"username": "ca", "password": "wrong-password"}}
    keeper = keeper_of(server, auth_method=wrong)
    for _ in range(3600):
        with pytest.raises(Error) as caught:
            keeper.token()
        assert "invalid username or password" in str(caught.value)
        clock.advance(SECOND)
    assert server.logins <= 3600 / (LAST_PAUSE.total_seconds() * 0.8) + 10


def test_the_pause_is_short_again_after_one_success(server, clock):
    """An outage of yesterday does not slow today's."""
    keeper = keeper_of(server)
    keeper.token()
    for _ in range(2):
        server.down = True
        pass_time(keeper, clock, HOUR)
        server.down = False
        pass_time(keeper, clock, LAST_PAUSE)
    server.down = True
    clock.advance(HOUR * 0.7)
    keeper.step(clock.now())
    assert keeper.next_due() - clock.now() <= SECOND


def test_the_first_failure_is_logged_at_once_and_success_ends_the_trouble(server, clock, caplog):
    """An operator hears of it while there is runway, and of its end."""
    caplog.set_level(logging.INFO)
    keeper = keeper_of(server)
    keeper.token()
    clock.advance(HOUR * 0.7)
    server.down = True
    keeper.step(clock.now())
    assert "failed 1 times, runway 0.3 h" in caplog.messages[0]
    server.down = False
    clock.advance(MINUTE)
    keeper.step(clock.now())
    assert caplog.messages[1:] == ["Vault: the token is good again after 1 failures"]


def test_a_clock_that_is_set_back_renews_the_token_at_once(server, clock):
    """It dies on the server's clock, which did not move."""
    keeper = keeper_of(server, token=server.issue(HOUR, renewable=True))
    keeper.token()
    keeper.step(clock.now() - 3 * HOUR)
    keeper.step(clock.now() - 3 * HOUR + MINUTE)
    assert [path for _, path in server.asked].count("/v1/auth/token/renew-self") == 1


def test_a_clock_that_is_set_back_is_no_failure_of_a_token_that_cannot_be_renewed(server, clock):
    """It is looked up again, so that its end is right."""
    keeper = keeper_of(server, token=server.issue(HOUR))
    keeper.token()
    keeper.step(clock.now() - 3 * HOUR)
    standing = keeper.standing()
    assert not standing.failures
    assert standing.ends == clock.now() - 2 * HOUR


def test_a_clock_that_is_set_back_ends_a_pause(server, clock):
    """The next attempt would else be hours away."""
    keeper = keeper_of(server, token=server.issue(HOUR, renewable=True))
    keeper.token()
    clock.advance(HOUR * 2 / 3)
    server.down = True
    keeper.step(clock.now())
    before = server.attempts
    keeper.step(clock.now() - HOUR / 2)
    assert server.attempts == before + 1


def test_a_clock_that_leaps_ahead_costs_one_login(server, clock):
    """A token that looks dead is replaced, not mourned."""
    keeper = keeper_of(server)
    keeper.token()
    clock.advance(timedelta(days=400))
    assert keeper.token() in server.tokens
    assert server.logins == 2

"""A token is renewed in time, replaced when it dies, and costs little while that is impossible."""

import logging
import threading
from datetime import timedelta

import pytest
from ca_provider_vault.config import parse_config
from ca_provider_vault.credentials import TokenKeeper, TokenRenewal
from ca_provider_vault.lease import CALLERS_PAUSE, LAST_PAUSE

from ca_core.contract import (
    ConfigError,
    Error,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnavailableError,
)
from ca_core.testing.clock import FakeClock
from tests.unit.providers.vault.tokenserver import PASSWORD, TokenServer

LOGIN = {"type": "userpass", "params": {"username": "ca", "password": PASSWORD}}
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
LOGGER = logging.getLogger("ca_core.provider.vault")


@pytest.fixture
def clock():
    """Return a clock that the test moves."""
    return FakeClock()


@pytest.fixture
def server(clock):
    """Return a server with tokens of an hour that can be renewed for ever."""
    return TokenServer(clock)


def keeper_of(server, **how) -> TokenKeeper:
    """Return a keeper that logs in, or takes its token as told."""
    config = parse_config({"address": "http://vault:8200"} | (how or {"auth_method": LOGIN}))
    return TokenKeeper(config, server.ask, server.clock, LOGGER, jitter=lambda: 0.5)


def pass_time(keeper, clock, span: timedelta, step: timedelta = SECOND) -> None:
    """Let time pass as the thread would see it."""
    end = clock.now() + span
    while clock.now() < end:
        due = keeper.next_due()
        left = end - clock.now()
        clock.advance(min(left, max(step, due - clock.now()) if due else step * 30))
        keeper.step(clock.now())


def test_nothing_is_asked_before_the_first_use(server):
    """A provider that is only made logs in nowhere."""
    keeper = keeper_of(server)
    keeper.step(server.clock.now())
    assert server.attempts == 0
    assert keeper.standing().runway is None


def test_many_callers_cost_one_login(server):
    """They wait for the first one's token."""
    keeper, server.gate, found = keeper_of(server), threading.Event(), []
    threads = [threading.Thread(target=lambda: found.append(keeper.token())) for _ in range(16)]
    for thread in threads:
        thread.start()
    server.gate.set()
    for thread in threads:
        thread.join(5)
    assert len(found) == 16
    assert len(set(found)) == 1
    assert server.logins == 1


def test_health_does_not_wait_for_a_login(server):
    """What is known of the token can be read while the server hangs."""
    keeper, server.gate = keeper_of(server), threading.Event()
    caller = threading.Thread(target=keeper.token)
    caller.start()
    while not server.attempts:
        pass
    assert keeper.standing().ends is None
    assert keeper.next_due() is None
    keeper.step(server.clock.now())
    with pytest.raises(UnavailableError, match="under way"):
        keeper.token(0.01)
    server.gate.set()
    caller.join(5)
    assert keeper.standing().ends is not None


def test_a_login_has_no_more_time_than_the_call_that_needs_it(clock):
    """A call's deadline holds for all that it causes; without time nothing is asked."""
    seen = []

    class Slow(TokenServer):
        def send(self, *about, seconds, **more):
            seen.append(seconds)
            return super().send(*about, **more)

    keeper = keeper_of(Slow(clock))
    with pytest.raises(UnavailableError, match="no time"):
        keeper.token(0)
    assert not seen
    keeper.refused(keeper.token(0.25), 0.125)
    assert seen == [0.25, 0.125]


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


def test_a_token_that_lives_is_used_while_its_renewal_hangs(server, clock):
    """Signing goes on as long as the token does."""
    keeper = keeper_of(server)
    token = keeper.token()
    clock.advance(HOUR * 0.7)
    server.gate = threading.Event()
    renewal = threading.Thread(target=keeper.step, args=(clock.now(),))
    renewal.start()
    while server.attempts < 2:
        pass
    assert keeper.token() == token
    assert keeper.standing().runway == HOUR * 0.3
    server.gate.set()
    renewal.join(5)


def test_a_token_is_renewed_at_two_thirds_of_its_life(server, clock):
    """A third is left for trying again."""
    keeper = keeper_of(server)
    keeper.token()
    assert keeper.next_due() == clock.now() + HOUR * 2 / 3
    clock.advance(HOUR * 2 / 3 - SECOND)
    keeper.step(clock.now())
    assert server.attempts == 1
    clock.advance(SECOND)
    keeper.step(clock.now())
    assert server.asked[-1] == ("POST", "/v1/auth/token/renew-self")
    assert keeper.standing().runway == HOUR


def test_a_periodic_token_needs_one_login_in_a_month(server, clock):
    """Renewal is enough where the server sets no end."""
    keeper = keeper_of(server)
    token = keeper.token()
    pass_time(keeper, clock, timedelta(days=30))
    assert keeper.token() == token
    assert server.logins == 1
    assert len(server.asked) <= 30 * 24 * 1.5 + 2


def test_at_the_maximum_life_there_is_a_new_login_before_the_end(server, clock):
    """No call ever meets a dead token."""
    server.max_ttl = timedelta(hours=4)
    keeper = keeper_of(server)
    for _ in range(24 * 60):
        server.ask(keeper.token(), 1).get("auth/token/lookup-self")
        clock.advance(MINUTE)
        keeper.step(clock.now())
    assert 6 <= server.logins <= 9
    assert keeper.standing().failures == 0


def test_a_token_that_cannot_be_renewed_is_replaced_at_two_thirds(server, clock):
    """Batch tokens, and those that a role made so."""
    server.renewable = False
    keeper = keeper_of(server)
    first = keeper.token()
    pass_time(keeper, clock, HOUR * 2 / 3)
    assert keeper.token() != first
    assert not any("renew" in path for _, path in server.asked)


def test_a_token_without_end_is_asked_for_nothing(server, clock):
    """A root token, for example."""
    keeper = keeper_of(server, token=server.issue(None))
    keeper.token()
    assert keeper.next_due() is None
    assert keeper.standing().runway is None
    pass_time(keeper, clock, timedelta(days=1))
    assert server.attempts == 1


@pytest.mark.parametrize("renewable", [True, False])
def test_a_token_in_its_last_second_is_not_taken_for_one_without_end(server, clock, renewable):
    """The server rounds what is left down to 0, which it also says of a root token."""
    token = server.issue(HOUR, renewable=renewable, max_ttl=HOUR)
    keeper = keeper_of(server, token=token)
    keeper.token()
    clock.advance(HOUR - SECOND / 2)
    keeper.step(clock.now())
    assert keeper.standing().ends is not None
    clock.advance(SECOND / 2)
    keeper.step(clock.now())
    assert keeper.standing().failures
    clock.advance(MINUTE)
    with pytest.raises(Error):
        keeper.token()


def test_a_given_periodic_token_is_renewed(server, clock):
    """Also if it was half spent when it was given."""
    token = server.issue(HOUR, renewable=True)
    clock.advance(HOUR / 2)
    keeper = keeper_of(server, token=token)
    keeper.token()
    assert keeper.standing().runway == HOUR / 2
    pass_time(keeper, clock, timedelta(days=1))
    assert keeper.token() == token


def test_a_given_token_that_ends_is_reported_in_time_and_once_a_minute(server, clock, caplog):
    """A third of its life is left when the first line is written, with the runway."""
    keeper = keeper_of(server, token=server.issue(3 * HOUR))
    keeper.token()
    pass_time(keeper, clock, 2 * HOUR)
    assert "runway 1.0 h" in caplog.text
    assert keeper.standing().failures == 1
    pass_time(keeper, clock, HOUR - SECOND)
    assert 2 <= len(caplog.records) <= 61
    assert server.attempts < 200
    keeper.token()
    clock.advance(MINUTE)
    with pytest.raises(Error):
        keeper.token()


def test_a_refused_token_is_replaced_once(server):
    """A revoked token costs one login, whatever the number of callers."""
    keeper = keeper_of(server)
    dead = keeper.token()
    del server.tokens[dead]
    for _ in range(10):
        assert keeper.refused(dead)
        assert keeper.token() != dead
    assert server.logins == 2


def test_a_missing_permission_is_no_reason_to_log_in_for_every_call(server, clock):
    """The token is good, so the policy is not; it is tried anew once a minute."""
    keeper = keeper_of(server)
    for _ in range(600):
        token = keeper.token()
        if keeper.refused(token):
            keeper.token()
        clock.advance(SECOND)
    assert 9 <= server.logins <= 11


def test_a_refused_token_that_was_given_cannot_be_replaced(server):
    """The caller learns of the refusal itself."""
    keeper = keeper_of(server, token=server.issue(HOUR))
    assert not keeper.refused(keeper.token())


def test_a_token_file_is_read_again_when_it_changes(server, clock, tmp_path):
    """The new token is in use within half a minute, and the old one until then."""
    file = tmp_path / "token"
    first, second = server.issue(HOUR), server.issue(HOUR)
    file.write_text(f"{first}\n")
    keeper = keeper_of(server, token_file=str(file))
    assert keeper.token() == first
    file.write_text(second)
    assert keeper.token() == first
    pass_time(keeper, clock, 31 * SECOND)
    assert keeper.token() == second


def test_a_refused_token_is_replaced_by_what_the_file_holds_now(server, tmp_path):
    """Rotation by revoking works at once."""
    file = tmp_path / "token"
    first, second = server.issue(HOUR), server.issue(HOUR)
    file.write_text(first)
    keeper = keeper_of(server, token_file=str(file))
    assert not keeper.refused(keeper.token())
    file.write_text(second)
    assert keeper.refused(first)
    assert keeper.token() == second


def test_a_file_that_is_being_replaced_does_no_harm(server, clock, tmp_path, caplog):
    """Missing, empty or torn for a moment: the token in hand stays."""
    file = tmp_path / "token"
    token = server.issue(HOUR)
    file.write_text(token)
    keeper = keeper_of(server, token_file=str(file))
    keeper.token()
    file.unlink()
    pass_time(keeper, clock, MINUTE)
    file.write_text("")
    pass_time(keeper, clock, MINUTE)
    assert keeper.token() == token
    assert not caplog.records


def test_a_new_token_in_the_file_ends_the_pause_after_failures(server, clock, tmp_path):
    """The operator who mends it does not wait."""
    file = tmp_path / "token"
    file.write_text("s.unknown-token")
    keeper = keeper_of(server, token_file=str(file))
    for _ in range(6):
        with pytest.raises(PermissionDeniedError):
            keeper.token()
        clock.advance(LAST_PAUSE)
    with pytest.raises(PermissionDeniedError):
        keeper.token()
    with pytest.raises(UnavailableError, match="no token"):
        keeper.token()
    file.write_text(server.issue(HOUR))
    assert keeper.token()


def test_a_new_token_of_the_file_is_tried_again_after_an_outage(server, clock, tmp_path):
    """A file that changed while the server was away is not forgotten."""
    file = tmp_path / "token"
    first, second = server.issue(HOUR, renewable=True), server.issue(HOUR, renewable=True)
    file.write_text(first)
    keeper = keeper_of(server, token_file=str(file))
    keeper.token()
    file.write_text(second)
    server.down = True
    pass_time(keeper, clock, 5 * MINUTE)
    server.down = False
    pass_time(keeper, clock, MINUTE)
    assert keeper.token() == second


@pytest.mark.parametrize("content", ["", "two words", b"\xff\xfe\x00"])
def test_a_file_without_a_token_is_the_operators_fault(server, tmp_path, content):
    """The error names the file and shows nothing of what it holds."""
    file = tmp_path / "token"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match="token_file") as caught:
        keeper_of(server, token_file=str(file)).token()
    assert "two words" not in str(caught.value)


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


def test_a_clock_that_leaps_ahead_costs_one_login(server, clock):
    """A token that looks dead is replaced, not mourned."""
    keeper = keeper_of(server)
    keeper.token()
    clock.advance(timedelta(days=400))
    assert keeper.token() in server.tokens
    assert server.logins == 2


def test_no_text_of_the_keeper_holds_a_secret(server, clock, caplog):
    """Not in its state, its standing, its errors or its log, down to the debug level."""
    caplog.set_level(logging.DEBUG)
    keeper = keeper_of(server)
    token = keeper.token()
    server.status = 500
    pass_time(keeper, clock, 2 * HOUR)
    with pytest.raises(Error) as caught:
        keeper.token()
    said = f"{keeper!r} {vars(keeper)!r} {keeper.standing()!r} {caught.value!r} {caplog.text}"
    said += repr(vars(vars(keeper)["_source"]))
    assert token not in said
    assert PASSWORD not in said


def test_the_thread_renews_by_itself_and_ends_with_close(server, clock):
    """It is started once, woken by what changes, and leaves nothing behind."""
    keeper = keeper_of(server)
    renewal = TokenRenewal(keeper, clock)
    before = threading.active_count()
    renewal.start()
    renewal.start()
    assert threading.active_count() == before + 1
    keeper.token()
    clock.advance(HOUR * 0.9)
    keeper.wake()
    for _ in range(500):
        if len(server.asked) > 1:
            break
        threading.Event().wait(0.01)
    assert server.asked[-1][1].endswith("renew-self")
    renewal.close()
    renewal.start()
    assert threading.active_count() == before

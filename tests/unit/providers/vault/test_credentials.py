"""A token is renewed in time, replaced when it dies, and costs little while that is impossible."""

import logging
import threading
from datetime import timedelta

import pytest
from ca_provider_vault.credentials import TokenRenewal

from ca_core.contract import (
    Error,
    UnavailableError,
)
from tests.unit.providers.vault.keeping import HOUR, MINUTE, SECOND, keeper_of, pass_time
from tests.unit.providers.vault.tokenserver import PASSWORD, TokenServer


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
    assert token.reveal() not in said
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

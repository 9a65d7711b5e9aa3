"""How the token stands is told at once, without asking the server; what is dead is told as dead."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from ca_provider_vault.lease import TokenLease, Trouble
from ca_provider_vault.standing import standing_of
from hypothesis import given
from hypothesis import strategies as st

from ca_core.contract import Credential, Secret, UnavailableError
from tests.unit.providers.vault.keeping import HOUR, MINUTE, SECOND, keeper_of, pass_time

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SPANS = st.timedeltas(min_value=-timedelta(days=99), max_value=timedelta(days=99))
LIVES = st.none() | st.timedeltas(min_value=timedelta(), max_value=timedelta(days=99))
TROUBLES = st.integers(0, 3).map(
    lambda count: Trouble(failures=count, last=NOW - MINUTE if count else None)
)


def lease(ttl):
    """Return a lease that began an hour ago."""
    return TokenLease(token=Secret("s.unseen"), since=NOW - HOUR, ttl=ttl, renewable=True)


@given(ttl=LIVES, disowned=st.none() | SPANS.map(lambda span: NOW - abs(span)), trouble=TROUBLES)
def test_a_token_ends_with_its_life_or_when_the_server_forgets_it(ttl, disowned, trouble):
    """Whichever is first; and the credential says the same as the standing."""
    found = standing_of("token", lease(ttl), trouble, NOW, disowned=disowned)
    natural = None if ttl is None else NOW - HOUR + ttl
    assert found.ends == min((end for end in (natural, disowned) if end), default=None)
    assert found.credential == Credential(ends=found.ends, failures=trouble.failures)
    assert found.is_dead(NOW) == (found.ends is not None and found.ends <= NOW)
    assert found.runway == found.credential.runway(NOW)


def test_nothing_asked_for_yet_is_no_credential_and_what_could_not_be_had_is_a_dead_one():
    """A server that was just started knows nothing; one whose first login fails has no token."""
    fresh = standing_of("approle", None, Trouble(), NOW)
    assert (fresh.credential, fresh.is_dead(NOW)) == (None, False)
    failed = standing_of("approle", None, Trouble(failures=2, last=NOW, last_error="no"), NOW)
    assert failed.credential == Credential(ends=NOW, failures=2, last_error="no")
    assert (failed.is_dead(NOW), failed.runway) == (True, None)


def lookups(server):
    """Return how often the server was asked what it knows of a token."""
    return sum(path.endswith("lookup-self") for _, path in server.asked)


def test_a_given_token_that_was_revoked_is_counted_at_the_first_refusal(server, caplog):
    """One question, one line; its renewal is tried from then on, and it counts as dead."""
    caplog.set_level(logging.WARNING, logger="ca_core.provider.vault")
    token = server.issue(None)
    keeper = keeper_of(server, token=token.reveal())
    keeper.token()
    assert keeper.standing().credential == Credential(ends=None)
    del server.tokens[token]
    assert not keeper.refused(token)
    standing = keeper.standing()
    assert (standing.failures, standing.is_dead(server.clock.now())) == (1, True)
    assert "does not know the token" in standing.last_error
    assert len(caplog.records) == 1
    assert token.reveal() not in caplog.text + repr(standing)
    before = lookups(server)
    for _ in range(100):
        assert not keeper.refused(token)
    assert lookups(server) == before
    pass_time(keeper, server.clock, MINUTE)
    assert keeper.standing().failures > 1


def test_what_its_renewal_tries_anyway_is_not_asked_besides(server):
    """Long after the first refusal, the refusals of callers cost no question of their own."""
    token = server.issue(None)
    keeper = keeper_of(server, token=token.reveal())
    keeper.token()
    del server.tokens[token]
    keeper.refused(token)
    server.clock.advance(HOUR)
    before = lookups(server)
    assert not keeper.refused(token)
    assert (lookups(server), keeper.standing().failures) == (before, 1)


def test_a_given_token_that_lacks_a_permission_is_asked_about_once_a_minute(server):
    """It is good, so nothing is counted; a thousand refusals are not a thousand questions."""
    token = server.issue(None)
    keeper = keeper_of(server, token=token.reveal())
    keeper.token()
    before = lookups(server)
    for _ in range(1000):
        assert not keeper.refused(token)
    assert (lookups(server) - before, keeper.standing().failures) == (1, 0)
    server.clock.advance(MINUTE)
    assert not keeper.refused(token)
    assert lookups(server) - before == 2


@pytest.mark.parametrize("down", ["gone", "failing"])
def test_a_server_that_does_not_say_disowns_nothing(server, down):
    """An outage is no proof that the token is dead."""
    token = server.issue(HOUR)
    keeper = keeper_of(server, token=token.reveal())
    keeper.token()
    server.down, server.status = down == "gone", 503 if down == "failing" else 0
    assert not keeper.refused(token)
    assert keeper.standing().credential == Credential(ends=server.clock.now() + HOUR)


def test_a_token_that_is_known_again_is_a_good_one(server):
    """A server that was restored from a backup may know it again."""
    token = server.issue(None)
    keeper, kept = keeper_of(server, token=token.reveal()), server.tokens[token]
    keeper.token()
    del server.tokens[token]
    keeper.refused(token)
    server.tokens[token] = kept
    pass_time(keeper, server.clock, MINUTE)
    assert keeper.standing().credential == Credential(ends=None)


def test_the_first_failure_of_a_renewal_counts_and_hours_go_on(server):
    """What is left is told beside the failures, and both end when the server is back."""
    keeper = keeper_of(server)
    keeper.token()
    server.down = True
    server.clock.advance(HOUR * 2 / 3 + SECOND)
    keeper.step(server.clock.now())
    credential = keeper.standing().credential
    assert credential.failures == 1
    assert 0.3 < credential.runway(server.clock.now()) / HOUR < 0.34
    server.down = False
    pass_time(keeper, server.clock, MINUTE)
    assert keeper.standing().credential.failures == 0


def test_a_login_that_never_worked_is_dead_from_the_start(server):
    """Nobody waits for an end that is not there."""
    server.down, keeper = True, keeper_of(server)
    with pytest.raises(UnavailableError):
        keeper.token()
    assert keeper.standing().is_dead(server.clock.now())

"""Tokens of every kind, as the real server issues, renews, ends and revokes them.

What takes a token's life runs in soak. In every run ``incidents/test_dying_tokens.py`` signs past
the lives of all kinds at once, and the keeper's own tests have a clock that they set.
"""

import itertools
import logging
import time

import pytest
from ca_provider_vault.client import PooledAdapter
from ca_provider_vault.config import parse_config
from ca_provider_vault.credentials import TokenKeeper, TokenRenewal
from ca_provider_vault.transport import Transport

from ca_core.clock import SystemClock
from ca_core.contract import Error, PermissionDeniedError, Secret
from tests.stopwatch import stopwatch
from tests.vaults.process import VaultProcess

NAMES = itertools.count()
LOGGER = logging.getLogger("ca_core.provider.vault")


@pytest.fixture
def kept(vault):
    """Return a function that makes a keeper with its thread running; all end with the test."""
    ends = []

    def keeper(**how) -> TokenKeeper:
        config = parse_config({"address": vault.address} | how)
        transport, clock = Transport(config), SystemClock()
        made = TokenKeeper(
            config,
            lambda token, seconds: PooledAdapter(
                transport, token=token, namespace="", seconds=seconds
            ),
            clock,
            LOGGER,
        )
        renewal = TokenRenewal(made, clock)
        renewal.start()
        ends.extend((transport, renewal))
        return made

    yield keeper
    for each in ends:
        each.close()


def approle(vault: VaultProcess, **settings) -> dict:
    """Return the configuration of a login by a new role with these settings of tokens."""
    name = f"role{next(NAMES)}"
    if "auth-roles/" not in vault.call("GET", "sys/auth")["data"]:
        vault.call("POST", "sys/auth/auth-roles", {"type": "approle"})
    vault.call("POST", f"auth/auth-roles/role/{name}", settings)
    role = vault.call("GET", f"auth/auth-roles/role/{name}/role-id")["data"]["role_id"]
    secret = vault.call("POST", f"auth/auth-roles/role/{name}/secret-id", {})["data"]["secret_id"]
    params = {"role_id": role, "secret_id": secret}
    return {"auth_method": {"type": "approle", "mount_path": "auth-roles", "params": params}}


def issued(vault: VaultProcess, **settings) -> str:
    """Return a new token with these settings."""
    return vault.call("POST", "auth/token/create", settings)["auth"]["client_token"]


def lookup(vault: VaultProcess, token: str) -> dict:
    """Return what the server knows of a token."""
    return vault.call("POST", "auth/token/lookup", {"token": token})["data"]


def lives_on(vault: VaultProcess, keeper: TokenKeeper, seconds: float) -> set[str]:
    """Assert that there is a good token at every moment; return all that were used."""
    used, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        used.add(keeper.token())
        vault.call("GET", "auth/token/lookup-self", token=keeper.token().reveal())
        time.sleep(0.05)
    return used


@pytest.mark.soak
def test_a_periodic_token_is_renewed_by_the_thread(vault, kept):
    """It lives on beyond its period, and stays the same."""
    keeper = kept(token=issued(vault, period="2s"))
    assert len(lives_on(vault, keeper, 3.5)) == 1
    assert keeper.standing().failures == 0


@pytest.mark.soak
def test_a_login_is_renewed_until_its_maximum_life_and_then_replaced(vault, kept):
    """No moment is without a good token."""
    keeper = kept(**approle(vault, token_ttl="2s", token_max_ttl="3s"))
    assert 2 <= len(lives_on(vault, keeper, 5)) <= 6


@pytest.mark.soak
def test_a_batch_token_is_replaced_before_its_end(vault, kept):
    """It cannot be renewed, and lives up to a second less: the server counts whole ones."""
    keeper = kept(**approle(vault, token_ttl="5s", token_type="batch"))
    assert 2 <= len(lives_on(vault, keeper, 4.5)) <= 3


def test_a_revoked_token_of_a_login_is_replaced_at_the_first_refusal(vault, kept):
    """One login, and service goes on."""
    keeper = kept(**approle(vault, token_ttl="1h"))
    dead = keeper.token()
    vault.call("POST", "auth/token/revoke", {"token": dead.reveal()})
    assert keeper.refused(dead)
    assert lookup(vault, keeper.token().reveal())["ttl"] > 3500


def test_a_permission_that_is_missing_costs_no_login(vault, kept):
    """The server still knows the token."""
    keeper = kept(**approle(vault, token_ttl="1h"))
    token = keeper.token()
    assert not keeper.refused(token)
    assert keeper.token() == token


def test_a_token_without_end_has_no_runway(vault, kept):
    """The root token never expires."""
    keeper = kept(token=vault.token)
    keeper.token()
    assert keeper.standing().runway is None


@pytest.mark.soak
def test_a_token_that_ends_is_reported_before_it_does(vault, kept, caplog):
    """A given one that nobody can renew: the log has its runway, and then its end."""
    keeper = kept(token=issued(vault, ttl="4s", renewable=False))
    keeper.token()
    time.sleep(3)
    assert "cannot be renewed any more" in caplog.text
    time.sleep(2.2)
    with pytest.raises(Error):
        keeper.token()


def test_a_token_that_the_server_does_not_know_is_refused(kept):
    """The error says what is needed, not what was sent."""
    with pytest.raises(PermissionDeniedError, match="does not know the token") as caught:
        kept(token="s.unknownunknownunknown").token()
    assert caught.value.needed == ("auth/token/lookup-self: read",)
    assert "unknownunknown" not in str(caught.value)


def test_a_token_file_is_rotated_by_revoking_the_old_one(vault, kept, tmp_path):
    """The refusal makes the file's new content count."""
    file = tmp_path / "token"
    old, new = issued(vault, ttl="1h"), issued(vault, ttl="1h")
    file.write_text(old)
    keeper = kept(token_file=str(file))
    assert keeper.token() == Secret(old)
    file.write_text(new)
    vault.call("POST", "auth/token/revoke", {"token": old})
    assert keeper.refused(Secret(old))
    assert keeper.token() == Secret(new)


def test_a_login_during_a_seal_succeeds_within_two_seconds_after_it(vault, kept):
    """Callers do not wait for a long pause to end."""
    keeper = kept(**approle(vault, token_ttl="1h"))
    vault.seal()
    end = time.monotonic() + 3
    while time.monotonic() < end:
        with pytest.raises(Error):
            keeper.token()
        time.sleep(0.05)
    vault.unseal()
    with stopwatch() as watch:
        while keeper.standing().ends is None:
            try:
                keeper.token()
            except Error:
                time.sleep(0.02)
            assert watch.seconds < 2.1

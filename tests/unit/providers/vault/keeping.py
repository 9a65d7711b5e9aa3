"""A keeper of tokens over a server in memory, and time that passes as its thread sees it."""

import logging
from datetime import timedelta

from ca_provider_vault.config import parse_config
from ca_provider_vault.credentials import TokenKeeper

from tests.unit.providers.vault.tokenserver import PASSWORD

LOGIN = {"type": "userpass", "params": {"username": "ca", "password": PASSWORD}}
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
LOGGER = logging.getLogger("ca_core.provider.vault")


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

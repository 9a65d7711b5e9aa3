"""A request's token at an agent that knows it: who calls, and whether it may be a service.

Seconds are processor time of this process, so that what others run meanwhile does not count.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from statistics import median

import uvloop

from bench.finding import Finding
from ca_core.acl.access import Action, AllowAll, LocalRules
from ca_core.acl.policies import ACL_TOPIC
from ca_core.acl.principal import Token
from ca_core.acl.resolving import TokenRules
from ca_core.acl.tokens import TOKEN_HASHES, TOKENS, TokenRow, new_id, new_secret, secret_hash
from ca_core.agent.grants import Grants
from ca_core.agent.watch import Watch
from ca_core.api.localupstream import LocalUpstream
from ca_core.api.requesttokens import given_token
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.registry import Registry
from ca_core.clock import SystemClock
from ca_core.config import Config
from ca_core.state.protocol import Change, Transaction
from ca_core.state.rows import put
from ca_core.state.store import Store

HELD = 64
BATCH = 128
GOAL_MICROSECONDS = 2.0


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure both questions, about ``seconds`` each."""
    grants, shown = uvloop.run(_holding())
    may = TokenRules(grants, LocalRules(owner_uid=0))
    headers = [{"x-consul-token": secret} for secret in shown]
    tokens = [grants.known(secret) for secret in shown]
    yield Finding(
        benchmark="token",
        case=f"who calls, by one of {HELD} tokens",
        value=_p50(lambda one: grants.known(given_token(one, "")), headers, seconds) * 1e6,
        unit="µs",
        at_most=GOAL_MICROSECONDS,
    )
    yield Finding(
        benchmark="token",
        case="whether it may be a service",
        value=_p50(lambda one: may(one, Action.SERVICE_WRITE, "web"), tokens, seconds) * 1e6,
        unit="µs",
        at_most=GOAL_MICROSECONDS,
    )


async def _holding() -> tuple[Grants, Sequence[str]]:
    """Return an agent's tokens, each exchanged once, and their secrets."""
    clock = SystemClock()
    around = Surroundings(
        clock=clock, may=AllowAll(), registry=Registry(), random=Random(), environment={}
    )
    server = Server(Config(), memory_state(), around)
    try:
        shown = [_made(server.store) for _ in range(HELD)]
        upstream = Watch(LocalUpstream(server.room, "bench"), clock, Random().random)
        grants = Grants(upstream, clock, Random().random)
        following = asyncio.gather(upstream.run(), grants.run())
        holders = await asyncio.gather(*(grants.asked(secret) for secret in shown))
        assert all(isinstance(holder, Token) for holder in holders)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    finally:
        await server.close()
    return grants, shown


def _made(store: Store) -> str:
    """Make a token of a service; return its secret."""
    secret, accessor = new_secret(secrets.token_bytes), new_id(secrets.token_bytes)
    row = TokenRow(accessor=accessor, secret_hash=secret_hash(secret), service_identities=("web",))
    changes = (
        put(TOKENS, accessor, row),
        Change(TOKEN_HASHES, row.secret_hash, accessor.encode()),
    )
    store.commit(Transaction(changes=changes, topics=frozenset({ACL_TOPIC})))
    return secret


def _p50(ask: Callable[[object], object], about: Sequence[object], seconds: float) -> float:
    """Return the median over batches, in seconds for each question."""
    found, until = [], time.process_time() + seconds
    asked = [about[number % len(about)] for number in range(BATCH)]
    while time.process_time() < until:
        started = time.process_time()
        for one in asked:
            ask(one)
        found.append((time.process_time() - started) / BATCH)
    return median(found)

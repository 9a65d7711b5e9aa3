"""The catalog of a server with 10,000 instances: a change, a view of 1,000 instances, memory.

Seconds are processor time of this process, so that what others run meanwhile does not count.
"""

import gc
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.finding import Finding
from ca_core.catalog.commits import Registrant, registered
from ca_core.catalog.following import FollowingCatalog
from ca_core.catalog.viewing import Viewing
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.identity.spiffe import AgentId, TrustDomain
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Commit, Transaction
from ca_core.state.store import Store
from ca_core.state.view import View
from ca_core.wire.catalog import Check, CheckStatus, Connect, Service
from ca_core.wire.registered import Registered, RegisteredState

NODES = 1000
SERVICES = 10
GOAL_CHANGE_MS = 1.0
PER_SECOND = 100
"""Rounds that one second of a case is worth."""

NOW = datetime(2030, 1, 1, tzinfo=UTC)
WEB = ViewKey(ViewKind.CONNECT, "service-0")
_PAGE = 4096


def run(*, seconds: float) -> Iterator[Finding]:
    """Fill a catalog, and measure it, for about ``seconds`` each."""
    before, rounds = _resident(), max(2, int(seconds * PER_SECOND))
    store = Store(MemoryEngine())
    following = FollowingCatalog(store)
    for node in range(NODES):
        _write(store, following, node, CheckStatus.PASSING)
    each = (_resident() - before) / len(following.now.placed)
    yield _finding("memory per instance", each, "B")
    yield from _changes(store, following, rounds)
    yield from _views(store, following, rounds)
    store.close()


def _changes(store: Store, following: FollowingCatalog, rounds: int) -> Iterator[Finding]:
    """Measure a check that turns: what the registering thread does, and what every server does."""
    follows, decides = [], []

    def follow(view: View, commit: Commit) -> None:
        follows.append(_timed(lambda: following.now.after(view, commit.changes)))

    store.follow(follow)
    for number in range(rounds):
        status = (CheckStatus.CRITICAL, CheckStatus.PASSING)[number % 2]
        decides.append(_timed(lambda: _decided(following, 7, status)))  # noqa: B023 - timed at once
        _write(store, following, 7, status)
    at_most = GOAL_CHANGE_MS
    yield _finding("follow one changed check", median(follows) * 1e3, "ms", at_most=at_most)
    yield _finding("decide what one check writes", median(decides) * 1e3, "ms", at_most=at_most)


def _views(store: Store, following: FollowingCatalog, rounds: int) -> Iterator[Finding]:
    now, viewing, changed = following.now, Viewing(), []
    first = _timed(lambda: viewing.encoded(now, WEB))
    yield _finding(f"make a view of {NODES:,} instances", first * 1e3, "ms")
    for number in range(rounds):
        _write(store, following, 7, (CheckStatus.CRITICAL, CheckStatus.PASSING)[number % 2])
        changed.append(_timed(lambda: viewing.encoded(following.now, WEB)))
    yield _finding("make it after one change", median(changed) * 1e3, "ms")
    now = following.now
    again = median(_timed(lambda: viewing.encoded(now, WEB)) for _ in range(rounds))
    yield _finding("the same again, for the next agent", again * 1e6, "µs")
    size = len(viewing.encoded(now, WEB)) / NODES
    yield _finding("an instance on the wire", size, "B")


def _write(store: Store, following: FollowingCatalog, node: int, status: CheckStatus) -> None:
    while (transaction := _decided(following, node, status)) is not None:
        store.commit(transaction)


def _decided(following: FollowingCatalog, node: int, status: CheckStatus) -> Transaction | None:
    agent = AgentId(trust_domain=TrustDomain("x.consul"), datacenter="dc1", node=f"n{node}")
    by = Registrant(agent=agent, server="s1")
    return registered(following.now, by, _state(status), now=NOW)


def _state(status: CheckStatus) -> RegisteredState:
    services = (_instance(number, status) for number in range(SERVICES))
    return RegisteredState(address="10.0.0.1", services=tuple(services))


def _instance(number: int, status: CheckStatus) -> Registered:
    name = f"service-{number}"
    ttl = Check(
        id=f"service:{name}-1",
        name=f"Service '{name}' check",
        status=CheckStatus.PASSING if number else status,
        output="TCP connect 10.0.0.1:8080: Success",
        type="tcp",
        interval="10s",
    )
    service = Service(
        id=f"{name}-1",
        service=name,
        tags=("v1", "primary"),
        meta={"version": "1.2.3"},
        port=8080 + number,
        connect=Connect(native=True),
    )
    return Registered(service=service, checks=(ttl,))


def _timed(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _finding(case: str, value: float, unit: str, at_most: float | None = None) -> Finding:
    return Finding(benchmark="catalog", case=case, value=value, unit=unit, at_most=at_most)

"""``GET /v1/agent/cache``: sizes, ages, hits and waiters of what the agent remembers."""

from itertools import islice

from ca_core.acl.access import Action
from ca_core.agent.cache.entries import Entry
from ca_core.agent.cache.kinds import KindName
from ca_core.api.discovery import FILTERED
from ca_core.api.http import Request, Response, json_response
from ca_core.api.rooms import AgentRoom, require
from ca_core.errors import RequestError
from ca_core.telemetry.caches import KindFigures
from ca_core.wire.agentcache import CacheAnswer, EntryAnswer, KindAnswer

DEFAULT_LIMIT, MOST_ENTRIES = 100, 10_000
"""Entries that are answered: unless the caller says, and at most."""


async def remembered(room: AgentRoom, request: Request) -> Response:
    """Return what the agent remembers: kinds in figures, the largest entries; no values.

    Entries name services and tokens: they are shown to operators alone.
    """
    require(room.may, request, Action.AGENT_READ)
    kinds, limit = _kinds(request), _limit(request)
    inventory = room.agent.inventory
    is_shown = room.may(request.principal, Action.OPERATOR_READ, "")
    entries = (each for each in inventory.entries() if is_shown and each.kind in kinds)
    answer = CacheAnswer(
        budget=inventory.budget,
        bytes=inventory.size,
        kinds=tuple(_kind(each) for each in inventory.figures() if each.kind in kinds),
        entries=tuple(map(_entry, islice(entries, limit))),
    )
    return json_response(answer, headers={} if is_shown else {FILTERED: "true"})


def _kinds(request: Request) -> frozenset[str]:
    asked = request.argument_list("kind")
    known = [str(name) for name in KindName]
    for name in asked:
        if name not in known:
            raise RequestError(
                f"{name[:40]!r} is no kind", field="kind", hint=f"one of {', '.join(known)}"
            )
    return frozenset(asked or known)


def _limit(request: Request) -> int:
    text = request.arguments().get("limit", "") or str(DEFAULT_LIMIT)
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= MOST_ENTRIES):
        raise RequestError(
            f"{text[:40]!r} is no number of entries", field="limit", hint=f"0 to {MOST_ENTRIES}"
        )
    return int(text)


def _kind(each: KindFigures) -> KindAnswer:
    return KindAnswer(
        kind=each.kind,
        entries=each.entries,
        bytes=each.bytes,
        hits=each.hits,
        misses=each.misses,
        waiters=each.waiters,
        age=round(each.age, 1),
        evictions=dict(each.evictions),
        failures=dict(each.failures),
    )


def _entry(entry: Entry) -> EntryAnswer:
    return EntryAnswer(
        kind=entry.kind,
        key=entry.key,
        partitions=entry.partitions,
        bytes=entry.bytes,
        age=round(entry.age, 1),
        unused=round(entry.unused, 1),
        hits=entry.hits,
        misses=entry.misses,
        waiters=entry.waiters,
        index=entry.index,
        failures=entry.failures,
        error=entry.error,
        refreshed=entry.refreshed,
    )

"""``POST /v1/cluster/watch``: one question for everything an agent follows.

Nothing of an agent is remembered between two questions: it says what it holds, and is told the
rest, as much of it as fits one answer.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ca_core.api.blocking import MAX_WAIT
from ca_core.api.catalognews import sync_look, views_look
from ca_core.api.cluster_handlers import calling_agent
from ca_core.api.grant_handlers import grants_look
from ca_core.api.http import Request, Response, json_response
from ca_core.api.intentionlists import lists_look
from ca_core.api.news import Look, News, first_news
from ca_core.api.questions import cost_of
from ca_core.api.rooms import ServerRoom
from ca_core.authority.revokedleaves import (
    REVOKED_TOPIC,
    RevokedRow,
    revoked_index,
    revoked_since,
)
from ca_core.authority.roots import roots_index, roots_of
from ca_core.authority.rows import ROOTS_TOPIC, current_signer
from ca_core.durations import parse_duration
from ca_core.errors import NotReadyError
from ca_core.identity.spiffe import AgentId
from ca_core.wire.revocation import RevokedAnswer, RevokedMark, RevokedRequest
from ca_core.wire.watch import RootsFound, WatchAnswer, WatchRequest

BEHIND_PATIENCE = timedelta(seconds=5)
"""How long a server that has not seen what the agent has seen at another one may catch up."""
_LOOK_EVERY = 0.05

NOTHING = WatchAnswer()
"""To a question that a newer one has ended."""


async def watch(room: ServerRoom, request: Request) -> Response:
    """Tell an agent what it does not hold, of all that it follows, once there is some."""
    agent, _ = await calling_agent(room, request)  # a stranger's question is not even read
    asked = request.json(WatchRequest)
    room.asking.spend(agent.node, cost_of(asked))
    return json_response(await newest_watched(room, agent, asked))


async def newest_watched(room: ServerRoom, agent: AgentId, asked: WatchRequest) -> WatchAnswer:
    """Return what ``watched`` does; nothing, once a newer question of the agent has come.

    Raises:
        Error: as ``watched``.
    """
    node = agent.node
    with room.catalog.liveness.parked(node), room.reachability.parked(node):
        answer = await room.questions.newest(agent, watched(room, agent, asked))
    return NOTHING if answer is None else answer


async def watched(room: ServerRoom, agent: AgentId, asked: WatchRequest) -> WatchAnswer:
    """Return what is news to the agent: at once if there is some, else when it comes.

    After ``wait`` what holds of its tokens is told anew, with fresh grants, and nothing else.

    Raises:
        RequestError: something in it cannot be asked.
        NotReadyError: there are no roots yet, or this server has not seen what the agent has.
        UnavailableError: the key of grants cannot be had now.
    """
    looks = _looks(room, agent, asked)
    wait = min(parse_duration(asked.wait, field="Wait"), MAX_WAIT).total_seconds()
    await _caught_up(room, asked)
    rootless = asked.roots is not None and current_signer(room.store.snapshot) is None
    found = await first_news(room.store, room.clock, looks, 0.0 if rootless else wait)
    is_news = any(one.is_news for one in found.values())
    if rootless and not is_news:
        raise NotReadyError("the CA has not finished initializing: no root exists yet")
    return _answer(room, found, with_grants=not is_news)


def _looks(room: ServerRoom, agent: AgentId, asked: WatchRequest) -> dict[str, Look]:
    found = {}
    if asked.roots is not None:
        found["roots"] = _roots_look(room, asked.epoch, asked.roots)
    if asked.grants is not None:
        found["grants"] = grants_look(room, agent, asked.grants)
    if asked.intentions is not None:
        found["intentions"] = lists_look(room, asked.intentions)
    if asked.views is not None:
        found["views"] = views_look(room, asked.views)
    if asked.revoked is not None:
        found["revoked"] = _revoked_look(room, asked.revoked)
    if asked.registered:
        found["out_of_sync"] = sync_look(room, agent, asked.registered)
    return found


def _roots_look(room: ServerRoom, epoch: str, held: int) -> Look:
    async def look() -> News[RootsFound | None]:
        view = room.store.snapshot
        index, answer = roots_index(view), None
        if (epoch, held) != (view.epoch, index) and current_signer(view) is not None:
            answer = RootsFound(index=index, value=roots_of(view))
        return News(answer=answer, is_news=answer is not None, topics=(ROOTS_TOPIC,), index=index)

    return look


def _revoked_look(room: ServerRoom, held: RevokedRequest) -> Look:
    async def look() -> News[RevokedAnswer | None]:
        view = room.store.snapshot
        index, answer = revoked_index(view), None
        if (held.epoch, held.index) != (view.epoch, index):
            since = held.index if held.epoch == view.epoch else 0
            rows = revoked_since(view, since, room.clock.now())
            leaves = tuple(_mark(row) for row in rows)
            answer = RevokedAnswer(index=index, epoch=view.epoch, leaves=leaves)
        return News(answer=answer, is_news=answer is not None, topics=(REVOKED_TOPIC,), index=index)

    return look


def _mark(row: RevokedRow) -> RevokedMark:
    return RevokedMark(key_id=row.key_id, serial_number=row.serial, valid_before=row.not_after)


async def _caught_up(room: ServerRoom, asked: WatchRequest) -> None:
    """Return once this server has seen what the agent was told, here or at another server.

    Raises:
        NotReadyError: it does not see it in time.
    """
    gives_up = room.clock.monotonic() + BEHIND_PATIENCE.total_seconds()
    while asked.epoch == room.store.snapshot.epoch and asked.index > room.store.snapshot.index:
        if room.clock.monotonic() >= gives_up:
            raise NotReadyError("this server has not seen yet what another one told this agent")
        await room.clock.sleep(_LOOK_EVERY)


def _answer(room: ServerRoom, found: Mapping[str, News[Any]], *, with_grants: bool) -> WatchAnswer:
    told: dict[str, Any] = {name: one.answer for name, one in found.items() if one.is_news}
    if with_grants and "grants" in found:
        told["grants"] = found["grants"].answer
    view = room.store.snapshot
    return WatchAnswer(index=view.index, epoch=view.epoch, **told)

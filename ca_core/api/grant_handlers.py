"""``/v1/cluster/grant``: an agent learns what a token that it was shown may, and follows it."""

from ca_core.acl.policies import ACL_TOPIC
from ca_core.api.cluster_handlers import calling_agent
from ca_core.api.http import Request, Response, json_response
from ca_core.api.news import Look, News
from ca_core.api.rooms import ServerRoom
from ca_core.errors import RequestError
from ca_core.identity.spiffe import AgentId
from ca_core.wire.grants import GrantRequest, GrantsAnswer, GrantsRequest

MAX_GRANTS = 2000
"""Grants that one request may name; 500 bytes each fit into a body."""


async def grant(room: ServerRoom, request: Request) -> Response:
    """Exchange a token's secret for its rights and a grant, on that agent's connection."""
    asked = request.json(GrantRequest)
    agent, _ = await calling_agent(room, request)
    return json_response(await room.granting.granted(asked.secret, agent))


def grants_look(room: ServerRoom, agent: AgentId, asked: GrantsRequest) -> Look:
    """Return what looks at tokens that an agent was shown; an answer is a ``GrantsAnswer``.

    Raises:
        RequestError: too many grants.
    """
    if len(asked.grants) > MAX_GRANTS:
        raise RequestError(f"more than {MAX_GRANTS}", field="Grants")

    async def look() -> News[GrantsAnswer]:
        accessors = await room.granting.held(asked.grants, agent)
        view = room.store.snapshot
        answer = await room.granting.answer(view, accessors, agent)
        ends_in = room.granting.next_end(view, accessors)
        end = None if ends_in is None else ends_in.total_seconds() + _A_MOMENT
        return News(
            answer=answer,
            is_news=answer.digest != asked.digest,
            topics=(ACL_TOPIC,),
            index=view.topic_index(ACL_TOPIC),
            look_at=None if end is None else room.clock.monotonic() + end,
        )

    return look


_A_MOMENT = 0.001
"""Seconds: a token has ended once its end is past, not when it comes."""

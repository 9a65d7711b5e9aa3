"""``/v1/agent/connect/authorize``: may this client connect to this service of the host?"""

from ca_core.acl.access import Action
from ca_core.api.authorize_requests import parsed
from ca_core.api.cachecontrol import freshness_of
from ca_core.api.http import Request, Response
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import AgentRoom, require


async def authorize(room: AgentRoom, request: Request) -> Response:
    """Say whether the client of a certificate may connect to a service; a denial is a 200.

    1. No other namespace, partition or datacenter is asked for.
    2. The body is JSON of the right shape, names a target, and the SPIFFE ID of a service.
    3. The caller may be the target: ``service:write``.
    4. The client is of the partition that is served.
    5. The authorizer decides: see ``Authorizer.decide``.
    6. The caller may still be the target: (5) may have waited for a server.

    While nothing changes, equal bodies get equal answers: (2), (4) and (5) are not done again.
    """
    if request.query:
        refuse_other_places(request, room.agent.datacenter)  # (1)
    agent, decisions, freshness = room.agent, room.decisions, freshness_of(request)
    may_be_kept = not freshness.must_revalidate
    kept = decisions.kept(agent.intentions, request.body) if may_be_kept else None
    if kept is not None:
        require(room.may, request, Action.SERVICE_WRITE, kept.right)  # (3)
        return decisions.again(agent.intentions, kept)
    asked = parsed(request.body)  # (2)
    require(room.may, request, Action.SERVICE_WRITE, asked.right)  # (3)
    asked.refuse_other_partition()  # (4)
    verdict = await agent.authorizer.decide(asked.question, freshness)  # (5)
    require(room.may, request, Action.SERVICE_WRITE, asked.right)  # (6)
    alike = asked.plain and agent.authorizer.by_names_alone
    return decisions.answer(asked, verdict, request.body if alike else None)

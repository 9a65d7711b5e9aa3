"""``PUT /v1/cluster/acknowledgement``: an agent says which bundle it uses, and keeps its lease."""

from ca_core.api.cluster_handlers import calling_agent
from ca_core.api.http import Request, Response, json_response
from ca_core.api.membership import ATTEMPTS
from ca_core.api.rooms import ServerRoom
from ca_core.errors import ConflictError
from ca_core.identity.spiffe import AgentId
from ca_core.intentions.observed import NOTHING, Summary
from ca_core.intentions.reporting import parsed_report
from ca_core.lifecycle.acknowledging import acknowledged, checked_anchors
from ca_core.lifecycle.reachability import LEASE
from ca_core.wire.operations import Acknowledgement, Lease


async def acknowledge(room: ServerRoom, request: Request) -> Response:
    """Keep which bundle an agent and all that it feeds use; its lease lives on.

    Who it is comes from the connection, never from the body.
    """
    said = request.json(Acknowledgement)
    report = report_of(said)
    agent = await _kept(room, request, said)
    room.lifecycle.tools.slow_readers.told(agent.node, said, room.clock.now())
    lease = await lease_of(room)
    room.observed.add(report)
    return json_response(lease)


def report_of(said: Acknowledgement) -> Summary:
    """Return the would-be denials that an agent reports with its acknowledgement.

    Raises:
        RequestError: what is reported cannot be.
    """
    return NOTHING if said.observations is None else parsed_report(said.observations)


async def lease_of(room: ServerRoom) -> Lease:
    """Return the lease that an agent has now.

    Raises:
        UnavailableError: the ledger cannot be read now.
    """
    spread = await room.lifecycle.reissue.spread()
    return Lease(seconds=LEASE.total_seconds(), reissue_spread_seconds=spread.total_seconds())


async def _kept(room: ServerRoom, request: Request, said: Acknowledgement) -> AgentId:
    """Keep the statement; return whose it is.

    When the agent's rows changed meanwhile, it is asked anew who calls: another host may have
    taken the name.
    """
    for _ in range(ATTEMPTS):
        agent, known = await calling_agent(room, request)
        room.membership.member(agent, known.keys[0])  # on the same view as what follows
        view, now = room.store.snapshot, room.clock.now()
        transaction = acknowledged(view, agent.node, checked_anchors(said), now)
        if transaction is None:
            return agent
        try:
            await room.store.commit_async(transaction)
        except ConflictError:
            continue
        return agent
    raise ConflictError("this agent's row changes all the time; try again")

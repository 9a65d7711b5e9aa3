"""``PUT /v1/cluster/registered``: an agent says all that is registered with it, whole.

Who it is comes from the connection, never from the body: an agent speaks for its own node alone.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from ca_core.acl.access import Action
from ca_core.acl.principal import Principal, Token
from ca_core.api.catalognews import joined_at
from ca_core.api.cluster_handlers import calling_agent
from ca_core.api.http import Request, Response, json_response
from ca_core.api.newnames import new_names
from ca_core.api.rooms import ServerRoom, require_right
from ca_core.catalog import commits
from ca_core.catalog.bounds import check_state
from ca_core.catalog.commits import Registrant
from ca_core.catalog.rows import PROXY_KIND
from ca_core.errors import DeniedError, RateLimitedError
from ca_core.identity.spiffe import AgentId
from ca_core.lifecycle.rows import AGENTS
from ca_core.state.protocol import Transaction
from ca_core.state.view import View
from ca_core.wire.registered import (
    RefusedService,
    Registered,
    RegisteredAnswer,
    RegisteredState,
)

By = Callable[[View], Registrant]
"""Says who registers, as of a view."""

_TOO_MANY = "too many services of new names came from this node; try again later"


async def registered(room: ServerRoom, request: Request) -> Response:
    """Take what an agent has registered; the same again writes nothing."""
    agent, known = await calling_agent(room, request)  # a stranger's state is not even read
    state = request.json(RegisteredState)
    by = partial(_member, room, agent, known.joined)
    return json_response(await _taken(room, by, request.principal, state))


async def locally_registered(
    room: ServerRoom, agent: AgentId, caller: Principal, state: RegisteredState
) -> RegisteredAnswer:
    """Take what is registered with an agent in the server's own process, which need not join.

    Raises:
        RequestError: something in the state cannot be.
        UnavailableError: the store cannot be written, or the key of grants cannot be had now.
    """
    return await _taken(room, partial(_resident, room, agent), caller, state)


async def _taken(
    room: ServerRoom, by: By, caller: Principal, state: RegisteredState
) -> RegisteredAnswer:
    """Write what differs of the state, but for instances without the right to be there."""
    view, following = room.store.snapshot, room.catalog.following
    agent = by(view).agent
    room.catalog.writes.spend(agent.node, 1)
    check_state(state, agent.node)
    room.catalog.liveness.heard(agent.node)
    new = commits.news(following.now, by(view), state)
    refused = await _refused(room, agent, caller, new)
    ids = frozenset(each.id for each in refused)
    refused += _too_many(room, agent, [one for one in new if one.service.id not in ids])
    ids = frozenset(each.id for each in refused)

    def decide(view: View) -> Transaction | None:
        now, catalog = room.clock.now(), following.at(view)
        return commits.registered(catalog, by(view), state, now=now, refused=ids)

    room.catalog.writes.charge(agent.node, await room.store.until_nothing(decide))
    joined = by(room.store.snapshot).joined
    return RegisteredAnswer(
        digest=room.catalog.digests.at(following.now, agent.node, joined), refused=refused
    )


def _member(room: ServerRoom, agent: AgentId, joined: datetime, view: View) -> Registrant:
    """Return the agent that called, if it is still a member.

    Raises:
        DeniedError: it was forgotten meanwhile, or another host has taken its name.
    """
    row = view.get(AGENTS, agent.node)
    if row is None or joined_at(view, agent) != joined:
        raise DeniedError(f"agent {agent.node!r} is not a member of this cluster any more")
    return Registrant(
        agent=agent,
        server=room.catalog.server,
        joined=joined,
        member={(AGENTS, agent.node): row.version},
    )


def _resident(room: ServerRoom, agent: AgentId, view: View) -> Registrant:
    return Registrant(agent=agent, server=room.catalog.server, joined=joined_at(view, agent))


async def _refused(
    room: ServerRoom, agent: AgentId, caller: Principal, new: Iterable[Registered]
) -> tuple[RefusedService, ...]:
    found = []
    for one in new:
        try:
            await _require_names(room, agent, caller, one)
        except DeniedError as error:
            found.append(RefusedService(id=one.service.id, reason=str(error)))
    return tuple(found)


def _too_many(
    room: ServerRoom, agent: AgentId, brought: Iterable[Registered]
) -> tuple[RefusedService, ...]:
    """Refuse instances of new names if there are more than the agent may bring, and those alone."""
    view = room.store.snapshot
    of_new = tuple(one for one in brought if new_names(view, (one,)))
    try:
        if of_new:
            room.catalog.names.spend(agent.node, new_names(view, of_new))
    except RateLimitedError:
        return tuple(RefusedService(id=one.service.id, reason=_TOO_MANY) for one in of_new)
    return ()


async def _require_names(
    room: ServerRoom, agent: AgentId, caller: Principal, one: Registered
) -> None:
    """Refuse an instance whose name, or for a proxy whose destination, it may not have.

    The agent vouches where it may; else the token counts with which the instance was registered.

    Raises:
        DeniedError: names the right that is missing.
        UnavailableError: the key of grants cannot be had now.
    """
    lacking = [name for name in _names(one) if not room.may(caller, Action.SERVICE_WRITE, name)]
    if not lacking:
        return
    holder = Token(await room.granting.holder(one.grant, agent)) if one.grant else caller
    for name in lacking:
        require_right(room.may, holder, Action.SERVICE_WRITE, name)


def _names(one: Registered) -> tuple[str, ...]:
    service = one.service
    proxied = service.proxy.destination_service_name if service.kind == PROXY_KIND else ""
    return (service.service, proxied) if proxied else (service.service,)

"""``/v1/agent/service…``: what programs of this host register, and how they see it."""

from typing import Any

from msgspec.structs import replace

from ca_core.acl.access import Action
from ca_core.acl.principal import Token
from ca_core.agent.services.definitions import Registration
from ca_core.agent.services.names import checked_text
from ca_core.agent.services.servicebodies import body_of
from ca_core.agent.services.sidecar import registrations_of
from ca_core.api.blocking import blocking_of, with_jitter
from ca_core.api.discovery import FILTERED
from ca_core.api.http import Request, Response, decoded_body, flag, json_response, text_response
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import AgentRoom, require
from ca_core.api.service_answers import agent_service, with_hash
from ca_core.api.service_rights import require_instance, require_registration
from ca_core.errors import NotFoundError, RequestError
from ca_core.wire.services import AgentService, ServiceBody

CONTENT_HASH = "x-consul-contenthash"


async def register(room: AgentRoom, request: Request) -> Response:
    """Register a service of this host, and its sidecar if it asks for one.

    1. The body is JSON of the right shape.
    2. The caller may write the name that it gives.
    3. What it says is served here, and holds together.
    4. The caller may write every name that has a part in it: see ``require_registration``.
    """
    refuse_other_places(request, room.agent.datacenter)
    only_these = flag(request, "replace-existing-checks")
    body = body_of(decoded_body(request.body, dict[str, Any]), ServiceBody)  # (1)
    require(room.may, request, Action.SERVICE_WRITE, body.name)  # (2)
    new = registrations_of(body, room.services.state, room.agent.node)  # (3)
    require_registration(room, request, new)  # (4)
    owned = [_owned(each, request) for each in new]
    await room.services.register(owned, only_these=only_these)
    return text_response("")


def _owned(new: Registration, request: Request) -> Registration:
    caller = request.principal
    return replace(new, accessor=caller.accessor if isinstance(caller, Token) else "")


async def deregister(room: AgentRoom, request: Request) -> Response:
    """Forget a service of this host, its checks and its sidecar."""
    service_id = _service_id(room, request)
    require_instance(room, request, service_id, Action.SERVICE_WRITE)
    await room.services.deregister(service_id)
    return text_response("")


async def maintenance(room: AgentRoom, request: Request) -> Response:
    """Take a service of this host out of traffic, or let it back: ``?enable=``, ``?reason=``."""
    service_id = _service_id(room, request)
    require_instance(room, request, service_id, Action.SERVICE_WRITE)
    await room.services.maintain(service_id, reason=reason_of(request, "service"))
    return text_response("")


async def node_maintenance(room: AgentRoom, request: Request) -> Response:
    """Take every service of this host out of traffic, or let them back."""
    refuse_other_places(request, room.agent.datacenter)
    require(room.may, request, Action.NODE_WRITE, room.agent.node)
    await room.services.maintain("", reason=reason_of(request, "node"))
    return text_response("")


def reason_of(request: Request, what: str) -> str | None:
    """Return why something goes into maintenance; None if it comes back.

    Raises:
        RequestError: ``enable`` is missing or no boolean, or the reason is too long.
    """
    request.required("enable")
    if not flag(request, "enable"):
        return None
    given = checked_text(request.arguments().get("reason", ""), "reason", 1024)
    return given or f"Maintenance mode is enabled for this {what}, but no reason was provided."


async def services(room: AgentRoom, request: Request) -> Response:
    """Return the services of this host that the caller may see, by id."""
    refuse_other_places(request, room.agent.datacenter)
    refuse_filter(request)
    known = room.services.state.services
    seen = {
        service_id: agent_service(each.service, room.agent.datacenter)
        for service_id, each in sorted(known.items())
        if room.may(request.principal, Action.SERVICE_READ, each.service.service)
    }
    return json_response(seen, headers=filtered(request, hidden=len(seen) < len(known)))


def refuse_filter(request: Request) -> None:
    """Refuse filter expressions: a list that is not filtered would mislead.

    Raises:
        RequestError: there is one.
    """
    if request.arguments().get("filter"):
        raise RequestError("filter expressions are not supported here", field="filter")


def filtered(request: Request, *, hidden: bool) -> dict[str, str]:
    """Return the header that says that rights took something out; for holders of tokens."""
    return {FILTERED: "true"} if hidden and isinstance(request.principal, Token) else {}


async def service(room: AgentRoom, request: Request) -> Response:
    """Return one service of this host; with ``?hash=``, once it differs from that.

    The right is asked for again whenever anything here, or anybody's rights, change.
    """
    service_id = _service_id(room, request)
    wanted = request.arguments().get("hash", "")
    wait = with_jitter(blocking_of(request).wait, room.random.random()).total_seconds()
    ends = room.clock.monotonic() + wait
    while True:
        require_instance(room, request, service_id, Action.SERVICE_READ)
        shown = _shown(room, service_id)
        left = ends - room.clock.monotonic()
        if shown.content_hash != wanted or left <= 0:
            return json_response(shown, headers={CONTENT_HASH: str(shown.content_hash)})
        await room.services.changed.changed(left, room.clock)


def _shown(room: AgentRoom, service_id: str) -> AgentService:
    found = room.services.state.services.get(service_id)
    if found is None:
        raise NotFoundError(f"unknown service ID: {service_id}")
    return with_hash(agent_service(found.service, room.agent.datacenter))


def _service_id(room: AgentRoom, request: Request) -> str:
    refuse_other_places(request, room.agent.datacenter)
    return request.params["id"]

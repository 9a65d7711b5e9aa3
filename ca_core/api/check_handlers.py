"""``/v1/agent/check…``: checks of this host, and what programs say of theirs."""

from typing import Any

from ca_core.acl.access import Action
from ca_core.agent.services.checkbodies import check_of, status_of
from ca_core.agent.services.names import checked_text
from ca_core.agent.services.servicebodies import body_of
from ca_core.agent.services.standing import MAX_OUTPUT, LocalCheck
from ca_core.agent.services.telling import shown_check
from ca_core.api.http import Request, Response, decoded_body, json_response, text_response
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import AgentRoom
from ca_core.api.service_handlers import filtered, refuse_filter
from ca_core.api.service_rights import require_check, require_followed, require_owner
from ca_core.wire.catalog import CheckStatus
from ca_core.wire.services import CheckBody, CheckUpdate


async def register(room: AgentRoom, request: Request) -> Response:
    """Register a check of a service of this host, or of the node."""
    refuse_other_places(request, room.agent.datacenter)
    body = body_of(decoded_body(request.body, dict[str, Any]), CheckBody)
    require_owner(room, request, body.service_id)
    owner, node = body.service_id, room.agent.node
    check = check_of(body, check_id=body.name, service_id=owner, name="", node=node)
    require_followed(room, request, (check,))
    await room.services.add_check(check)
    return text_response("")


async def deregister(room: AgentRoom, request: Request) -> Response:
    """Forget a check."""
    check_id = _allowed(room, request)
    await room.services.remove_check(check_id)
    return text_response("")


async def passing(room: AgentRoom, request: Request) -> Response:
    """Say that a TTL check passes: ``?note=`` tells people more."""
    return _told(room, request, CheckStatus.PASSING)


async def warn(room: AgentRoom, request: Request) -> Response:
    """Say that a TTL check is a warning: ``?note=`` tells people more."""
    return _told(room, request, CheckStatus.WARNING)


async def fail(room: AgentRoom, request: Request) -> Response:
    """Say that a TTL check fails: ``?note=`` tells people more."""
    return _told(room, request, CheckStatus.CRITICAL)


async def update(room: AgentRoom, request: Request) -> Response:
    """Say how a TTL check stands, and why, in a body."""
    check_id = _allowed(room, request)
    said = request.json_in_any_case(CheckUpdate)
    room.services.report(check_id, status_of(said.status, "Status"), said.output[:MAX_OUTPUT])
    return text_response("")


async def checks(room: AgentRoom, request: Request) -> Response:
    """Return the checks of this host that the caller may see, by id."""
    refuse_other_places(request, room.agent.datacenter)
    refuse_filter(request)
    state = room.services.state
    seen = {
        check_id: shown_check(check, state, room.agent.node)
        for check_id, check in sorted(state.checks.items())
        if _may_see(room, request, check)
    }
    return json_response(seen, headers=filtered(request, hidden=len(seen) < len(state.checks)))


def _may_see(room: AgentRoom, request: Request, check: LocalCheck) -> bool:
    owner = check.definition.service_id
    if not owner:
        return room.may(request.principal, Action.NODE_READ, room.agent.node)
    name = room.services.state.name_of(owner)
    return room.may(request.principal, Action.SERVICE_READ, name)


def _told(room: AgentRoom, request: Request, status: CheckStatus) -> Response:
    check_id = _allowed(room, request)
    note = checked_text(request.arguments().get("note", ""), "note", MAX_OUTPUT)
    room.services.report(check_id, status, note)
    return text_response("")


def _allowed(room: AgentRoom, request: Request) -> str:
    """Return the id in the path, once the caller may write that check."""
    refuse_other_places(request, room.agent.datacenter)
    check_id = request.params["id"]
    require_check(room, request, check_id)
    return check_id

"""``/v1/agent/health/service/…``: how services of this host stand, as a status of HTTP."""

from ca_core.acl.access import Action
from ca_core.agent.services.standing import worst
from ca_core.api.http import Request, Response, json_response, text_response
from ca_core.api.names import service_name
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import AgentRoom, require
from ca_core.api.service_answers import Sight, agent_health
from ca_core.api.service_rights import require_instance
from ca_core.errors import NotFoundError, RequestError
from ca_core.wire.catalog import CheckStatus
from ca_core.wire.services import AgentHealth

_STATUS = {"passing": 200, "warning": 429, "critical": 503, "maintenance": 503}


async def by_name(room: AgentRoom, request: Request) -> Response:
    """Return every instance of a service on this host with its health; 200, 429 or 503 by it."""
    as_text = _as_text(room, request)
    name = service_name(request.params["name"])
    require(room.may, request, Action.SERVICE_READ, name)
    state, sight = room.services.state, _sight(room, request)
    ids = sorted(key for key, each in state.services.items() if each.service.service == name)
    if not ids:
        raise NotFoundError(f"ServiceName {name} not found")
    found = [agent_health(state, service_id, sight) for service_id in ids]
    together = _together(found)
    if as_text:
        return text_response(together, status=_STATUS[together])
    return json_response(found, status=_STATUS[together])


async def by_id(room: AgentRoom, request: Request) -> Response:
    """Return one instance on this host with its health; 200, 429 or 503 by it."""
    as_text, service_id = _as_text(room, request), request.params["id"]
    require_instance(room, request, service_id, Action.SERVICE_READ)
    state, sight = room.services.state, _sight(room, request)
    if service_id not in state.services:
        raise NotFoundError(f"ServiceId {service_id} not found")
    found = agent_health(state, service_id, sight)
    if as_text:
        return text_response(found.aggregated, status=_STATUS[found.aggregated])
    return json_response(found, status=_STATUS[found.aggregated])


def _sight(room: AgentRoom, request: Request) -> Sight:
    node = room.agent.node
    sees_node = room.may(request.principal, Action.NODE_READ, node)
    return Sight(node=node, datacenter=room.agent.datacenter, sees_node=sees_node)


def _together(found: list[AgentHealth]) -> str:
    """Return how instances stand together: as the worst; maintenance only if all are in it."""
    statuses = {each.aggregated for each in found}
    if statuses == {"maintenance"}:
        return "maintenance"
    plain = ("critical" if status == "maintenance" else status for status in statuses)
    return worst(CheckStatus(status) for status in plain).value


def _as_text(room: AgentRoom, request: Request) -> bool:
    refuse_other_places(request, room.agent.datacenter)
    form = request.arguments().get("format", "")
    if form not in ("", "json", "text"):
        raise RequestError("json or text", field="format")
    return form == "text"

"""The routes by which programs of a host register services and checks with its agent."""

from typing import Any

from ca_core.api import agent_health_handlers, check_handlers, service_handlers
from ca_core.api.route import Parameter, Room, Route, Standing
from ca_core.wire.catalog import Check
from ca_core.wire.services import AgentHealth, AgentService, CheckBody, CheckUpdate, ServiceBody

_NOTE = Parameter("note", "for people; at most 4,096 characters")
_FORMAT = Parameter("format", "text: the status alone")
_ENABLE = (
    Parameter("enable", "true or false"),
    Parameter("reason", "for people, where it is true"),
)
_TTL = "404 for an unknown check, 400 for one that the agent runs itself (Consul: 500)"
_HEALTH = "checks of the node count always, and are shown to `node:read`"


def _told(word: str, handler: Any) -> Route:
    return Route(
        method="PUT",
        path=f"/v1/agent/check/{word}/{{id}}",
        room=Room.AGENT,
        handler=handler,
        standing=Standing.CORRECTED,
        note=_TTL,
        parameters=(_NOTE,),
    )


SERVICE_ROUTES = (
    Route(
        method="PUT",
        path="/v1/agent/service/register",
        room=Room.AGENT,
        handler=service_handlers.register,
        standing=Standing.CORRECTED,
        note=(
            "what is unknown, or not served (gRPC, Docker, script, H2PING and UDP checks,"
            " gateways), gets 400 with the field; the token is that of the header, never `Token`"
        ),
        parameters=(Parameter("replace-existing-checks", "true: checks that are left out go"),),
        accepts=ServiceBody,
    ),
    Route(
        method="PUT",
        path="/v1/agent/service/deregister/{id}",
        room=Room.AGENT,
        handler=service_handlers.deregister,
        standing=Standing.SAME,
    ),
    Route(
        method="PUT",
        path="/v1/agent/service/maintenance/{id}",
        room=Room.AGENT,
        handler=service_handlers.maintenance,
        standing=Standing.SAME,
        parameters=_ENABLE,
    ),
    Route(
        method="PUT",
        path="/v1/agent/maintenance",
        room=Room.AGENT,
        handler=service_handlers.node_maintenance,
        standing=Standing.SAME,
        parameters=_ENABLE,
    ),
    Route(
        method="GET",
        path="/v1/agent/services",
        room=Room.AGENT,
        handler=service_handlers.services,
        standing=Standing.CORRECTED,
        note="`filter` gets 400: a list that is not filtered would mislead",
        answers=dict[str, AgentService],
    ),
    Route(
        method="GET",
        path="/v1/agent/service/{id}",
        room=Room.AGENT,
        handler=service_handlers.service,
        standing=Standing.CORRECTED,
        note="the right is asked for again while a request waits; `ContentHash` is SHA-256's",
        parameters=(
            Parameter("hash", "answer once `ContentHash` differs from this one"),
            Parameter("wait", "how long to wait at most, like `10s`; 5m by default, 10m at most"),
        ),
        answers=AgentService,
    ),
    Route(
        method="GET",
        path="/v1/agent/health/service/name/{name}",
        room=Room.AGENT,
        handler=agent_health_handlers.by_name,
        standing=Standing.CORRECTED,
        note=_HEALTH,
        parameters=(_FORMAT,),
        answers=list[AgentHealth],
    ),
    Route(
        method="GET",
        path="/v1/agent/health/service/id/{id}",
        room=Room.AGENT,
        handler=agent_health_handlers.by_id,
        standing=Standing.CORRECTED,
        note=_HEALTH,
        parameters=(_FORMAT,),
        answers=AgentHealth,
    ),
    Route(
        method="PUT",
        path="/v1/agent/check/register",
        room=Room.AGENT,
        handler=check_handlers.register,
        standing=Standing.CORRECTED,
        note="as with services; an id that another service's check has gets 409",
        accepts=CheckBody,
    ),
    Route(
        method="PUT",
        path="/v1/agent/check/deregister/{id}",
        room=Room.AGENT,
        handler=check_handlers.deregister,
        standing=Standing.SAME,
    ),
    _told("pass", check_handlers.passing),
    _told("warn", check_handlers.warn),
    _told("fail", check_handlers.fail),
    Route(
        method="PUT",
        path="/v1/agent/check/update/{id}",
        room=Room.AGENT,
        handler=check_handlers.update,
        standing=Standing.CORRECTED,
        note=_TTL,
        accepts=CheckUpdate,
    ),
    Route(
        method="GET",
        path="/v1/agent/checks",
        room=Room.AGENT,
        handler=check_handlers.checks,
        standing=Standing.CORRECTED,
        note="`filter` gets 400: a list that is not filtered would mislead",
        answers=dict[str, Check],
    ),
)
"""Services and checks of one host."""

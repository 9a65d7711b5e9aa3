"""``/v1/health/…``: instances with their checks, and checks alone."""

from functools import partial

from ca_core.acl.access import Action
from ca_core.api.discovery import DiscoveryRoom, Form, answered
from ca_core.api.http import Request, Response
from ca_core.api.names import node_name, service_name
from ca_core.catalog.choosing import Wanted, chosen
from ca_core.catalog.views import ViewKind
from ca_core.errors import RequestError
from ca_core.wire.catalog import Check, CheckStatus, Instance, NodeServices

INSTANCE_FILTERS = frozenset({"passing", "tag", "node-meta"})


async def connect(room: DiscoveryRoom, request: Request) -> Response:
    """Return the instances by which a service is reached over mTLS, with their checks."""
    return await answered(room, request, _CONNECT, service_name(request.params["service"]))


async def service(room: DiscoveryRoom, request: Request) -> Response:
    """Return the instances of a service, with the checks of each and of its node."""
    return await answered(room, request, _SERVICE, service_name(request.params["service"]))


async def checks(room: DiscoveryRoom, request: Request) -> Response:
    """Return the checks of a service's instances."""
    return await answered(room, request, _CHECKS, service_name(request.params["service"]))


async def node(room: DiscoveryRoom, request: Request) -> Response:
    """Return the checks of a node and of everything on it."""
    return await answered(room, request, _NODE, node_name(request.params["node"]))


async def state(room: DiscoveryRoom, request: Request) -> Response:
    """Return the checks that stand so: passing, warning, critical; or any."""
    return await answered(room, request, _form_of(request.params["state"]))


def _form_of(text: str) -> Form:
    form = _STATES.get(text)
    if form is None:
        unlike = f"{text[:40]!r} is not one of {', '.join(_STATES)}"
        raise RequestError(unlike if text else "Missing check state", field="state")
    return form


def _checks_of_instances(instances: tuple[Instance, ...], wanted: Wanted) -> tuple[Check, ...]:
    """Return the checks of the instances themselves: those of their nodes are not about them."""
    return tuple(
        check
        for one in chosen(instances, wanted)
        for check in one.checks
        if check.service_id == one.service.id
    )


def _checks_of_node(found: NodeServices | None, _wanted: Wanted) -> tuple[Check, ...]:
    return () if found is None else found.checks


def _checks_in_state(
    status: CheckStatus, found: tuple[Check, ...], _wanted: Wanted
) -> tuple[Check, ...]:
    return tuple(check for check in found if check.status is status)


def _every_check(found: tuple[Check, ...], _wanted: Wanted) -> tuple[Check, ...]:
    return found


def _no_check(_found: tuple[Check, ...], _wanted: Wanted) -> tuple[Check, ...]:
    return ()


_CONNECT = Form(
    kind=ViewKind.CONNECT,
    shown=chosen,
    action=Action.SERVICE_READ,
    strict=True,
    filters=INSTANCE_FILTERS,
)
_SERVICE = Form(
    kind=ViewKind.SERVICE, shown=chosen, action=Action.SERVICE_READ, filters=INSTANCE_FILTERS
)
_CHECKS = Form(
    kind=ViewKind.SERVICE,
    shown=_checks_of_instances,
    action=Action.SERVICE_READ,
    filters=frozenset({"node-meta"}),
)
_NODE = Form(kind=ViewKind.NODE, shown=_checks_of_node, action=Action.NODE_READ)

_STATES = {
    "any": Form(kind=ViewKind.CHECKS, shown=_every_check),
    "unknown": Form(kind=ViewKind.CHECKS, shown=_no_check),
} | {
    str(status): Form(kind=ViewKind.CHECKS, shown=partial(_checks_in_state, status))
    for status in CheckStatus
}
"""No check is ever ``unknown`` here; Consul's clients may ask all the same."""

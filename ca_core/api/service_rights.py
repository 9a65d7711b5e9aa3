"""Rights on what is registered at the agent; asked before anything is told of it.

Ids say less than names: a refusal repeats the id that was asked for, never what stands behind it,
and is the same whether anything does. Of an id that nothing has, the right on that name decides
whether the caller is told so. A check's id may be of any service, or of the node: who may write all
of the services here, or the node, is told that nothing has it.
"""

import re
from collections.abc import Iterable

from ca_core.acl.access import Action
from ca_core.acl.principal import Principal
from ca_core.acl.resolving import denial, denial_of, quoted
from ca_core.agent.services.definitions import Alias, CheckDefinition, Registration
from ca_core.agent.services.localstate import LocalState
from ca_core.api.http import Request
from ca_core.api.rooms import AgentRoom, require
from ca_core.errors import DeniedError

_OF_A_SERVICE = re.compile(r"service:(.+?)(:[0-9]+)?\Z")


def require_instance(room: AgentRoom, request: Request, service_id: str, action: Action) -> None:
    """Refuse a caller without the right on the name of an instance.

    Raises:
        DeniedError: names the id.
    """
    name = room.services.state.name_of(service_id) or service_id
    _require(room, request, action, name, denial(request.principal, action, service_id))


def require_check(room: AgentRoom, request: Request, check_id: str) -> None:
    """Refuse a caller who may not write a check: as its service, or as the node.

    Raises:
        DeniedError: names the id, and both rights: which of them it takes tells whose check it is.
    """
    if request.refusal is not None:
        raise request.refusal
    if not _may_write(room, request.principal, check_id):
        rights = (
            f"'{Action.SERVICE_WRITE}' on the service of check {quoted(check_id)},"
            f" or '{Action.NODE_WRITE}' if it is the node's"
        )
        raise DeniedError(denial_of(request.principal, rights))


def _may_write(room: AgentRoom, caller: Principal, check_id: str) -> bool:
    state = room.services.state
    owner = _owner_of(state, check_id)
    if owner:
        return room.may(caller, Action.SERVICE_WRITE, state.name_of(owner) or owner)
    if room.may(caller, Action.NODE_WRITE, room.agent.node):
        return True
    names = {check_id, *(each.service.service for each in state.services.values())}
    return check_id not in state.checks and all(
        room.may(caller, Action.SERVICE_WRITE, name) for name in names
    )


def require_owner(room: AgentRoom, request: Request, service_id: str) -> None:
    """Refuse a caller who may not add a check to an instance, or, with '', to the node.

    Raises:
        DeniedError: names the id.
    """
    if service_id:
        require_instance(room, request, service_id, Action.SERVICE_WRITE)
    else:
        require(room.may, request, Action.NODE_WRITE, room.agent.node)


def require_registration(room: AgentRoom, request: Request, new: Iterable[Registration]) -> None:
    """Refuse a caller who may not register all of it.

    1. Each instance's own name.
    2. The name of the instance in whose place it comes.
    3. A proxy: the name of the service that it stands in front of.
    4. Whatever its checks follow, to read.

    Raises:
        DeniedError: names what is missing.
    """
    for each in new:
        service = each.service
        require(room.may, request, Action.SERVICE_WRITE, service.service)  # (1)
        require_instance(room, request, service.id, Action.SERVICE_WRITE)  # (2)
        if service.kind:
            destination = service.proxy.destination_service_name
            require(room.may, request, Action.SERVICE_WRITE, destination)  # (3)
        require_followed(room, request, each.checks, but=each.parent)  # (4)


def require_followed(
    room: AgentRoom, request: Request, checks: Iterable[CheckDefinition], *, but: str = ""
) -> None:
    """Refuse a caller who may not see what checks follow: their results would tell of it.

    ``but`` is the id of what is registered in the same request.

    Raises:
        DeniedError: names the id.
    """
    for check in checks:
        if not isinstance(check.kind, Alias) or (but and check.kind.service_id == but):
            continue
        if check.kind.service_id:
            require_instance(room, request, check.kind.service_id, Action.SERVICE_READ)
        else:
            require(room.may, request, Action.NODE_READ, room.agent.node)


def _owner_of(state: LocalState, check_id: str) -> str:
    """Return whose check it is, or would be by its id; '' for the node's."""
    check = state.checks.get(check_id)
    if check is not None:
        return check.definition.service_id
    found = _OF_A_SERVICE.match(check_id)
    return found[1] if found else ""


def _require(room: AgentRoom, request: Request, action: Action, name: str, told: str) -> None:
    if request.refusal is not None:
        raise request.refusal
    if not room.may(request.principal, action, name):
        raise DeniedError(told)

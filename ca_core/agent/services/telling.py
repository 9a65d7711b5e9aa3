"""What is registered here in the words of the wire: for servers, and for programs of this host."""

import msgspec
from msgspec.structs import replace

from ca_core.agent.services.definitions import Registration
from ca_core.agent.services.standing import LocalCheck
from ca_core.agent.services.state import LocalState
from ca_core.catalog.bounds import MOST_BYTES, MOST_SERVICES, MOST_STATE, check_state
from ca_core.errors import RequestError
from ca_core.wire.catalog import Check
from ca_core.wire.registered import Registered, RegisteredState

_MANY = 4096


def wire_check(check: LocalCheck) -> Check:
    """Return a check as servers store it: what follows from its place is left out."""
    definition = check.definition
    return Check(
        id=definition.id,
        name=definition.name,
        status=check.status,
        notes=definition.notes,
        output=check.output,
        type=definition.type,
        interval=definition.interval,
        timeout=definition.timeout,
    )


def shown_check(check: LocalCheck, state: LocalState, node: str) -> Check:
    """Return a check as the agent shows it, with the node and service it belongs to."""
    owner = state.services.get(check.definition.service_id)
    found = replace(wire_check(check), node=node, service_id=check.definition.service_id)
    if owner is None:
        return found
    return replace(found, service_name=owner.service.service, service_tags=owner.service.tags)


def told_state(state: LocalState, address: str) -> RegisteredState:
    """Return what servers are told: by id, in order, without grants.

    Outputs that are too long all together are left out.
    """
    checks: dict[str, list[Check]] = {}
    for check_id in sorted(state.checks):
        check = state.checks[check_id]
        checks.setdefault(check.definition.service_id, []).append(wire_check(check))
    services = (_told(state.services[key], checks.get(key, ())) for key in sorted(state.services))
    told = RegisteredState(
        address=address, services=tuple(services), checks=tuple(checks.get("", ()))
    )
    return told if _size(told) <= MOST_STATE else without_outputs(told)


def without_outputs(state: RegisteredState) -> RegisteredState:
    """Return the state but for what checks printed: a change of that alone is not urgent."""
    return replace(
        state,
        services=tuple(replace(one, checks=_silent(one.checks)) for one in state.services),
        checks=_silent(state.checks),
    )


def refuse_untellable(state: LocalState, service_id: str, node: str) -> None:
    """Refuse what servers would refuse: one wrong instance would keep out all of this node.

    Args:
        state: what is registered, that instance included.
        service_id: which; '' for the checks of the node.
        node: this agent's.

    Raises:
        RequestError: too many instances or checks, or one that is too large; names the place.
    """
    if len(state.services) > MOST_SERVICES:
        raise RequestError(f"more than {MOST_SERVICES} services at one agent", field="ID")
    checks = {check.definition.id: check for check in state.checks_of(service_id)}
    services = {service_id: state.services[service_id]} if service_id else {}
    alone = LocalState(services=services, checks=checks)
    check_state(_bare(alone), node)
    if len(state.services) * MOST_BYTES > MOST_STATE and _size(_bare(state)) > MOST_STATE:
        raise RequestError(f"more than {MOST_STATE} bytes of services at one agent", field="ID")


def _bare(state: LocalState) -> RegisteredState:
    return without_outputs(told_state(state, ""))


def _size(told: RegisteredState) -> int:
    return len(msgspec.json.encode(told))


def _told(each: Registration, checks: list[Check] | tuple[Check, ...]) -> Registered:
    """Return an instance as servers take it; outputs that are too long together are cut."""
    told, most = Registered(service=each.service, checks=tuple(checks)), _MANY
    while most and len(msgspec.json.encode((told.service, told.checks))) > MOST_BYTES:
        most //= 2
        told = replace(told, checks=_cut(told.checks, most))
    return told


def _silent(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    return _cut(checks, 0)


def _cut(checks: tuple[Check, ...], most: int) -> tuple[Check, ...]:
    return tuple(replace(c, output=c.output[:most]) if c.output else c for c in checks)

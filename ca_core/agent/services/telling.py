"""What is registered here in the words of the wire: for servers, and for programs of this host."""

import operator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from ca_core.agent.services.definitions import Registration
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.standing import MAX_OUTPUT, LocalCheck
from ca_core.catalog.bounds import MOST_BYTES, MOST_SERVICES, MOST_STATE, check_state
from ca_core.errors import RequestError
from ca_core.wire.catalog import Check
from ca_core.wire.registered import Registered, RegisteredState


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One instance as servers are told of it, and what that was made of.

    Attributes:
        told: as long as its outputs let it be.
        bare: without outputs.
        size, bare_size: bytes of both as JSON.
    """

    registration: Registration
    checks: tuple[LocalCheck, ...]
    told: Registered
    bare: Registered
    size: int
    bare_size: int

    def is_of(self, registration: Registration, checks: tuple[LocalCheck, ...]) -> bool:
        """Say whether it was made of these very values."""
        if registration is not self.registration or len(checks) != len(self.checks):
            return False
        return all(map(operator.is_, checks, self.checks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What servers are told, and the same but for what checks printed."""

    state: RegisteredState
    bare: RegisteredState


class Teller:
    """Puts what is registered into the words of the wire; what did not change is not made anew."""

    def __init__(self) -> None:
        self._known: dict[str, _Part] = {}

    def told(self, state: LocalState, address: str) -> Told:
        """Return what servers are told: by id, in order, without grants.

        Outputs that are too long all together are left out.
        """
        parts, checks = self._parts(state), tuple(map(wire_check, state.checks_of("")))
        bare = RegisteredState(
            address=address, services=tuple(part.bare for part in parts), checks=_silent(checks)
        )
        if sum(part.size + 1 for part in parts) + _size((address, checks)) > MOST_STATE:
            return Told(state=bare, bare=bare)
        services = tuple(part.told for part in parts)
        return Told(state=replace(bare, services=services, checks=checks), bare=bare)

    def refuse_untellable(self, state: LocalState, service_id: str, node: str) -> None:
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
        checks = _silent(tuple(map(wire_check, state.checks_of(service_id))))
        if service_id:
            one = Registered(service=state.services[service_id].service, checks=checks)
            check_state(RegisteredState(services=(one,)), node)
        else:
            check_state(RegisteredState(checks=checks), node)
        if self._bare_size(state) > MOST_STATE:
            fault = f"more than {MOST_STATE} bytes of services at one agent"
            raise RequestError(fault, field="ID")

    def _bare_size(self, state: LocalState) -> int:
        """Return how many bytes all of it has at least; about, where it is little."""
        if (len(state.services) + 1) * MOST_BYTES <= MOST_STATE:
            return 0
        of_node = _size(_silent(tuple(map(wire_check, state.checks_of("")))))
        return sum(part.bare_size + 1 for part in self._parts(state)) + of_node

    def _parts(self, state: LocalState) -> list[_Part]:
        known = {key: self._part(state, key) for key in sorted(state.services)}
        self._known = known
        return list(known.values())

    def _part(self, state: LocalState, service_id: str) -> _Part:
        registration, checks = state.services[service_id], state.checks_of(service_id)
        before = self._known.get(service_id)
        if before is not None and before.is_of(registration, checks):
            return before
        told = _told(registration, tuple(map(wire_check, checks)))
        bare = replace(told, checks=_silent(told.checks))
        return _Part(
            registration=registration,
            checks=checks,
            told=told,
            bare=bare,
            size=_size(told),
            bare_size=_size(bare),
        )


def _size(told: Any) -> int:
    return len(msgspec.json.encode(told))


def _told(each: Registration, checks: tuple[Check, ...]) -> Registered:
    """Return an instance as servers take it; outputs that are too long together are cut."""
    told, most = Registered(service=each.service, checks=checks), MAX_OUTPUT
    while most and _size((told.service, told.checks)) > MOST_BYTES:
        most //= 2
        told = replace(told, checks=_cut(told.checks, most))
    return told


def _silent(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    return _cut(checks, 0)


def _cut(checks: tuple[Check, ...], most: int) -> tuple[Check, ...]:
    return tuple(replace(c, output=c.output[:most]) if c.output else c for c in checks)

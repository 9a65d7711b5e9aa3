"""What is registered at this agent and how it stands: one immutable value, and its changes; pure.

Checks that follow others are brought up to date by whatever changes what they follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ca_core.agent.services.definitions import CheckDefinition, Registration
from ca_core.agent.services.following import followed
from ca_core.agent.services.standing import LocalCheck, Report, is_maintenance, standing, told


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalState:
    """Everything that is registered here, by id.

    Attributes:
        version: another one means that something can be seen that was different.
        shape: another one means other definitions of checks.
    """

    services: Mapping[str, Registration] = field(default_factory=dict)
    checks: Mapping[str, LocalCheck] = field(default_factory=dict)
    version: int = 0
    shape: int = 0

    def checks_of(self, service_id: str) -> tuple[LocalCheck, ...]:
        """Return the checks of an instance; those of the node for ''."""
        found = (c for c in self.checks.values() if c.definition.service_id == service_id)
        return tuple(sorted(found, key=lambda check: check.definition.id))

    def name_of(self, service_id: str) -> str:
        """Return the name of an instance; '' if there is none."""
        found = self.services.get(service_id)
        return found.service.service if found is not None else ""


def registered(
    state: LocalState, new: Registration, *, at: float, only_these: bool = False
) -> LocalState:
    """Return the state with an instance, in place of the one with its id.

    Checks that it had stay, with how they stand, unless they are defined anew, or ``only_these``.
    """
    services = {**state.services, new.service.id: new}
    gone = _replaced(state, new) if only_these else set()
    checks = {key: check for key, check in state.checks.items() if key not in gone}
    for definition in new.checks:
        checks[definition.id] = standing(state.checks.get(definition.id), definition, at)
    return _changed(state, at, services=services, checks=checks)


def deregistered(state: LocalState, service_id: str, *, at: float) -> LocalState:
    """Return the state without an instance, its checks, and its sidecar; the same if none is."""
    gone = {service_id} | {k for k, each in state.services.items() if each.parent == service_id}
    services = {key: each for key, each in state.services.items() if key not in gone}
    checks = {k: c for k, c in state.checks.items() if c.definition.service_id not in gone}
    return _changed(state, at, services=services, checks=checks)


def with_check(state: LocalState, definition: CheckDefinition, *, at: float) -> LocalState:
    """Return the state with a check; one of the same definition stands as it stood."""
    found = standing(state.checks.get(definition.id), definition, at)
    checks = {**state.checks, definition.id: found}
    return _changed(state, at, services=state.services, checks=checks)


def without_check(state: LocalState, check_id: str, *, at: float) -> LocalState:
    """Return the state without a check; the same if there is none."""
    checks = {key: check for key, check in state.checks.items() if key != check_id}
    return _changed(state, at, services=state.services, checks=checks)


def reported(state: LocalState, check_id: str, report: Report) -> LocalState:
    """Return the state after a result; the same version if nobody could see a difference."""
    before = state.checks.get(check_id)
    if before is None:
        return state
    after = told(before, report)
    checks = {**state.checks, check_id: after}
    if (after.status, after.output) == (before.status, before.output):
        return replace(state, checks=checks)  # the deadline of a TTL check alone
    checks = dict(followed(state.services, checks, report.at))
    return replace(state, checks=checks, version=state.version + 1)


def _replaced(state: LocalState, new: Registration) -> set[str]:
    kept = {definition.id for definition in new.checks}
    had = {check.definition.id for check in state.checks_of(new.service.id)}
    return {check_id for check_id in had - kept if not is_maintenance(check_id)}


def _changed(
    state: LocalState,
    at: float,
    *,
    services: Mapping[str, Registration],
    checks: Mapping[str, LocalCheck],
) -> LocalState:
    """Return the state with other parts, and newer numbers if they are others."""
    checks = followed(services, checks, at)
    if (services, checks) == (state.services, state.checks):
        return state
    shape = state.shape + (_definitions(checks) != _definitions(state.checks))
    version = state.version + 1
    return LocalState(services=services, checks=checks, version=version, shape=shape)


def _definitions(checks: Mapping[str, LocalCheck]) -> list[CheckDefinition]:
    return [check.definition for check in checks.values()]

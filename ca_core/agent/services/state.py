"""Changes of what is registered at this agent: from one value to the next; pure.

Checks that follow others are brought up to date by whatever changes what they follow. A change
costs a copy of the tables and what it touches, however much is registered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from ca_core.agent.services.definitions import CheckDefinition, Registration
from ca_core.agent.services.following import followed
from ca_core.agent.services.localstate import LocalState, owner_of, regrouped, target_of
from ca_core.agent.services.standing import LocalCheck, Report, is_maintenance, standing, told

ValueT = TypeVar("ValueT")

_Checks = Mapping[str, LocalCheck | None]
"""Id of a check → as it is now, or None if it goes."""


def registered(
    state: LocalState, new: Registration, *, at: float, only_these: bool = False
) -> LocalState:
    """Return the state with an instance, in place of the one with its id.

    Checks that it had stay, with how they stand, unless they are defined anew, or ``only_these``.
    """
    gone = _left_out(state, new) if only_these else frozenset[str]()
    checks: dict[str, LocalCheck | None] = dict.fromkeys(gone)
    for definition in new.checks:
        checks[definition.id] = standing(state.checks.get(definition.id), definition, at)
    return _changed(state, at, services={new.service.id: new}, checks=checks)


def deregistered(state: LocalState, service_id: str, *, at: float) -> LocalState:
    """Return the state without an instance, its checks, and its sidecar; the same if none is."""
    beside = (key for key, each in state.services.items() if each.parent == service_id)
    gone = [key for key in (service_id, *beside) if key in state.services]
    checks = [check_id for key in gone for check_id in state.owned.get(key, ())]
    return _changed(state, at, services=dict.fromkeys(gone), checks=dict.fromkeys(checks))


def with_check(state: LocalState, definition: CheckDefinition, *, at: float) -> LocalState:
    """Return the state with a check; one of the same definition stands as it stood."""
    found = standing(state.checks.get(definition.id), definition, at)
    return _changed(state, at, services={}, checks={definition.id: found})


def without_check(state: LocalState, check_id: str, *, at: float) -> LocalState:
    """Return the state without a check; the same if there is none."""
    return _changed(state, at, services={}, checks={check_id: None})


def reported(state: LocalState, check_id: str, report: Report) -> LocalState:
    """Return the state after a result; the same version if nobody could see a difference."""
    before = state.checks.get(check_id)
    if before is None:
        return state
    after = told(before, report)
    if (after.status, after.output) == (before.status, before.output):
        return replace(state, checks={**state.checks, check_id: after})  # a deadline alone
    return _changed(state, report.at, services={}, checks={check_id: after})


def _left_out(state: LocalState, new: Registration) -> frozenset[str]:
    kept = {definition.id for definition in new.checks}
    had = state.owned.get(new.service.id, frozenset())
    return frozenset(each for each in had - kept if not is_maintenance(each))


def _changed(
    state: LocalState,
    at: float,
    *,
    services: Mapping[str, Registration | None],
    checks: _Checks,
) -> LocalState:
    """Return the state with other parts, None for those that go; the same if they are the same."""
    services = {key: new for key, new in services.items() if state.services.get(key) != new}
    checks = {key: new for key, new in checks.items() if state.checks.get(key) != new}
    if not services and not checks:
        return state
    before = _definitions(state.checks.get(key) for key in checks)
    now = _definitions(checks.values())
    after = LocalState(
        services=_merged(state.services, services),
        checks=_merged(state.checks, checks),
        owned=regrouped(state.owned, state.checks, checks, owner_of),
        followers=regrouped(state.followers, state.checks, checks, target_of),
        version=state.version + 1,
        shape=state.shape + (before != now),
    )
    owners = {owner_of(each) for each in (*before, *now)}
    return replace(after, checks=_merged(after.checks, followed(after, {*services, *owners}, at)))


def _definitions(checks: Iterable[LocalCheck | None]) -> list[CheckDefinition]:
    return [check.definition for check in checks if check is not None]


def _merged(
    before: Mapping[str, ValueT], changes: Mapping[str, ValueT | None]
) -> Mapping[str, ValueT]:
    """Return the table with changes, None for what goes."""
    if not changes:
        return before
    after = dict(before)
    for key, value in changes.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = value
    return after

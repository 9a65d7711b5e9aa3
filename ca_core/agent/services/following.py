"""Checks that follow others: they stand as what they follow; pure."""

from collections.abc import Iterable

from ca_core.agent.services.definitions import Alias
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.standing import MAX_OUTPUT, LocalCheck, Report, told, worst
from ca_core.wire.catalog import CheckStatus


def followed(state: LocalState, touched: Iterable[str], at: float) -> dict[str, LocalCheck]:
    """Return, by id, the checks that are no longer as what they follow, brought up to date.

    Args:
        state: as it is now.
        touched: the instances that have changed, with their checks; '' for the node.
        at: monotonic.
    """
    found = {}
    for check_id in _followers(state, touched):
        check = state.checks[check_id]
        status, output = _together(state, check)
        if (status, output) != (check.status, check.output):
            found[check_id] = told(check, Report(status=status, output=output, at=at))
    return found


def _followers(state: LocalState, touched: Iterable[str]) -> set[str]:
    """Return the checks of what was touched that follow, and all that follow it, however far."""
    ways, found = list(touched), set[str]()
    found |= {
        each
        for service_id in ways
        for each in state.owned.get(service_id, ())
        if isinstance(state.checks[each].definition.kind, Alias)
    }
    seen = set(ways)
    while ways:
        new = state.followers.get(ways.pop(), frozenset()) - found
        found |= new
        owners = {state.checks[each].definition.service_id for each in new} - seen
        seen |= owners
        ways += owners
    return found


def _together(state: LocalState, check: LocalCheck) -> tuple[CheckStatus, str]:
    """Return how what a check follows stands, and why."""
    kind = check.definition.kind
    target = kind.service_id if isinstance(kind, Alias) else ""
    if target and target not in state.services:
        return CheckStatus.CRITICAL, f"no service {target!r} is registered here"
    behind = _behind(state, target)
    bad = sorted(each.definition.name for each in behind if each.status is not CheckStatus.PASSING)
    why = f"not passing: {', '.join(bad)}" if bad else "all checks are passing"
    return worst(each.status for each in behind), why[:MAX_OUTPUT]


def _behind(state: LocalState, target: str) -> list[LocalCheck]:
    """Return the checks that one follows in the end: those of its target.

    Those that follow others themselves are looked through; a circle ends where it closes.
    """
    ways, seen, found = [target], {target}, list[LocalCheck]()
    while ways:
        for check_id in state.owned.get(ways.pop(), ()):
            check = state.checks[check_id]
            kind = check.definition.kind
            if not isinstance(kind, Alias):
                found.append(check)
            elif kind.service_id not in seen:
                seen.add(kind.service_id)
                ways.append(kind.service_id)
    return found

"""Checks that follow others: they stand as what they follow; pure."""

from collections.abc import Mapping

from ca_core.agent.services.definitions import Alias, Registration
from ca_core.agent.services.standing import MAX_OUTPUT, LocalCheck, Report, told, worst
from ca_core.wire.catalog import CheckStatus


def followed(
    services: Mapping[str, Registration], checks: Mapping[str, LocalCheck], at: float
) -> Mapping[str, LocalCheck]:
    """Return the checks, those that follow others brought up to date."""
    following = [check for check in checks.values() if isinstance(check.definition.kind, Alias)]
    if not following:
        return checks
    by_service: dict[str, list[LocalCheck]] = {key: [] for key in ("", *services)}
    for check in checks.values():
        by_service.setdefault(check.definition.service_id, []).append(check)
    found = {c.definition.id: _as_followed(c, by_service, at) for c in following}
    return {**checks, **found}


def _as_followed(
    check: LocalCheck, by_service: Mapping[str, list[LocalCheck]], at: float
) -> LocalCheck:
    status, output = _together(check, by_service)
    if (status, output) == (check.status, check.output):
        return check
    return told(check, Report(status=status, output=output, at=at))


def _together(
    check: LocalCheck, by_service: Mapping[str, list[LocalCheck]]
) -> tuple[CheckStatus, str]:
    """Return how what a check follows stands, and why."""
    target = check.definition.kind
    if isinstance(target, Alias) and target.service_id not in by_service:
        return CheckStatus.CRITICAL, f"no service {target.service_id!r} is registered here"
    behind = _behind(check, by_service)
    bad = sorted(each.definition.name for each in behind if each.status is not CheckStatus.PASSING)
    why = f"not passing: {', '.join(bad)}" if bad else "all checks are passing"
    return worst(each.status for each in behind), why[:MAX_OUTPUT]


def _behind(check: LocalCheck, by_service: Mapping[str, list[LocalCheck]]) -> list[LocalCheck]:
    """Return the checks that one follows in the end: those of its target.

    Those that follow others themselves are looked through; a circle ends where it closes.
    """
    ways, seen = [check], set[str]()
    found: list[LocalCheck] = []
    while ways:
        kind = ways.pop().definition.kind
        if not isinstance(kind, Alias) or kind.service_id in seen:
            continue
        seen.add(kind.service_id)
        for each in by_service.get(kind.service_id, ()):
            (ways if isinstance(each.definition.kind, Alias) else found).append(each)
    return found

"""How one check stands, and how several stand together; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from ca_core.agent.services.definitions import CheckDefinition, Ttl
from ca_core.wire.catalog import CheckStatus

MAX_OUTPUT = 4096
"""Characters of a check's output that are kept."""


class LocalCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One check, and how it stands.

    Attributes:
        output: at most ``MAX_OUTPUT`` characters.
        ends: of a TTL check: when it expires, by the wall clock; None before its first report.
        deadline: the same moment by the monotonic clock.
        critical_since: monotonic; None unless it is critical.
    """

    definition: CheckDefinition
    status: CheckStatus
    output: str = ""
    ends: datetime | None = None
    deadline: float = 0.0
    critical_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a check stands now.

    Attributes:
        at: monotonic.
        ends, deadline: as in ``LocalCheck``; for TTL checks.
    """

    status: CheckStatus
    output: str
    at: float
    ends: datetime | None = None
    deadline: float = 0.0


SERVICE_MAINTENANCE = "_service_maintenance:"
NODE_MAINTENANCE = "_node_maintenance"
"""Ids, and beginnings of ids, of the checks that stand for maintenance; Consul's clients know."""


def is_maintenance(check_id: str) -> bool:
    """Say whether a check stands for maintenance."""
    return check_id == NODE_MAINTENANCE or check_id.startswith(SERVICE_MAINTENANCE)


_ORDER = (CheckStatus.PASSING, CheckStatus.WARNING, CheckStatus.CRITICAL)


def worst(statuses: Iterable[CheckStatus]) -> CheckStatus:
    """Return how checks stand together: as the worst of them; passing without any."""
    return max(statuses, key=_ORDER.index, default=CheckStatus.PASSING)


def told(check: LocalCheck, report: Report) -> LocalCheck:
    """Return the check as it stands now."""
    critical = report.status is CheckStatus.CRITICAL
    since = check.critical_since if check.critical_since is not None else report.at
    return msgspec.structs.replace(
        check,
        status=report.status,
        output=report.output[:MAX_OUTPUT],
        ends=report.ends,
        deadline=report.deadline,
        critical_since=since if critical else None,
    )


def standing(before: LocalCheck | None, definition: CheckDefinition, at: float) -> LocalCheck:
    """Return how a check stands once it is defined so: as before if it was defined so."""
    if before is not None and before.definition == definition:
        return before
    status = definition.status
    ttl = definition.kind.ttl.total_seconds() if isinstance(definition.kind, Ttl) else 0.0
    return LocalCheck(
        definition=definition,
        status=status,
        deadline=at + ttl,
        critical_since=at if status is CheckStatus.CRITICAL else None,
    )

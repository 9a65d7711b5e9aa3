"""``doctor`` on changes of who signs: one that is stuck or late, who is missing, what is left."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ca_core.cli.address import SERVER_SOCKET, local_address
from ca_core.cli.castatus import STATUS
from ca_core.cli.checkup import Check, Found, Level, Situation
from ca_core.cli.client import Answer
from ca_core.cli.failures import AnsweredError, UnreachableError
from ca_core.cli.operation_view import is_open, missing_text, title
from ca_core.cli.operations import OPERATIONS
from ca_core.cli.times import relative, span_text
from ca_core.errors import RequestError
from ca_core.wire.operations import OperationAnswer
from ca_core.wire.times import parse_wire_time

LONG = timedelta(minutes=30)
"""An operation that has been in its phase for longer is waited for by somebody who forgot it."""
FRESH = timedelta(days=1)
"""A failure older than this is known to whoever asked for the change."""
STAYS = timedelta(hours=1)
"""What a backend holds is removed within seconds; after this time it does not go by itself."""

NAMED = 5


def _server(situation: Situation, path: str) -> Answer:
    """Ask the server: only it knows about changes.

    Raises:
        UnreachableError: none runs here.
        AnsweredError: it does not tell this caller.
    """
    if situation.named:
        return situation.asked(path)
    return situation.asked(path, local_address(situation.config.server.data_dir, SERVER_SOCKET))


def _of_operations(judge: Callable[[Sequence[OperationAnswer], datetime], Found]) -> Any:
    def look(situation: Situation) -> Found:
        try:
            rows = _server(situation, OPERATIONS).decoded(tuple[OperationAnswer, ...])
        except (UnreachableError, AnsweredError) as error:
            return _untold(error)
        return judge(rows, situation.now)

    return look


def _of_status(judge: Callable[[Mapping[str, Any], datetime], Found]) -> Any:
    def look(situation: Situation) -> Found:
        try:
            status = _server(situation, STATUS).decoded(dict[str, Any])
        except (UnreachableError, AnsweredError) as error:
            return _untold(error)
        return judge(status, situation.now)

    return look


def _untold(error: UnreachableError | AnsweredError) -> Found:
    if isinstance(error, UnreachableError):
        return Level.SKIPPED, "no server runs here", ""
    return Level.SKIPPED, f"only the server knows it, and its operators: {error}", ""


def operation_level(rows: Sequence[OperationAnswer], now: datetime) -> Found:
    """Judge the open change; without one, the newest: that it failed lately is a warning.

    Past its deadline is a failure; a step that fails, or a long stay in one phase, is a warning.
    """
    row = next((row for row in rows if is_open(row)), None)
    if row is None:
        return _newest_level(rows, now)
    level, how = _open_level(row, now)
    waits = f", waits: {row.waits_for}" if row.waits_for else ""
    hint = f"`ca-core ca operations {row.id}` shows it, `ca-core ca abort {row.id}` ends it"
    return level, f"{title(row)} is {row.phase}{how}{waits}", "" if level is Level.OK else hint


def _open_level(row: OperationAnswer, now: datetime) -> tuple[Level, str]:
    """Return how bad it is that an operation is open, and what makes it so."""
    deadline, moment = _moment(row.deadline), _moment(row.not_before)
    if deadline is not None and deadline < now:
        return Level.FAILURE, f", its deadline passed {relative(deadline, now)}"
    if row.step_failed:
        return Level.WARNING, ", its step fails and is tried again"
    since = _moment(row.history[-1].at) if row.history else None
    if since is not None and now - since > LONG and (moment is None or moment < now):
        return Level.WARNING, f" for {span_text(now - since)}"
    return Level.OK, ""


def _newest_level(rows: Sequence[OperationAnswer], now: datetime) -> Found:
    row = max(rows, key=lambda row: row.history[0].at if row.history else "", default=None)
    if row is None or row.phase != "failed":
        return Level.OK, "no change is open", ""
    since = _moment(row.history[-1].at if row.history else "")
    if since is None or now - since > FRESH:
        return Level.OK, f"no change is open; {title(row)} failed before", ""
    text = f"{title(row)} failed {relative(since, now)}: {row.reason}"
    return Level.WARNING, text, "mend what it names; `ca-core ca plan` says if it would go now"


def agents_level(rows: Sequence[OperationAnswer], _now: datetime) -> Found:
    """Judge who is waited for: an agent that does not call is a warning, with what to do."""
    row = next((row for row in rows if is_open(row) and row.phase == "distributed"), None)
    if row is None:
        return Level.OK, "no change waits for an agent", ""
    progress = row.progress
    silent = [one for one in progress.missing if not one.reachable]
    if not progress.missing:
        return Level.OK, f"all {progress.counted} that count have acknowledged {row.id}", ""
    names = ", ".join(missing_text(one) for one in (silent or progress.missing)[:NAMED])
    if not silent:
        return Level.OK, f"{row.id} waits for {len(progress.missing)} that call: {names}", ""
    return (
        Level.WARNING,
        f"{row.id} waits for {len(silent)} that cannot be reached: {names}",
        "start `ca-core agent` there; a host that is gone for good: `ca-core agent forget NODE`",
    )


def leftovers_level(status: Mapping[str, Any], now: datetime) -> Found:
    """Judge what backends still hold: a warning once it does not go away."""
    left = status.get("Leftovers") or ()
    stays = [one for one in left if one["Error"] and _is_old(one["Since"], now)]
    if not stays:
        count = f"{len(left)} being removed" if left else "nothing is left in a backend"
        return Level.OK, count, ""
    first = stays[0]
    since = relative(_moment(first["Since"]) or now, now)
    more = f", and {len(stays) - 1} more" if len(stays) > 1 else ""
    return (
        Level.WARNING,
        f"what is left of {first['Key']} since {since} cannot be removed: {first['Error']}{more}",
        f"mend its backend; if that is gone for good: `ca-core ca abandon {first['Key']}`",
    )


def overdue_level(status: Mapping[str, Any], _now: datetime) -> Found:
    """Judge what should have been replaced by now; late is a failure."""
    late = status.get("Overdue") or ""
    if not late:
        return Level.OK, "no root or signer is overdue", ""
    return Level.FAILURE, str(late), "mend what it names, or `ca-core ca rotate`"


def _is_old(since: str, now: datetime) -> bool:
    moment = _moment(since)
    return moment is not None and now - moment > STAYS


def _moment(wire: str) -> datetime | None:
    """Return a moment; None for '' and for what is none."""
    try:
        return parse_wire_time(wire) if wire else None
    except RequestError:
        return None


CHECKS = (
    Check("changes", "operation", _of_operations(operation_level)),
    Check("changes", "agents", _of_operations(agents_level)),
    Check("changes", "leftovers", _of_status(leftovers_level)),
    Check("changes", "overdue", _of_status(overdue_level)),
)

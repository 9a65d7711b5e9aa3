"""Operations over the API: begun, looked at, followed until they are over."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from ca_core.cli.client import PATIENT, Answer, Client
from ca_core.cli.exitcodes import ExitCode, exit_code_of
from ca_core.cli.failures import UnfinishedError, UnreachableError
from ca_core.cli.operation_view import change_line, is_open, operation_lines
from ca_core.cli.screen import Screen, Styled
from ca_core.errors import Error, NotFoundError
from ca_core.wire.operations import OperationAnswer, PlanAnswer

PLAN = "/v1/connect/ca/plan"
APPLY = "/v1/connect/ca/apply"
OPERATIONS = "/v1/connect/ca/operations"
SETTINGS = "/v1/connect/ca/settings"
"""What stands, in our own spelling, secrets hidden."""

WAIT = "1s"
"""How long one blocking query waits: acknowledgements and leaves move without the operation."""

PAUSE = 0.2
"""Seconds between two queries, should the server not wait."""

LOST_TRIES = 60
"""A server that restarts is away for seconds; each try waits a second."""

Sleep = Callable[[float], None]


def planned(client: Client, body: dict[str, Any]) -> tuple[PlanAnswer, Any]:
    """Return what a change would do, decoded and as it came. Raises as ``Client``."""
    answer = client.post(PLAN, body, timeout=PATIENT)
    return answer.decoded(PlanAnswer), answer.json()


def begun(client: Client, path: str, body: dict[str, Any]) -> Answer:
    """Begin a change and return the operation as it begins; its ``ID`` is '' if none was needed.

    Raises:
        Error: as ``Client``.
    """
    return client.put(f"{path}?wait=0s", body, timeout=PATIENT)


def place_of(name: str) -> str:
    """Return an operation's path."""
    return f"{OPERATIONS}/{quote(name, safe='')}"


def listed(client: Client) -> tuple[OperationAnswer, ...]:
    """Return every operation on record, oldest first. Raises as ``Client``."""
    rows = client.get(OPERATIONS).decoded(tuple[OperationAnswer, ...])
    return tuple(sorted(rows, key=_started))


def _started(row: OperationAnswer) -> str:
    return row.history[0].at if row.history else ""


def looked_up(client: Client, name: str) -> OperationAnswer:
    """Return an operation as it stands. Raises as ``Client``."""
    return client.get(place_of(name)).decoded(OperationAnswer)


def named(client: Client, name: str | None, fits: Callable[[OperationAnswer], bool]) -> str:
    """Return the name that was typed, else the newest operation's that fits.

    Raises:
        NotFoundError: none fits.
        Error: as ``Client``.
    """
    if name is not None:
        return name
    found = next((row.id for row in reversed(listed(client)) if fits(row)), None)
    if found is None:
        hint = "`ca-core ca operations` lists them all"
        raise NotFoundError("no operation is open to that now", field="operation", hint=hint)
    return found


def newest_active(client: Client) -> str:
    """Return the newest operation that became active, if it can be rolled back.

    One that was rolled back already is not passed over: the same words twice undo one change.

    Raises:
        NotFoundError: it cannot be, or there is none.
        Error: as ``Client``.
    """
    became = (
        row for row in reversed(listed(client)) if any(s.phase == "active" for s in row.history)
    )
    newest = next(became, None)
    if newest is not None and newest.can_roll_back:
        return newest.id
    hint = "`ca-core ca operations` lists them all; name an older one to undo that"
    said = "no operation has become active" if newest is None else f"{newest.id} is {newest.phase}"
    raise NotFoundError(f"nothing to roll back: {said}", field="operation", hint=hint)


@dataclass(frozen=True, slots=True)
class OperationShown:
    """One state of an operation, for a screen."""

    row: OperationAnswer

    def lines(self) -> Iterator[Styled]:
        """Yield the whole of it."""
        return operation_lines(self.row)

    def change(self) -> str:
        """Return what matters of it in one line."""
        return change_line(self.row)

    def as_json(self) -> Any:
        """Return it as the API gives it."""
        return msgspec.to_builtins(self.row)


def followed(client: Client, name: str, screen: Screen, sleep: Sleep) -> Answer:
    """Show an operation until it is over; return the last answer about it.

    Raises:
        Error: as ``Client``; a server that does not answer is waited for first.
    """
    path = place_of(name)
    for answer in answers(lambda index: _asked(client, path, index), sleep):
        row = answer.decoded(OperationAnswer)
        screen.show(OperationShown(row))
        if not is_open(row):
            return answer
    raise AssertionError  # pragma: no cover - answers never end


def answers(ask: Callable[[int], Answer], sleep: Sleep) -> Iterator[Answer]:
    """Yield answers for ever, each asked for after the index of the one before.

    Raises:
        Error: as ``Client``; a server that does not answer is waited for first.
    """
    index, lost = 0, 0
    while True:
        try:
            answer = ask(index)
        except Error as error:
            lost += 1
            if not _may_come_back(error) or lost > LOST_TRIES:
                raise
            index = 0
            sleep(1)
            continue
        index, lost = answer.index, 0
        yield answer
        sleep(PAUSE)


def _may_come_back(error: Error) -> bool:
    return isinstance(error, UnreachableError) or exit_code_of(error) is ExitCode.NOT_READY


def _asked(client: Client, path: str, index: int) -> Answer:
    return client.get(path, {"index": str(index), "wait": WAIT} if index else None)


def require_active(row: OperationAnswer) -> None:
    """Refuse an operation that ended before it was active.

    Raises:
        UnfinishedError: it was aborted, or it failed.
    """
    if row.phase != "active":
        raise UnfinishedError(
            f"operation {row.id} {row.phase}: {row.reason or 'no reason is on record'}",
            hint="the CA is as it was before; `ca-core ca plan` says what stands against it",
        )

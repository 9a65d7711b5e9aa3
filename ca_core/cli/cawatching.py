"""``ca status --watch``: the open operation and what drains, as they are now."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from ca_core.cli.client import Answer, Client
from ca_core.cli.operation_view import change_line, is_open, operation_lines
from ca_core.cli.operations import OPERATIONS, WAIT, Sleep, answers
from ca_core.cli.options import Output
from ca_core.cli.screen import Styled, screen_for_people, screen_for_programs
from ca_core.cli.times import relative_text
from ca_core.wire.operations import OperationAnswer

STATUS = "/v1/cluster/ca/status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One state of the CA.

    Attributes:
        status: as the API answers it.
        operation: the open one, else the newest one, else None.
    """

    status: dict[str, Any]
    operation: OperationAnswer | None

    @property
    def draining(self) -> list[dict[str, Any]]:
        """Return the authorities that leave."""
        return [one for one in self.status["Authorities"] if one["Phase"] == "draining"]

    @property
    def leftovers(self) -> list[dict[str, Any]]:
        """Return what backends still hold of what is gone."""
        return list(self.status.get("Leftovers", ()))

    @property
    def faults(self) -> list[str]:
        """Return what is not as it should be: nothing signs, the file drifted, overdue."""
        found = [("overdue", self.status.get("Overdue")), ("file", self.status.get("Drift"))]
        told = [f"{name}: {said}" for name, said in found if said]
        if self.status.get("Ready", True):
            return told
        return [f"signs: no, {self.status.get('Reason') or 'no reason is known'}", *told]

    @property
    def is_quiet(self) -> bool:
        """Say whether nothing changes any more."""
        return not self.draining and (self.operation is None or not is_open(self.operation))

    def lines(self) -> Iterator[Styled]:
        """Yield the operation, then every authority."""
        if self.operation is not None:
            yield from operation_lines(self.operation)
        yield from (("yellow", fault) for fault in self.faults)
        yield "bold", "authorities"
        for one in self.status["Authorities"]:
            yield ("dim" if one["Phase"] == "draining" else ""), f"  {_authority_text(one)}"
        for one in self.leftovers:
            since = relative_text(one["Since"])
            yield "yellow", f"  left behind {since}: {_leftover_text(one)}"
        if self.is_quiet:
            yield "green", "nothing changes"

    def change(self) -> str:
        """Return the operation, then what drains, in one line."""
        parts = [change_line(self.operation)] if self.operation is not None else []
        parts += self.faults
        parts += [_authority_text(one) for one in self.draining]
        parts += [f"left behind: {_leftover_text(one)}" for one in self.leftovers]
        return "; ".join([*parts, *(["nothing changes"] if self.is_quiet else [])])

    def as_json(self) -> Any:
        """Return the status, with the operation beside it."""
        return self.status | {"Operation": msgspec.to_builtins(self.operation)}


def _authority_text(one: dict[str, Any]) -> str:
    leaves = f"{one['Leaves']} leaves" + ("" if one["Complete"] else " or more")
    until = f", the last ends {relative_text(one['Ceiling'])}" if one["Ceiling"] else ""
    return f"{one['Phase']} {one['ID']} ({one['Provider']}): {leaves}{until}"


def _leftover_text(one: dict[str, Any]) -> str:
    """Return what a backend still holds, and why."""
    return f"{one['Key']} ({one['Error'] or 'being removed'})"


def watch(client: Client, output: Output, *, until_done: bool, sleep: Sleep = time.sleep) -> None:
    """Show how the CA stands whenever that changes, for ever or until nothing does.

    Raises:
        Error: as ``Client``; a server that does not answer is waited for first.
    """
    screen = screen_for_programs() if output is Output.JSON else screen_for_people()
    with screen:
        for answer in answers(lambda index: _asked(client, index), sleep):
            state = _state(client, answer)
            screen.show(state)
            if until_done and state.is_quiet:
                return


def _asked(client: Client, index: int) -> Answer:
    return client.get(OPERATIONS, {"index": str(index), "wait": WAIT} if index else None)


def _state(client: Client, answer: Answer) -> Watched:
    rows = answer.decoded(tuple[OperationAnswer, ...])
    status = client.get(STATUS).decoded(dict[str, Any])
    return Watched(status=status, operation=_meant(rows))


def _meant(rows: Iterable[OperationAnswer]) -> OperationAnswer | None:
    """Return the open operation, else the newest."""
    newest = sorted(rows, key=lambda row: (is_open(row), row.history[0].at if row.history else ""))
    return newest[-1] if newest else None

"""What the commands that change who signs do; imported when they run."""

import sys
import time
from dataclasses import dataclass
from typing import Any

import msgspec
import typer

from ca_core.cli import operations
from ca_core.cli.asking import confirm, require_answer
from ca_core.cli.client import PATIENT, Answer, Client
from ca_core.cli.exitcodes import ExitCode
from ca_core.cli.failures import UnfinishedError
from ca_core.cli.leaf_actions import content_of
from ca_core.cli.operation_view import title
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json, print_lines, progress
from ca_core.cli.plan_view import show_plan
from ca_core.cli.screen import Screen, Unseen, screen_for_people
from ca_core.cli.wanted import Asked, wanted
from ca_core.errors import ConfigError
from ca_core.wire.operations import OperationAnswer, PlanAnswer

CONFIGURATION = "/v1/connect/ca/configuration"

_NONE = "none"

_UNNEEDED = {
    _NONE: "Nothing changes: this is the configuration that stands.",
    "taint": "It signs no more already; now it leaves every bundle within minutes.",
}
"""What is said where no operation was needed, by its kind."""


_ROTATED = " Leaves are re-issued by themselves; the old root stays trusted meanwhile."

_AFTERWARDS = {
    "swap": _ROTATED,
    "rotate": _ROTATED,
    "taint": " Leaves are re-issued by themselves; the old root leaves every bundle in minutes.",
}
"""What goes on once an operation is active, by its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a command goes about it: asks or not, follows or not, speaks to whom."""

    yes: bool
    detach: bool
    output: Output
    sleep: operations.Sleep = time.sleep

    def screen(self) -> Screen:
        """Return where progress is shown: to people only."""
        return screen_for_people() if self.output is Output.TABLE else Unseen()


def plan(client: Client, asked: Asked, wishes: dict[str, Any], output: Output) -> bool:
    """Show what a change would do; say whether it would go. Raises as ``Client``."""
    found, as_it_came = _planned(client, wanted(asked, client) | {"Wishes": wishes})
    if output is Output.JSON:
        print_json(as_it_came)
    else:
        show_plan(found, is_forced=bool(wishes.get("Force")))
        if found.kind != _NONE and not found.blockers:
            print_lines("\nNothing was changed. Next: `ca-core ca apply` with the same options.")
    return not found.blockers


def apply(client: Client, asked: Asked, wishes: dict[str, Any], manner: Manner) -> None:
    """Plan, ask, begin, follow.

    Raises:
        UnfinishedError: it would not go, was not confirmed, or ended before it was active.
        Error: as ``Client``.
    """
    require_answer(manner.output, yes=manner.yes)
    body = wanted(asked, client) | {"Wishes": wishes}
    found, _ = _planned(client, body)
    if found.kind != _NONE:
        _ask(found, manner, is_forced=bool(wishes.get("Force")))
    begin(client, operations.APPLY, body, manner)


def _ask(found: PlanAnswer, manner: Manner, *, is_forced: bool) -> None:
    """Show the plan, refuse what would not go, and ask about the rest."""
    if manner.output is Output.TABLE:
        show_plan(found, is_forced=is_forced)
    _refuse_blocked(found)
    confirm("Apply it?", yes=manner.yes)


def _planned(client: Client, body: dict[str, Any]) -> tuple[PlanAnswer, Any]:
    with progress("asking the provider what would change"):
        return operations.planned(client, body)


def _refuse_blocked(found: PlanAnswer) -> None:
    if found.blockers:
        raise UnfinishedError(
            f"it would not go: {'; '.join(found.blockers)}",
            hint="`ca-core ca plan` shows the whole of it",
        )


def begin(client: Client, path: str, body: dict[str, Any], manner: Manner) -> None:
    """Begin an operation and follow it, or say how to.

    Raises:
        UnfinishedError: it ended before it was active.
        Error: as ``Client``.
    """
    answer = operations.begun(client, path, body)
    row = answer.decoded(OperationAnswer)
    if row.id and not manner.detach:
        _say_over(follow(client, row.id, manner), manner)
    elif manner.output is Output.JSON:
        print_json(answer.json())
    elif row.id:
        _say_begun(row)
    else:
        print_lines(_UNNEEDED.get(row.kind, _UNNEEDED[_NONE]))


def _say_begun(row: OperationAnswer) -> None:
    steps = [("follow it", "ca-core ca status --watch"), ("end it", f"ca-core ca abort {row.id}")]
    print_facts([("begun", title(row)), *steps])


def follow(client: Client, name: str, manner: Manner) -> Answer:
    """Show an operation until it is over, and return the last answer about it.

    Ctrl-C leaves it running and says how to look again.

    Raises:
        Error: as ``Client``.
    """
    try:
        with manner.screen() as screen:
            return operations.followed(client, name, screen, manner.sleep)
    except KeyboardInterrupt:
        sys.stderr.write(
            f"\noperation {name} goes on\n"
            f"next:  `ca-core ca status --watch` follows it, `ca-core ca abort {name}` ends it\n"
        )
        raise typer.Exit(int(ExitCode.INTERRUPTED)) from None


def _say_over(answer: Answer, manner: Manner) -> None:
    """Say how an operation ended, and what can be done next."""
    row = answer.decoded(OperationAnswer)
    if manner.output is Output.JSON:
        print_json(answer.json())
    operations.require_active(row)
    if manner.output is Output.TABLE:
        print_lines(_farewell(row))


def _farewell(row: OperationAnswer) -> str:
    done = f"Done.{_AFTERWARDS.get(row.kind, '')}"
    if not row.can_roll_back:
        return done
    return f"{done}\nNext: `ca-core ca status --watch`; back: `ca-core ca rollback {row.id}`"


def set_config(client: Client, file: str, manner: Manner) -> None:
    """Put a document of Consul's API; follow what it began, should that take long.

    Raises:
        ConfigError: the file cannot be read, or holds no JSON object.
        UnfinishedError: it ended before it was active.
        Error: as ``Client``.
    """
    document = _document(file)
    path = f"{CONFIGURATION}?wait=0s" if manner.detach else CONFIGURATION
    with progress("changing the configuration"):
        answer = client.put(path, document, timeout=PATIENT)
    name = answer.headers.get("location", "").rpartition("/")[2]
    if name and not manner.detach:
        operations.require_active(follow(client, name, manner).decoded(OperationAnswer))
    _say_set(client, name, manner)


def _say_set(client: Client, name: str, manner: Manner) -> None:
    active = not name or operations.looked_up(client, name).phase == "active"
    if manner.output is Output.JSON:
        print_json({"Operation": name, "Active": active})
        return
    state = "it stands" if active else "begun; follow it with `ca-core ca status --watch`"
    print_facts([("configuration", state), *([("operation", name)] if name else [])])


def _document(file: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content_of(file), type=dict[str, Any])
    except msgspec.MsgspecError:
        raise ConfigError(
            "not a JSON object",
            where=file,
            hint="`ca-core ca get-config --output json` prints one to begin with",
        ) from None

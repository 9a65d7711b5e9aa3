"""What the commands about operations do; imported when they run."""

from typing import Any

from ca_core.cli import operations
from ca_core.cli.asking import confirm, require_answer
from ca_core.cli.castatus import STATUS
from ca_core.cli.changing_actions import Manner, begin
from ca_core.cli.client import Answer, Client
from ca_core.cli.failures import AnsweredError
from ca_core.cli.operation_view import COLUMNS, is_open, operation_lines, short_row, title
from ca_core.cli.options import Output
from ca_core.cli.output import print_json, print_lines, print_table
from ca_core.cli.plan_view import COPIES, show_broken
from ca_core.errors import NotFoundError
from ca_core.wire.leftovers import LeftoverAnswer
from ca_core.wire.operations import OperationAnswer

ROTATE, RENEW, TAINT = (f"/v1/connect/ca/{name}" for name in ("rotate", "renew", "taint"))
ABANDON = "/v1/connect/ca/abandon"

_TAINT_MEANS = """\
compromised:
  1. if it signs, a new root is made, and every agent is told of it before it signs
  2. every leaf of it is re-issued
  3. its root leaves every bundle within minutes, and with it whoever still presents its leaves
There is no way back."""


def rotate(client: Client, wishes: dict[str, Any], manner: Manner) -> None:
    """Begin a rotation, after a question if it is by force. Raises as ``begin``."""
    if wishes.get("Force"):
        require_answer(manner.output, yes=manner.yes)
        _show_broken(client, manner.output)
        confirm("Rotate by force?", yes=manner.yes)
    begin(client, ROTATE, wishes, manner)


def renew(client: Client, manner: Manner) -> None:
    """Begin the renewal of the signer. Raises as ``begin``."""
    begin(client, RENEW, {}, manner)


def taint(client: Client, authority: str | None, wishes: dict[str, Any], manner: Manner) -> None:
    """Say what it means, ask, begin; without a name it is the authority that signs.

    Raises as ``begin``.
    """
    require_answer(manner.output, yes=manner.yes)
    if authority:
        hint = "`ca-core ca status` lists them all"
        missing = NotFoundError(f"no authority {authority!r}", field="Authority", hint=hint)
        _require_listed(client, ("Authorities", "ID", authority), missing)
    if manner.output is Output.TABLE:
        print_lines(f"{authority or 'The authority that signs now'} is declared {_TAINT_MEANS}")
    if wishes.get("Force"):
        _show_broken(client, manner.output)
    confirm("Shall it go?", yes=manner.yes)
    named = {"Authority": authority} if authority else {}
    begin(client, TAINT, wishes | named, manner)


def _require_listed(client: Client, named: tuple[str, str, str], missing: NotFoundError) -> None:
    """Look whether there is such a thing, before anybody is asked about it.

    Args:
        client: asks for the status.
        named: table of the status, key of its rows, and what must stand there in one of them.
        missing: raised if it does not.

    Raises:
        Error: ``missing``, or as ``Client``.
    """
    table, key, name = named
    try:
        listed = client.get(STATUS).decoded(dict).get(table, ())
    except AnsweredError:
        return  # who may not look is answered by the change itself
    if name not in {one[key] for one in listed}:
        raise missing


def _show_broken(client: Client, output: Output) -> None:
    """List what a new root by force breaks, as the plan of one with another key knows it."""
    if output is Output.JSON:
        return
    standing = client.get(operations.SETTINGS).decoded(dict)["Settings"]
    body = {"Settings": standing | _another_key(standing), "Wishes": {"Force": True}}
    found, _ = operations.planned(client, body)
    show_broken((*found.warnings, COPIES))


def _another_key(standing: dict[str, Any]) -> dict[str, Any]:
    """Return a key that the CA has not: the smallest difference that needs another root."""
    has_256 = (standing.get("key_type"), standing.get("key_bits")) == ("ec", 256)
    return {"key_type": "ec", "key_bits": 384 if has_256 else 256}


def show(client: Client, name: str | None, output: Output) -> None:
    """List every operation, or show one. Raises as ``Client``."""
    if name is not None:
        _show(client.get(operations.place_of(name)), output)
    elif output is Output.JSON:
        print_json(client.get(operations.OPERATIONS).json())
    else:
        empty = "Nothing was changed yet. `ca-core ca plan --help` shows how that is done."
        print_table(COLUMNS, [short_row(row) for row in operations.listed(client)], empty=empty)


def _show(answer: Answer, output: Output) -> None:
    if output is Output.JSON:
        print_json(answer.json())
        return
    for style, line in operation_lines(answer.decoded(OperationAnswer)):
        print_lines(line, style=style)


def abort(client: Client, name: str | None, output: Output) -> None:
    """End an operation that is not active. Raises as ``Client``."""
    found = operations.named(client, name, is_open)
    answer = client.put(f"{operations.place_of(found)}/abort")
    if output is Output.JSON:
        print_json(answer.json())
        return
    row = answer.decoded(OperationAnswer)
    print_lines(f"{title(row)}: {row.phase}; everything is as it was before")


def roll_back(client: Client, name: str | None, output: Output, *, yes: bool) -> None:
    """Let the old signer sign again. Raises as ``Client``, and if it was not confirmed."""
    require_answer(output, yes=yes or name is not None)
    found = operations.newest_active(client) if name is None else name
    if name is None:
        confirm(f"Roll back {title(operations.looked_up(client, found))}?", yes=yes)
    answer = client.put(f"{operations.place_of(found)}/rollback")
    if output is Output.JSON:
        print_json(answer.json())
        return
    row = answer.decoded(OperationAnswer)
    former = "the former configuration stands again"
    if row.old_signer != row.new_signer:
        former = f"the former signer ({row.old_provider}) signs again"
    print_lines(f"{title(row)}: {row.phase}; {former}")


def abandon(client: Client, key: str, output: Output, *, yes: bool) -> None:
    """Give up what a backend holds. Raises as ``Client``, and if it was not confirmed."""
    require_answer(output, yes=yes)
    hint = "`ca-core ca status` lists what is"
    missing = NotFoundError(f"nothing is left behind of {key!r}", field="key", hint=hint)
    _require_listed(client, ("Leftovers", "Key", key), missing)
    confirm(f"Leave what is left of {key} where it is, for ever?", yes=yes)
    answer = client.put(ABANDON, {"Key": key})
    if output is Output.JSON:
        print_json(answer.json())
        return
    row = answer.decoded(LeftoverAnswer)
    print_lines(f"what is left of {row.key} was given up; it was not removed: {row.error}")

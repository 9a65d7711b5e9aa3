"""``ca-core intention list | get | match | check``."""

from typing import Annotated

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.intention_options import Destination, MaybeDestination, Source, SourceOrId
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption
from ca_core.cli.teaching import TaughtCommand


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group ``intention``."""
    for command, name, epilog in (
        (check, "check", _CHECK_EPILOG),
        (match, "match", _MATCH_EPILOG),
        (get, "get", _GET_EPILOG),
        (list_all, "list", _LIST_EPILOG),
    ):
        app.command(name, cls=TaughtCommand, epilog=epilog)(command)


_CHECK_EPILOG = """
Examples:
  ca-core intention check web db && echo yes
  ca-core intention check web db --output json | jq -r .Reason

Ends with 0 if it may, with 1 if it may not. One that looks at requests denies here: no request is
known yet.
Next: `ca-core intention match DST` lists what was looked at.
"""


def check(
    source: Source,
    destination: Destination,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask whether a service may connect to another, and why."""
    from ca_core.cli import intention_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        allowed = actions.check(client, source, destination, output)
    raise typer.Exit(0 if allowed else 1)


_MATCH_EPILOG = """
Examples:
  ca-core intention match db              who may connect to db, in order
  ca-core intention match --source web    to whom web may connect

The first line that fits decides; those for `*` are among them.
"""


def match(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A service: svc, ns/svc, or '*'.")],
    source: Annotated[
        bool, typer.Option("--source", help="The intentions where it connects.")
    ] = False,
    destination: Annotated[
        bool, typer.Option("--destination", help="Those where it is connected to; the default.")
    ] = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List everything that counts for a service, in order."""
    from ca_core.cli import intention_actions as actions  # noqa: PLC0415 - help needs none of it

    by = actions.side_of(source=source, destination=destination)
    with server_client(http_addr, token) as client:
        actions.match(client, by, name, output)


_GET_EPILOG = """
Examples:
  ca-core intention get web db
  ca-core intention get 70d39c74-acf8-4511-8ce3-72916ffabf7d
  ca-core intention get web db --output json | jq .Permissions
"""


def get(
    source: SourceOrId,
    destination: MaybeDestination = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the intention of exactly these names."""
    from ca_core.cli import intention_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.get(client, source, destination, output)


_LIST_EPILOG = """
Examples:
  ca-core intention list
  ca-core intention list --output json > intentions.json

They stand as they are evaluated: the higher precedence first.
Next: `ca-core intention create SRC DST`.
"""


def list_all(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List every intention that you may read."""
    from ca_core.cli import intention_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.list_all(client, output)

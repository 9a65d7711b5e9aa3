"""``ca-core intention create | delete``."""

from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.intention_options import Destination, MaybeDestination, Source, SourceOrId
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption
from ca_core.cli.teaching import TaughtCommand


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group ``intention``."""
    for command, epilog in ((create, _CREATE_EPILOG), (delete, _DELETE_EPILOG)):
        app.command(cls=TaughtCommand, epilog=epilog)(command)


_CREATE_EPILOG = """
Examples:
  ca-core intention create web db                   web may connect to db
  ca-core intention create --deny '*' db            nobody else may (quote the star)
  ca-core intention create --replace --deny web db
  ca-core intention create web api --permissions api.json
  ca-core intention create --dry-run --deny '*' db  what would that newly deny?
  ca-core intention create --deny --observe '*' '*' count what it would deny, and deny nothing

api.json is a list, the first that matches a request decides:
  [{"Action": "deny",  "HTTP": {"PathPrefix": "/admin"}},
   {"Action": "allow", "HTTP": {"PathPrefix": "/", "Methods": ["GET"]}}]

Next: `ca-core intention check SRC DST`.
"""


def create(
    source: Source,
    destination: Destination,
    allow: Annotated[bool, typer.Option("--allow", help="It may; the default.")] = False,
    deny: Annotated[bool, typer.Option("--deny", help="It may not.")] = False,
    permissions: Annotated[
        Path | None,
        typer.Option("--permissions", metavar="FILE", help="What it may ask for, as JSON."),
    ] = None,
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="Why it is so.")
    ] = "",
    meta: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="KEY=VALUE", help="A note for programs; repeatable."),
    ] = None,
    observe: Annotated[
        bool, typer.Option("--observe", help="Count and log it, and enforce nothing.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over the one that there is.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would newly allow and deny, no more.")
    ] = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say whether a service may connect to another."""
    from ca_core.cli import intention_actions as actions  # noqa: PLC0415 - help needs none of it
    from ca_core.cli import intention_proofs as proofs  # noqa: PLC0415 - as above

    body = actions.body_of(
        actions.action_of(allow=allow, deny=deny, permissions=permissions),
        description=description,
        meta=meta or [],
        observe=observe,
    )
    with server_client(http_addr, token) as client:
        if dry_run:
            proofs.dry_run(client, (source, destination), body, output)
            return
        actions.create(client, (source, destination), body, output, replace=replace)


_DELETE_EPILOG = """
Examples:
  ca-core intention delete web db
  ca-core intention delete 70d39c74-acf8-4511-8ce3-72916ffabf7d

What counts afterwards is the next one that matches, else the default.
Next: `ca-core intention check SRC DST`.
"""


def delete(
    source: SourceOrId,
    destination: MaybeDestination = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Remove an intention; one that is not there is no error."""
    from ca_core.cli import intention_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.delete(client, source, destination, output)

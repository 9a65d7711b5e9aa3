"""``ca-core intention authorize``: ask this host's agent, as a program on the connection's end."""

from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.connect import agent_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption
from ca_core.cli.teaching import TaughtCommand

_EPILOG = """
Examples:
  ca-core intention authorize db spiffe://TRUST-DOMAIN/ns/default/dc/dc1/svc/web
  ca-core intention authorize db SPIFFE-ID --cert client.pem      verify its certificate too

Ends with 0 if it may, with 1 if it may not. It asks the agent, and needs `service:write` on TARGET.
Next: `ca-core intention explain SRC DST` shows what was looked at, and why.
"""


def add_to(app: typer.Typer) -> None:
    """Add this command to the group ``intention``."""
    app.command("authorize", cls=TaughtCommand, epilog=_EPILOG)(authorize)


def authorize(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The service connected to.")],
    identity: Annotated[
        str, typer.Argument(metavar="SPIFFE-ID", help="The URI in the client's certificate.")
    ],
    cert: Annotated[
        Path | None,
        typer.Option("--cert", metavar="FILE", help="The client's chain, PEM, to be verified."),
    ] = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the agent whether a client may connect to a service of this host, and why."""
    from ca_core.cli import intention_actions as actions  # noqa: PLC0415 - help needs none of it

    with agent_client(http_addr, token) as client:
        allowed = actions.authorize(client, target, identity, cert, output)
    raise typer.Exit(0 if allowed else 1)

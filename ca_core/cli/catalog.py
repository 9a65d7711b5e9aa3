"""``ca-core catalog``: what is registered in the mesh, where, and how healthy it is."""

from typing import Annotated

import typer

from ca_core.cli.connect import agent_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.teaching import TaughtCommand

app = command_app(
    "Show which services are registered, on which nodes, and how healthy they are.",
    examples="""
Examples:
  ca-core catalog services            every service, with its tags
  ca-core catalog service web         where web runs, and how healthy each instance is
  ca-core catalog nodes               every node, and whether its agent calls

You see what your rights let you: service:read on a service, node:read on its node.
""",
)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core catalog services
  ca-core catalog services --output json | jq -r 'keys[]'

Next: `ca-core catalog service NAME`.
""",
)
def services(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List every service, with the tags that its instances have."""
    from ca_core.cli import catalog_actions as actions  # noqa: PLC0415 - help needs none of it

    with agent_client(http_addr, token) as client:
        actions.services(client, output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core catalog service web
  ca-core catalog service web --passing --tag v2
  ca-core catalog service web --connect     what callers of web connect to: its proxies

An instance is as healthy as the worst of its checks and of its node's.
""",
)
def service(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the service.")],
    passing: Annotated[
        bool, typer.Option("--passing", help="Only instances of which every check passes.")
    ] = False,
    connect: Annotated[
        bool, typer.Option("--connect", help="Those that take mTLS for it: proxies, native ones.")
    ] = False,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Only with this tag; may be repeated."),
    ] = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show where a service runs, and how healthy each instance is."""
    from ca_core.cli import catalog_actions as actions  # noqa: PLC0415 - help needs none of it

    place = actions.place_of(name, connect=connect, passing=passing, tags=tag or ())
    with agent_client(http_addr, token) as client:
        actions.service(client, place, output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core catalog nodes
  ca-core catalog nodes --output json | jq -r '.[].Node'
""",
)
def nodes(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List every node, and whether its agent calls."""
    from ca_core.cli import catalog_actions as actions  # noqa: PLC0415 - help needs none of it

    with agent_client(http_addr, token) as client:
        actions.nodes(client, output)

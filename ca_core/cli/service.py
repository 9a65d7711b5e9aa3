"""``ca-core service``: what is registered with the agent of this host."""

from typing import Annotated

import typer

from ca_core.cli.connect import agent_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.teaching import TaughtCommand

app = command_app(
    "Register services with the agent of this host, and see how they are.",
    examples="""
Examples:
  ca-core service register --name web --port 8080 --http http://127.0.0.1:8080/health
  ca-core service register --name web --port 8080 --sidecar
  ca-core service register web.json      the body of Consul's API, or its service definition
  ca-core service list
  ca-core service deregister web

A service that shall always be here stands under [[services]] in the configuration.
""",
)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core service register --name web --port 8080 --tcp 127.0.0.1:8080
  ca-core service register --name web --port 8080 --ttl 30s
  ca-core service register --name web --id web-2 --port 8081 --tag v2 --meta owner=shop --native
  ca-core service register web.json

Needs service:write on the name, and with --sidecar on NAME-sidecar-proxy.
Next: `ca-core service list`; with --ttl, `ca-core check pass service:ID` before it ends.
""",
)
def register(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="JSON, or TOML as in the configuration; - reads it."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the service.")
    ] = None,
    instance_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Of this instance. Default: the name.")
    ] = None,
    port: Annotated[int, typer.Option("--port", metavar="PORT", help="Where it listens.")] = 0,
    address: Annotated[
        str, typer.Option("--address", metavar="ADDRESS", help="Default: that of this node.")
    ] = "",
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="May be repeated.")
    ] = None,
    meta: Annotated[
        list[str] | None, typer.Option("--meta", metavar="KEY=VALUE", help="May be repeated.")
    ] = None,
    native: Annotated[
        bool, typer.Option("--native", help="It speaks mTLS itself: callers of the mesh find it.")
    ] = False,
    sidecar: Annotated[
        bool, typer.Option("--sidecar", help="Register a proxy beside it, on a free port.")
    ] = False,
    http: Annotated[
        str | None, typer.Option("--http", metavar="URL", help="Healthy while this answers 2xx.")
    ] = None,
    tcp: Annotated[
        str | None, typer.Option("--tcp", metavar="HOST:PORT", help="Healthy while this accepts.")
    ] = None,
    ttl: Annotated[
        str | None, typer.Option("--ttl", metavar="SPAN", help="Healthy while it says so itself.")
    ] = None,
    interval: Annotated[
        str, typer.Option("--interval", metavar="SPAN", help="Between two runs of a check.")
    ] = "10s",
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Register services of this host: those of a file, or one that is described here."""
    from ca_core.cli import service_actions as actions  # noqa: PLC0415 - help needs none of it
    from ca_core.cli import service_bodies as bodies  # noqa: PLC0415 - help needs none of it

    described = bodies.Described(
        name=name or "",
        id=instance_id or "",
        port=port,
        address=address,
        tags=tuple(tag or ()),
        meta=tuple(meta or ()),
        native=native,
        sidecar=sidecar,
        checks=bodies.checks_of(http=http, tcp=tcp, ttl=ttl, interval=interval),
    )
    wanted = bodies.wanted_bodies(file, described)
    with agent_client(http_addr, token) as client:
        actions.register(client, wanted, output)


@app.command(
    "list",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core service list
  ca-core service list --output json | jq -r '.[] | select(.Health != "passing") | .ID'

Next: `ca-core check list` tells why one is not passing; `ca-core catalog service NAME` shows those
of other hosts.
""",
)
def list_(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the services of this host that you may see, and how healthy each is."""
    from ca_core.cli import service_actions as actions  # noqa: PLC0415 - help needs none of it

    with agent_client(http_addr, token) as client:
        actions.show_services(client, output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core service deregister web

Its checks and its sidecar go with it. One of the configuration comes back with its next reading.
""",
)
def deregister(
    instance_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the instance.")],
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take a service of this host out of the mesh."""
    from ca_core.cli import service_actions as actions  # noqa: PLC0415 - help needs none of it

    with agent_client(http_addr, token) as client:
        actions.deregister(client, instance_id, output)

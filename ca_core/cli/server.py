"""``ca-core server``: the process that owns the state."""

from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.options import ConfigOption, command_app
from ca_core.cli.teaching import TaughtCommand

app = command_app()


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core server --data-dir /var/lib/ca-core/server
  ca-core server --config /etc/ca-core/ca-core.toml
  CA_CORE_CA__LEAF_TTL=24h ca-core server --data-dir ./data

Next: ca-core token join --node NODE   makes the token with which an agent joins.
SIGTERM and Ctrl-C stop it cleanly; a start never changes a standing authority.
""",
)
def server(
    listen: Annotated[
        list[str] | None,
        typer.Option("--listen", metavar="HOST:PORT", help="For agents (TLS); may be repeated."),
    ] = None,
    advertise: Annotated[
        list[str] | None,
        typer.Option("--advertise", metavar="NAME", help="Name or IP of this server; repeatable."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", metavar="DIR", help="Folder of the state.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Run the server: the authority and its state."""
    from ca_core.cli import running  # noqa: PLC0415 - help needs neither server nor provider

    flags = {"server.listen": listen, "server.advertise": advertise, "server.data_dir": data_dir}
    running.server(file=config, flags=flags)

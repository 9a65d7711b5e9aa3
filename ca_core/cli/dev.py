"""``ca-core dev``: a whole certificate authority in one process, for trying things."""

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
  ca-core dev                                 on http://127.0.0.1:8500, in memory
  ca-core dev --data-dir ./data               keeps its root and its leaves' record
  ca-core dev --listen 127.0.0.1:8600
  CA_CORE_LOG__LEVEL=debug ca-core dev        shows what it does

Everybody on this machine may have every leaf: it is for trying things, not for production.
Next, in another terminal: ca-core leaf get web --out web
""",
)
def dev(
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Loopback address, or unix:PATH.")
    ] = "127.0.0.1:8500",
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="Keep the state here. Default: in memory."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Run server and agent in one process, on this machine, for trying things."""
    from ca_core.cli import running  # noqa: PLC0415 - help needs neither server nor provider

    running.dev(listen=listen, data_dir=data_dir, file=config)

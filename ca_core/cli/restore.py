"""``ca-core restore``: a server's state from a backup."""

from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.options import Output, OutputOption, command_app
from ca_core.cli.output import print_facts, print_json, print_lines, progress
from ca_core.cli.teaching import TaughtCommand

app = command_app()


@app.command(
    cls=TaughtCommand,
    epilog="""
Example:
  ca-core restore ca-core-2026-11-22.backup --data-dir /var/lib/ca-core/server

It refuses a folder that holds a state already. The restored cluster has a new epoch: every watcher
begins again. Put the key-encryption key beside the folder (<data_dir>.kek) before you start it.
""",
)
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made by `ca-core backup`.")],
    data_dir: Annotated[
        Path, typer.Option("--data-dir", metavar="DIR", help="Where the state is made.")
    ],
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a server's state from a backup."""
    from ca_core.cli import backup_actions as actions  # noqa: PLC0415 - help needs none of it

    with progress("restoring"):
        restored = actions.restored(file, data_dir)
    keys = list(restored.keys)
    if output is Output.JSON:
        print_json({"DataDir": str(data_dir), "Epoch": restored.epoch, "KeyIDs": keys})
        return
    print_facts(
        [
            ("restored", str(data_dir)),
            ("epoch", restored.epoch),
            ("keys needed", ", ".join(keys) or "none"),
        ]
    )
    key = f"put the key into {data_dir}.kek (mode 0600), then " if keys else ""
    print_lines(f"\nNext: {key}ca-core server --data-dir {data_dir}", style="dim")

"""``ca-core backup``: a running cluster's state in one file."""

from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.output import print_facts, print_json, print_lines, progress
from ca_core.cli.teaching import TaughtCommand

app = command_app()

BACKUP = "/v1/cluster/backup"


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core backup ca-core-2026-11-22.backup
  ca-core backup nightly.backup --output json

The secrets in it stay encrypted. Keep the key-encryption key (<data_dir>.kek) too, somewhere else:
without it a restored server cannot sign. Next: ca-core restore FILE --data-dir DIR
""",
)
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made now; must not exist.")],
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Save a running cluster's state into one file."""
    from ca_core.cli import backup_actions as actions  # noqa: PLC0415 - help needs none of it

    actions.require_free(file)
    with server_client(http_addr, token) as client, progress("saving the cluster"):
        manifest = actions.saved(client, file)
    if output is Output.JSON:
        print_json({"File": str(file), **actions.manifest_json(manifest)})
        return
    print_facts([("file", str(file)), *actions.manifest_facts(manifest)])
    print_lines("\nKeep the key-encryption key as well, apart from this file.", style="dim")

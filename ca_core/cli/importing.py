"""``ca-core import consul``: intentions and CA configuration of a Consul cluster."""

from typing import Annotated

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.teaching import TaughtCommand

app = command_app(
    "Take over what another system has: intentions and CA configuration of Consul.",
    examples="""
Example:
  ca-core import consul --file intentions.json
""",
)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  curl -s $CONSUL_HTTP_ADDR/v1/connect/intentions > intentions.json
  curl -s $CONSUL_HTTP_ADDR/v1/config/service-intentions > entries.json
  consul config read -kind service-intentions -name db > db.json
  curl -s $CONSUL_HTTP_ADDR/v1/connect/ca/configuration > ca.json

  ca-core import consul --file intentions.json     says what it would write, writes nothing
  ca-core import consul --file intentions.json --apply
  ca-core import consul --file ca.json             a plan of the change, never the change

What stands and is not in the files stays. The same again writes nothing. A row that is not served
here (a peer, a sameness group, a requirement on JWTs) is refused with its reason, and the others
go on; ends with 1 if there is one. A refused row counts nowhere: what decides in its place is said.
Next: `ca-core intention list`; of CA configuration `ca-core ca set-config FILE`.
""",
)
def consul(
    files: Annotated[
        list[str],
        typer.Option("--file", metavar="FILE", help="JSON; - reads standard input; repeatable."),
    ],
    apply: Annotated[bool, typer.Option("--apply", help="Write the intentions.")] = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take over intentions and CA configuration that were exported from Consul."""
    from ca_core.cli import import_actions as actions  # noqa: PLC0415 - help needs none of it
    from ca_core.cli.import_reading import read_exports  # noqa: PLC0415 - help needs none of it

    export = read_exports(files)
    with server_client(http_addr, token) as client:
        is_whole = actions.take_over(client, export, output, apply=apply)
    raise typer.Exit(0 if is_whole else 1)


@app.callback()
def group() -> None:
    """Take over what another system has: intentions and CA configuration of Consul."""

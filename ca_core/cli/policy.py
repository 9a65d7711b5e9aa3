"""``ca-core policy``: documents of rights, under names."""

from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.teaching import TaughtCommand

app = command_app(
    "Say what tokens may do: documents of rights, under names.",
    examples="""
Examples:
  ca-core policy check web.hcl                    what would it allow? Asks no server
  ca-core policy create web --rules web.hcl
  ca-core token create --policy web
  ca-core policy list

web.hcl, as Consul writes it (JSON and TOML are read too):
  service "web" { policy = "write" }
  service_prefix "" { policy = "read" }
""",
)

Named = Annotated[str, typer.Argument(metavar="NAME", help="The policy's name, or its id.")]

Rules = Annotated[
    Path | None,
    typer.Option("--rules", metavar="FILE", help="The document, in HCL, JSON or TOML; - reads it."),
]

Description = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="What it is for.")
]


@app.callback()
def group() -> None:
    """Say what tokens may do: documents of rights, under names."""


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core policy create web --rules web.hcl
  echo 'service_prefix "" { policy = "read" }' | ca-core policy create see-all --rules -

Next: `ca-core token create --policy NAME`.
""",
)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, - and _.")],
    rules: Rules = None,
    description: Description = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a policy."""
    from ca_core.cli import policy_actions as actions  # noqa: PLC0415 - help needs none of it

    body = actions.body_of(rules, description) | {"Name": name}
    with server_client(http_addr, token) as client:
        actions.create(client, body, output)


@app.command(
    "list",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core policy list
  ca-core policy list --output json | jq -r '.[].Name'

Next: `ca-core policy read NAME`.
""",
)
def list_all(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List every policy."""
    from ca_core.cli import policy_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.list_all(client, output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core policy read web
  ca-core policy read web --output json | jq -r .Rules > web.hcl
""",
)
def read(
    name: Named,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a policy and its document."""
    from ca_core.cli import policy_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.read(client, name, output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core policy update web --rules web.hcl
  ca-core policy update web --name webshop

What is not given stays. Every token that holds it follows at once.
""",
)
def update(
    name: Named,
    rules: Rules = None,
    description: Description = None,
    new_name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Another name.")
    ] = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change a policy, for everybody who holds it."""
    from ca_core.cli import policy_actions as actions  # noqa: PLC0415 - help needs none of it

    body = actions.body_of(rules, description) | ({"Name": new_name} if new_name else {})
    with server_client(http_addr, token) as client:
        actions.update(client, name, body, output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Example:
  ca-core policy delete web

It goes out of every token; what it allowed ends at once.
""",
)
def delete(
    name: Named,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Delete a policy, and take it out of every token."""
    from ca_core.cli import policy_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.delete(client, name, output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core policy check web.hcl
  ca-core policy check web.hcl --output json > web.json     the same as JSON

Asks no server. What is left out of the table is decided by other policies, else the default.
Next: `ca-core policy create NAME --rules FILE`.
""",
)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The document; - reads it.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Say what a document of rights means, or what is wrong with it."""
    from ca_core.cli import policy_actions as actions  # noqa: PLC0415 - help needs none of it

    actions.check(file, output)

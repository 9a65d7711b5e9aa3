"""``ca-core token method | rule``: whose JWTs are believed, and what their logins get."""

from typing import Annotated

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.teaching import TaughtCommand

_METHOD_SUMMARY = "Say whose JWTs are believed: auth methods."
_RULE_SUMMARY = "Say what the logins of an auth method get: binding rules."

methods = command_app(
    _METHOD_SUMMARY,
    examples="""
Examples:
  ca-core token method create ci.json
  ca-core token method list

ci.json, as Consul writes it:
  {"Name": "ci", "Type": "jwt", "Config": {
    "JWKSURL": "https://ci.example/jwks", "BoundIssuer": "https://ci.example",
    "BoundAudiences": ["ca-core"], "ClaimMappings": {"project": "project"}}}

Next: `ca-core token rule create FILE`: without rules no login gets anything.
""",
)

rules = command_app(
    _RULE_SUMMARY,
    examples="""
Examples:
  ca-core token rule create web.json
  ca-core token rule list --method ci

web.json, as Consul writes it:
  {"AuthMethod": "ci", "BindType": "service", "BindName": "${value.project}",
   "Selector": "value.project == \\"web\\""}

Next: `ca-core token login --method NAME --jwt-file FILE`.
""",
)

File = Annotated[str, typer.Argument(metavar="FILE", help="Holds it as JSON; - reads it.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The auth method's name.")]
RuleId = Annotated[str, typer.Argument(metavar="ID", help="The rule's id, a UUID.")]


def add_to(app: typer.Typer) -> None:
    """Add both groups to the group ``token``."""
    app.add_typer(methods, name="method")
    app.add_typer(rules, name="rule")


@methods.callback()
def method_group() -> None:
    """Say whose JWTs are believed: auth methods."""


@rules.callback()
def rule_group() -> None:
    """Say what the logins of an auth method get: binding rules."""


@methods.command(
    "create",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core token method create ci.json
  ca-core token method create - < ci.json

`ca-core token method --help` shows such a file.
Next: `ca-core token rule create FILE`.
""",
)
def create_method(
    file: File,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make an auth method from a document."""
    from ca_core.cli import token_login_actions as actions  # noqa: PLC0415 - help needs none of it

    body = actions.document(file)
    with server_client(http_addr, token) as client:
        actions.create_method(client, body, output)


@methods.command(
    "list",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core token method list
  ca-core token method list --output json | jq -r '.[].Name'
""",
)
def list_methods(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List every auth method."""
    from ca_core.cli import token_login_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.list_methods(client, output)


@methods.command(
    "read",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core token method read ci
  ca-core token method read ci --output json | jq .Config
""",
)
def read_method(
    name: Name,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show an auth method and how it verifies."""
    from ca_core.cli import token_login_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.read_method(client, name, output)


@methods.command(
    "delete",
    cls=TaughtCommand,
    epilog="""
Example:
  ca-core token method delete ci

Its rules go with it, and so do all tokens that its logins made.
""",
)
def delete_method(
    name: Name,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Delete an auth method, its rules and the tokens of its logins."""
    from ca_core.cli import token_login_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.delete_method(client, name, output)


@rules.command(
    "create",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core token rule create web.json
  ca-core token rule create - < web.json

`ca-core token rule --help` shows such a file.
Next: `ca-core token login --method NAME --jwt-file FILE`.
""",
)
def create_rule(
    file: File,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a binding rule from a document."""
    from ca_core.cli import token_login_actions as actions  # noqa: PLC0415 - help needs none of it

    body = actions.document(file)
    with server_client(http_addr, token) as client:
        actions.create_rule(client, body, output)


@rules.command(
    "list",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core token rule list
  ca-core token rule list --method ci
""",
)
def list_rules(
    method: Annotated[
        str, typer.Option("--method", metavar="NAME", help="Only those of this auth method.")
    ] = "",
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List binding rules."""
    from ca_core.cli import token_login_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.list_rules(client, method, output)


@rules.command(
    "read",
    cls=TaughtCommand,
    epilog="""
Example:
  ca-core token rule read 70d39c74-acf8-4511-8ce3-72916ffabf7d
""",
)
def read_rule(
    rule: RuleId,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a binding rule."""
    from ca_core.cli import token_login_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.read_rule(client, rule, output)


@rules.command(
    "delete",
    cls=TaughtCommand,
    epilog="""
Example:
  ca-core token rule delete 70d39c74-acf8-4511-8ce3-72916ffabf7d

Tokens that it gave something stay until they end.
""",
)
def delete_rule(
    rule: RuleId,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Delete a binding rule: later logins get nothing by it."""
    from ca_core.cli import token_login_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.delete_rule(client, rule, output)

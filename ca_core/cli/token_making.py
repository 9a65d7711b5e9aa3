"""``ca-core token bootstrap | create | login``: what answers a secret."""

from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption
from ca_core.cli.teaching import TaughtCommand
from ca_core.cli.token_options import (
    DescriptionOption,
    NodesOption,
    PoliciesOption,
    SecretFileOption,
    ServicesOption,
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group ``token``."""
    for command, epilog in (
        (bootstrap, _BOOTSTRAP_EPILOG),
        (create, _CREATE_EPILOG),
        (login, _LOGIN_EPILOG),
    ):
        app.command(cls=TaughtCommand, epilog=epilog)(command)


_BOOTSTRAP_EPILOG = """
Examples:
  ca-core token bootstrap --secret-file admin.token
  ca-core --token-file admin.token token list
  ca-core token bootstrap --reset         that token is lost: make another one

It works once, on the server's own machine; with --reset again, as root or as the user that the
server runs as, over its unix socket. The secret is shown once and stored nowhere.
Next: `ca-core policy create`, then `ca-core token create` for everybody else.
"""


def bootstrap(
    reset: Annotated[
        bool, typer.Option("--reset", help="Make another one; the first may be lost.")
    ] = False,
    secret_file: SecretFileOption = None,
    http_addr: HttpAddress = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make the first token of a cluster: it may do everything."""
    from ca_core.cli import token_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, None) as client:
        actions.bootstrap(client, secret_file, output, reset=reset)


_CREATE_EPILOG = """
Examples:
  ca-core token create --service web --secret-file web.token
  ca-core token create --policy ops --policy see-all --description "for Ada" --ttl 720h
  ca-core token create --service web --output json | jq -r .SecretID

--service gives what the service NAME and its proxy need, --node what an agent on it needs; anything
else is a policy. The secret is shown once and stored nowhere.
Next: `ca-core token list`.
"""


def create(
    policy: PoliciesOption = None,
    service: ServicesOption = None,
    node: NodesOption = None,
    description: DescriptionOption = None,
    ttl: Annotated[
        str, typer.Option("--ttl", metavar="SPAN", help="Its life, like 24h. Default: no end.")
    ] = "",
    secret_file: SecretFileOption = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a token that may what its policies and identities say."""
    from ca_core.cli import token_actions as actions  # noqa: PLC0415 - help needs none of it

    held = actions.Held(policies=policy, services=service, nodes=node, description=description)
    with server_client(http_addr, token) as client:
        actions.create(client, held, ttl, secret_file, output)


_LOGIN_EPILOG = """
Examples:
  ca-core token login --method ci --jwt-file jwt --secret-file web.token
  ca-core token login --method ci --jwt-file - < jwt

The auth method believes the JWT of its issuer, and its binding rules say what it gets. The token
ends with the JWT. Next: `ca-core --token-file web.token token self`.
"""


def login(
    method: Annotated[str, typer.Option("--method", metavar="NAME", help="The auth method.")],
    jwt_file: Annotated[
        Path, typer.Option("--jwt-file", metavar="FILE", help="Holds the JWT; - reads it.")
    ],
    secret_file: SecretFileOption = None,
    http_addr: HttpAddress = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Exchange a JWT for a token."""
    from ca_core.cli import token_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, None) as client:
        actions.login(client, method, jwt_file, secret_file, output)

"""``ca-core token list | read | self | update | delete``."""

from typing import Annotated

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption
from ca_core.cli.teaching import TaughtCommand
from ca_core.cli.token_options import (
    Accessor,
    DescriptionOption,
    Kind,
    NodesOption,
    PoliciesOption,
    ServicesOption,
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group ``token``."""
    for command, name, epilog in (
        (list_all, "list", _LIST_EPILOG),
        (read, "read", _READ_EPILOG),
        (read_self, "self", _SELF_EPILOG),
        (update, "update", _UPDATE_EPILOG),
        (delete, "delete", _DELETE_EPILOG),
    ):
        app.command(name, cls=TaughtCommand, epilog=epilog)(command)


_LIST_EPILOG = """
Examples:
  ca-core token list
  ca-core token list --output json | jq -r '.[].AccessorID'

Expired ones are gone. No secret is among it: nobody has them but their holders.
Next: `ca-core token read ACCESSOR`.
"""


def list_all(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List every token."""
    from ca_core.cli import token_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.list_all(client, output)


_READ_EPILOG = """
Example:
  ca-core token read 70d39c74-acf8-4511-8ce3-72916ffabf7d

Next: `ca-core policy read NAME` shows what a policy allows.
"""


def read(
    accessor: Accessor,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a token, without its secret."""
    from ca_core.cli import token_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.read(client, accessor, output)


_SELF_EPILOG = """
Examples:
  ca-core --token-file web.token token self
  CA_CORE_HTTP_TOKEN=$(cat web.token) ca-core token self

Needs no right but the token. Without one it shows what everybody may: the anonymous token.
"""


def read_self(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the token that is sent."""
    from ca_core.cli import token_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.read(client, "self", output)


_UPDATE_EPILOG = """
Examples:
  ca-core token update 70d39c74-acf8-4511-8ce3-72916ffabf7d --policy ops
  ca-core token update 70d39c74-acf8-4511-8ce3-72916ffabf7d --drop policies --service web
  ca-core token update 00000000-0000-0000-0000-000000000002 --policy see-all
                                      what everybody may: the anonymous token

What is given replaces what there was of that kind; other kinds stay. Secret and end never change.
"""


def update(
    accessor: Accessor,
    policy: PoliciesOption = None,
    service: ServicesOption = None,
    node: NodesOption = None,
    description: DescriptionOption = None,
    drop: Annotated[
        list[Kind] | None, typer.Option("--drop", help="Take all of this kind away; repeatable.")
    ] = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change what a token may, at once and everywhere."""
    from ca_core.cli import token_actions as actions  # noqa: PLC0415 - help needs none of it

    held = actions.Held(
        policies=policy,
        services=service,
        nodes=node,
        description=description,
        dropped=frozenset(drop or ()),
    )
    with server_client(http_addr, token) as client:
        actions.update(client, accessor, held, output)


_DELETE_EPILOG = """
Example:
  ca-core token delete 70d39c74-acf8-4511-8ce3-72916ffabf7d

Its holder is refused from then on: at once where an agent is connected.
"""


def delete(
    accessor: Accessor,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Revoke a token for ever."""
    from ca_core.cli import token_actions as actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        actions.delete(client, accessor, output)

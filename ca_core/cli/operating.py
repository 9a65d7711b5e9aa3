"""``ca-core ca rotate | renew | taint | operations | abort | rollback | abandon``."""

from typing import Annotated

import typer

from ca_core.cli.change_options import (
    DetachOption,
    ForceOption,
    OnDeadlineOption,
    OperationArgument,
    PatienceOption,
    SettleOption,
    YesOption,
    wishes_of,
)
from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption
from ca_core.cli.teaching import TaughtCommand


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group ``ca``."""
    for command, epilog in (
        (rotate, _ROTATE_EPILOG),
        (renew, _RENEW_EPILOG),
        (taint, _TAINT_EPILOG),
        (operations, _OPERATIONS_EPILOG),
        (abort, _ABORT_EPILOG),
        (rollback, _ROLLBACK_EPILOG),
        (abandon, _ABANDON_EPILOG),
    ):
        app.command(cls=TaughtCommand, epilog=epilog)(command)


_ROTATE_EPILOG = """
Examples:
  ca-core ca rotate
  ca-core ca rotate --settle 1h --patience 24h     for a mesh with slow readers
  ca-core ca rotate --detach --output json | jq -r .ID

Roots are rotated by themselves before they end; this is for when you want one now. Every agent
is to know the new root before it signs. Ctrl-C stops looking, not the operation.
Next: `ca-core ca status --watch`; the way back is `ca-core ca abort`, then `ca-core ca rollback`.
"""


def rotate(
    settle: SettleOption = None,
    patience: PatienceOption = None,
    on_deadline: OnDeadlineOption = None,
    force: ForceOption = False,
    yes: YesOption = False,
    detach: DetachOption = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change to a new root of the same provider."""
    from ca_core.cli import changing_actions, operating_actions  # noqa: PLC0415 - help needs none

    wishes = wishes_of(settle, patience, on_deadline, force=force)
    manner = changing_actions.Manner(yes=yes, detach=detach, output=output)
    with server_client(http_addr, token) as client:
        operating_actions.rotate(client, wishes, manner)


_RENEW_EPILOG = """
Examples:
  ca-core ca renew
  ca-core ca renew --output json | jq -r .NewSigner

Signers are renewed by themselves before they end. The root stays, so nobody has to be told.
Next: `ca-core ca status`.
"""


def renew(
    detach: DetachOption = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change to a new signer under the same root."""
    from ca_core.cli import changing_actions, operating_actions  # noqa: PLC0415 - help needs none

    manner = changing_actions.Manner(yes=True, detach=detach, output=output)
    with server_client(http_addr, token) as client:
        operating_actions.renew(client, manner)


_TAINT_EPILOG = """
Examples:
  ca-core ca taint
  ca-core ca taint ca-1f2e3d              one that signs no more, and still drains
  ca-core ca taint --patience 5m --on-deadline proceed
  ca-core ca taint --force --yes          at once, and whoever has not heard of it is cut off

For when somebody else may know the key of a root, by default of the one that signs. A new root is
made and told to every agent, it signs, every leaf is re-issued, and the old root leaves every
bundle within minutes, whatever its leaves. It ends another change that is not active yet; there is
no way back.
Next: `ca-core ca status --watch`.
"""


def taint(
    authority: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="As `ca status` shows it."),
    ] = None,
    settle: SettleOption = None,
    patience: PatienceOption = None,
    on_deadline: OnDeadlineOption = None,
    force: ForceOption = False,
    yes: YesOption = False,
    detach: DetachOption = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Declare a root compromised: it leaves every bundle within minutes, another one signs."""
    from ca_core.cli import changing_actions, operating_actions  # noqa: PLC0415 - help needs none

    wishes = wishes_of(settle, patience, on_deadline, force=force)
    manner = changing_actions.Manner(yes=yes, detach=detach, output=output)
    with server_client(http_addr, token) as client:
        operating_actions.taint(client, authority, wishes, manner)


_OPERATIONS_EPILOG = """
Examples:
  ca-core ca operations                      every change on record, oldest first
  ca-core ca operations op-1f2e3d            one of them: phases, who is missing, why it ended
  ca-core ca operations --output json | jq -r '.[-1].ID'

Next: `ca-core ca status --watch` follows the open one.
"""


def operations(
    name: OperationArgument = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the changes of who signs, or show one of them."""
    from ca_core.cli import operating_actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        operating_actions.show(client, name, output)


_ABORT_EPILOG = """
Examples:
  ca-core ca abort                the open operation
  ca-core ca abort op-1f2e3d

Everything stays as it was before it, what was made in a backend is removed again. Once an
operation is active, the way back is `ca-core ca rollback`.
"""


def abort(
    name: OperationArgument = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """End a change that is not active yet."""
    from ca_core.cli import operating_actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        operating_actions.abort(client, name, output)


_ROLLBACK_EPILOG = """
Examples:
  ca-core ca rollback             the newest operation that can be
  ca-core ca rollback op-1f2e3d

As long as the old authority drains, its root is in every bundle, so it can sign again at once.
"""


def rollback(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="As `ca operations` shows it. Default: the newest."),
    ] = None,
    yes: YesOption = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let the old signer sign again, while its authority drains."""
    from ca_core.cli import operating_actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        operating_actions.roll_back(client, name, output, yes=yes)


_ABANDON_EPILOG = """
Example:
  ca-core ca abandon ca-1f2e3d        as `ca-core ca status` lists what is left behind

What an authority or signer left in its backend is removed by itself once it may go, and tried for
ever. When nobody will reach that backend again, this ends it: what is there stays there.
"""


def abandon(
    key: Annotated[str, typer.Argument(help="As `ca status` shows it.")],
    yes: YesOption = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Give up what a backend that is gone for good still holds."""
    from ca_core.cli import operating_actions  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        operating_actions.abandon(client, key, output, yes=yes)

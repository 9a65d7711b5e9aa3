"""``ca-core check``: the checks of this host, and what programs say of theirs."""

from typing import Annotated

import typer

from ca_core.cli.connect import agent_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.teaching import TaughtCommand

app = command_app(
    "See the checks of this host, and report how a service of it is.",
    examples="""
Examples:
  ca-core check list
  ca-core check pass service:web
  ca-core check fail service:web --note "disk full"

A TTL check is critical when no report came for its time.
""",
)

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the check; `ca-core check list` shows them.")
]
NoteOption = Annotated[
    str, typer.Option("--note", metavar="TEXT", help="For people: what was seen.")
]


@app.command(
    "list",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core check list
  ca-core check list --output json | jq -r '.[] | select(.Status == "critical") | .CheckID'
""",
)
def list_(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the checks of this host that you may see, with what they printed last."""
    from ca_core.cli import service_actions as actions  # noqa: PLC0415 - help needs none of it

    with agent_client(http_addr, token) as client:
        actions.show_checks(client, output)


@app.command(
    "pass",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core check pass service:web
  ca-core check pass service:web --note "12 ms"
""",
)
def pass_(
    check_id: IdArgument,
    note: NoteOption = "",
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Report that all is well; the time of the TTL check begins anew."""
    _report("pass", check_id, note, http_addr, token, output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core check warn service:web --note "disk at 90 %"
""",
)
def warn(
    check_id: IdArgument,
    note: NoteOption = "",
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Report that something is not as it should be; callers still find the service."""
    _report("warn", check_id, note, http_addr, token, output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core check fail service:web --note "disk full"
""",
)
def fail(
    check_id: IdArgument,
    note: NoteOption = "",
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Report that the service does not work; callers go elsewhere."""
    _report("fail", check_id, note, http_addr, token, output)


def _report(
    word: str, check_id: str, note: str, http_addr: str | None, token: str | None, output: Output
) -> None:
    from ca_core.cli import service_actions as actions  # noqa: PLC0415 - help needs none of it

    with agent_client(http_addr, token) as client:
        actions.report(client, word, check_id, note, output)

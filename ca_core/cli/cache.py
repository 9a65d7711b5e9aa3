"""``ca-core cache``: what the agent of this host remembers."""

from typing import Annotated

import typer

from ca_core.cli.connect import agent_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.teaching import TaughtCommand

app = command_app(
    "Show what the agent of this host remembers: sizes, ages, hits and who waits.",
    examples="""
Examples:
  ca-core cache top              live, the largest first; ends with Ctrl-C
  ca-core cache top --once       as it is now

Names of services and tokens are shown to operators, figures to whoever may read the agent.
""",
)


@app.callback()
def group() -> None:
    """Show what the agent of this host remembers: sizes, ages, hits and who waits."""


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core cache top
  ca-core cache top --once --kind leaf
  ca-core cache top --output json | jq '.Kinds[] | {Kind, Bytes}'

AGE is that of a leaf since it came; of all else, the time since contact with servers was lost.
Next, if it is old: `ca-core doctor`. If too much is forgotten: `agent.cache_bytes`.
""",
)
def top(
    once: Annotated[bool, typer.Option("--once", help="Show it once, and end.")] = False,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="roots, leaf, intentions, upstreams or catalog; may be repeated.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, max=10_000, help="Entries to show.")
    ] = 20,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show kinds in figures, and the largest entries; on a terminal, live."""
    from ca_core.cli import cache_actions as actions  # noqa: PLC0415 - help needs none of it

    place = actions.place_of(kind or (), limit)
    with agent_client(http_addr, token) as client:
        if output is Output.JSON:
            actions.print_once_as_json(client, place)
        elif once or not actions.is_watched():
            actions.print_once(client, place)
        else:
            actions.watch(client, place)

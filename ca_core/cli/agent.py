"""``ca-core agent``: runs the agent of this host; ``list`` and ``forget`` ask the server."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.options import (
    ConfigOption,
    HttpAddress,
    Output,
    OutputOption,
    TokenOption,
    command_app,
)
from ca_core.cli.output import print_json, print_lines, print_table
from ca_core.cli.teaching import TaughtCommand
from ca_core.cli.times import relative_text

AGENTS = "/v1/cluster/agents"

app = command_app(
    "Run the agent of this host; list or forget agents.",
    examples="""
Examples:
  ca-core agent --server https://ca:8501 --join-token-file token    the first time
  ca-core agent --server https://ca:8501                            later
  ca-core agent list                                                who has joined
  ca-core agent forget web-1                                        it must join again

The token comes from `ca-core token join --node NODE` on a server.
""",
    runs_bare=True,
)


@app.callback()
def agent(
    ctx: typer.Context,
    server: Annotated[
        list[str] | None,
        typer.Option("--server", metavar="URL", help="Server to join; may be repeated."),
    ] = None,
    join_token_file: Annotated[
        Path | None,
        typer.Option("--join-token-file", metavar="FILE", help="Join token, - for standard input."),
    ] = None,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NAME", help="Default: the host name.")
    ] = None,
    listen: Annotated[
        list[str] | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Loopback address; may be repeated."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", metavar="DIR", help="Folder of its own key.")
    ] = None,
    persist: Annotated[
        bool | None,
        typer.Option("--persist", help="Keep leaves and keys over a restart, encrypted."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Run the agent of this host; list or forget agents."""
    if ctx.invoked_subcommand is not None:
        return
    from ca_core.cli import running  # noqa: PLC0415 - help needs neither agent nor provider

    flags = {
        "agent.server": server,
        "agent.node": node,
        "agent.listen": listen,
        "agent.data_dir": data_dir,
        "agent.join_token_file": join_token_file,
        "agent.persist": persist,
    }
    running.agent(file=config, flags=flags)


@app.command(
    "list",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core agent list
  ca-core agent list --output json
""",
)
def list_agents(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List every agent that has joined, and when it was last seen."""
    with server_client(http_addr, token) as client:
        answer = client.get(AGENTS)
    if output is Output.JSON:
        print_json(answer.json())
        return
    from ca_core.wire.cluster import AgentRow  # noqa: PLC0415 - needed only with an answer in hand

    rows = [
        (row.node, relative_text(row.last_seen), relative_text(row.leaf_not_after), row.spiffe_id)
        for row in answer.decoded(tuple[AgentRow, ...])
    ]
    empty = "No agent has joined. `ca-core token join --node NODE` makes a token for one."
    print_table(("NODE", "SEEN", "LEAF EXPIRES", "SPIFFE ID"), rows, empty=empty)


@app.command(
    cls=TaughtCommand,
    epilog="""
Example:
  ca-core agent forget web-1

A forgotten agent gets no more leaves and must join with a new token; leaves that it holds stay
valid until they expire.
""",
)
def forget(
    node: Annotated[str, typer.Argument(metavar="NODE", help="As `agent list` shows it.")],
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Forget an agent: it must join again with a new token."""
    with server_client(http_addr, token) as client:
        client.delete(f"{AGENTS}/{quote(node, safe='')}")
    if output is Output.JSON:
        print_json({"Node": node, "Forgotten": True})
    else:
        print_lines(f"{node} is forgotten; it joins again with `ca-core token join --node {node}`")

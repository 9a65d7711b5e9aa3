"""``ca-core token``: how a new agent gets in."""

from typing import Annotated

import typer

from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.output import print_facts, print_json
from ca_core.cli.teaching import TaughtCommand
from ca_core.cli.times import relative_text
from ca_core.wire.cluster import JoinToken

app = command_app(
    "Make the token with which a new agent joins.",
    examples="""
Example:
  ca-core token join --node web-1
""",
)

JOIN_TOKEN = "/v1/cluster/join-token"  # noqa: S105 - a path


@app.callback()
def group() -> None:
    """Make the token with which a new agent joins."""


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core token join --node web-1                 on the server
  ca-core agent --server https://ca:8501 --join-token-file token
                                                  on web-1, with the token in that file

The token holds an id, a secret and the root's fingerprint. It works once, on that node, until it
expires; it is shown once and stored nowhere.
""",
)
def join(
    node: Annotated[str, typer.Option("--node", metavar="NAME", help="Name of the node.")],
    ttl: Annotated[str, typer.Option("--ttl", help="How long it may be used, like 1h.")] = "1h",
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a token with which one agent, on the named node, joins once."""
    with server_client(http_addr, token) as client:
        answer = client.put(JOIN_TOKEN, {"Node": node, "TTL": ttl})
    if output is Output.JSON:
        print_json(answer.json())
        return
    made = answer.decoded(JoinToken)
    facts = [("node", made.node), ("expires", relative_text(made.expires_at))]
    print_facts([*facts, ("token", made.token)])

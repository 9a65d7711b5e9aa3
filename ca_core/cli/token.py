"""``ca-core token``: how a new agent gets in, and who callers are."""

from typing import Annotated

import typer

from ca_core.cli import token_keeping, token_logins, token_making
from ca_core.cli.connect import server_client
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.output import print_facts, print_json
from ca_core.cli.teaching import TaughtCommand
from ca_core.cli.times import relative_text
from ca_core.wire.cluster import JoinToken

app = command_app(
    "Make, list and revoke tokens: with which agents join, and callers are known.",
    examples="""
Examples:
  ca-core token join --node web-1             for an agent that is to join
  ca-core token bootstrap                     for the first operator: it may do everything
  ca-core token create --service web          for a caller that is the service web
  ca-core token method create ci.json         for callers with JWTs, which log in

The first is used up by joining. The others are sent with every request: in a file that
`ca-core --token-file FILE …` names, or in CA_CORE_HTTP_TOKEN.
""",
)

JOIN_TOKEN = "/v1/cluster/join-token"  # noqa: S105 - a path


@app.callback()
def group() -> None:
    """Make, list and revoke tokens: with which agents join, and callers are known."""


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


token_making.add_to(app)
token_keeping.add_to(app)
token_logins.add_to(app)

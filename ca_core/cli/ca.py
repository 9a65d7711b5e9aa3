"""``ca-core ca``: what is trusted, how the authority is configured, and what changes it."""

from typing import TYPE_CHECKING, Annotated

import typer

from ca_core.cli import casimulate, castatus, changing, operating
from ca_core.cli.connect import server_client
from ca_core.cli.failures import AnsweredError
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.output import print_facts, print_json, print_table
from ca_core.cli.teaching import TaughtCommand
from ca_core.cli.times import relative_text

if TYPE_CHECKING:
    from ca_core.cli.client import Answer, Client
    from ca_core.wire.roots import CARoots

app = command_app(
    "Show what is trusted, and change who signs and how.",
    examples="""
Examples:
  ca-core ca roots                   who is trusted, and until when
  ca-core ca roots --pem > roots.pem
  ca-core ca get-config
  ca-core ca status                  can it sign, under what, how many leaves
  ca-core ca plan --provider vault --set config.address=URL
                                     what that would change, and whether it would go
  ca-core ca apply --from-file ca-core.toml
  ca-core ca status --watch          who must know the new root, and who does
""",
)

ROOTS = "/v1/connect/ca/roots"
AGENT_ROOTS = "/v1/agent/connect/ca/roots"
CONFIGURATION = "/v1/connect/ca/configuration"


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core ca roots
  ca-core ca roots --pem > roots.pem     every anchor, for openssl, curl or nginx
  ca-core ca roots --output json | jq -r .TrustDomain

Next: `ca-core leaf get SERVICE --out DIR` gets a certificate under them.
""",
)
def roots(
    pem: Annotated[bool, typer.Option("--pem", help="Print the anchors as PEM.")] = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show every trusted root and which one signs now."""
    with server_client(http_addr, token) as client:
        answer = fetched_roots(client)
    if pem:
        typer.echo(anchors_pem(_parsed(answer)), nl=False)
    elif output is Output.JSON:
        print_json(answer.json())
    else:
        _show(_parsed(answer))


def fetched_roots(client: "Client") -> "Answer":
    """Return the roots from a server, or from an agent where there is no server."""
    try:
        return client.get(ROOTS)
    except AnsweredError as error:
        if error.status != 404:  # noqa: PLR2004 - an agent has no such path
            raise
        return client.get(AGENT_ROOTS)


def anchors_pem(answer: "CARoots") -> str:
    """Return every anchor as PEM, one after the other."""
    return "".join(root.root_cert.rstrip("\n") + "\n" for root in answer.roots)


def _parsed(answer: "Answer") -> "CARoots":
    from ca_core.wire.roots import CARoots  # noqa: PLC0415 - needed only with an answer in hand

    return answer.decoded(CARoots)


def _show(answer: "CARoots") -> None:
    print_facts([("trust domain", answer.trust_domain)])
    rows = [
        (
            "active" if root.active else "trusted",
            root.name,
            f"{root.private_key_type} {root.private_key_bits}",
            relative_text(root.not_after),
            root.id,
        )
        for root in answer.roots
    ]
    empty = "No roots yet; the authority is being made."
    print_table(("STATE", "NAME", "KEY", "EXPIRES", "ID"), rows, empty=empty)


@app.command(
    "get-config",
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core ca get-config
  ca-core ca get-config --output json    as Consul's API answers it; secrets are hidden
""",
)
def get_config(
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the provider and its configuration; secrets are hidden."""
    with server_client(http_addr, token) as client:
        answer = client.get(CONFIGURATION).decoded(dict)
    if output is Output.JSON:
        print_json(answer)
        return
    facts = [(str(key), str(value)) for key, value in (answer.get("Config") or {}).items()]
    print_facts([("provider", str(answer.get("Provider", ""))), *facts])


castatus.add_to(app)
changing.add_to(app)
operating.add_to(app)
casimulate.add_to(app)

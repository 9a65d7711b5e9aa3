"""``ca-core leaf``: get, inspect, keep fresh and revoke the certificate of a service."""

from pathlib import Path
from typing import Annotated

import typer

from ca_core.cli.change_options import YesOption
from ca_core.cli.connect import agent_address, agent_client, server_client
from ca_core.cli.exitcodes import ExitCode
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption, command_app
from ca_core.cli.output import progress
from ca_core.cli.teaching import TaughtCommand

app = command_app(
    "Get, inspect, keep fresh and revoke the certificate of a service.",
    examples="""
Examples:
  ca-core leaf get web --out web         leaf.pem, key.pem and bundle.pem in ./web
  ca-core leaf inspect web/leaf.pem
  ca-core leaf watch web --out /etc/web/tls --exec "systemctl reload nginx"
""",
)

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE", help="Name of the service.")]
DnsOption = Annotated[
    list[str] | None,
    typer.Option("--dns-san", metavar="NAME", help="DNS name in the leaf; may be repeated."),
]
IpOption = Annotated[
    list[str] | None,
    typer.Option("--ip-san", metavar="ADDRESS", help="IP address in the leaf; may be repeated."),
]


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core leaf get web --out web
  ca-core leaf get web --out web --dns-san web.example.org
  ca-core leaf get web --output json     Consul's answer, with the private key in it

Next: openssl verify -x509_strict -CAfile web/bundle.pem -untrusted web/leaf.pem web/leaf.pem
The agent renews what it keeps in memory; files stay as they are. `ca-core leaf watch` renews files.
""",
)
def get(
    service: ServiceArgument,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the files into this folder.")
    ] = None,
    dns_san: DnsOption = None,
    ip_san: IpOption = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Get a service's leaf from the agent; the key was made there and never left this host."""
    from ca_core.cli import leaf_actions as actions  # noqa: PLC0415 - help needs none of it

    with agent_client(http_addr, token) as client:
        with progress(f"asking {client.address} for a leaf of {service}"):
            answer = actions.fetched_leaf(
                client, service, dns_names=dns_san or (), addresses=ip_san or ()
            )
        if out is None:
            actions.show_leaf(answer, output)
        else:
            actions.save_leaf(client, answer, out, output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core leaf inspect web/leaf.pem
  openssl s_client -connect web:443 </dev/null | ca-core leaf inspect -

Ends with 1 if verifiers would refuse it (expired, wrong usage, no identity), else with 0.
""",
)
def inspect(
    file: Annotated[str, typer.Argument(metavar="FILE", help="PEM file, or - for standard input.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what a certificate says, in one screen: identity, life, key, issuer, findings."""
    from ca_core.cli import leaf_actions as actions  # noqa: PLC0415 - help needs none of it

    view = actions.view_of_pem(actions.content_of(file))
    actions.show_view(view, output)
    if view.is_wrong:
        raise typer.Exit(ExitCode.FAILED)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core leaf watch web --out /etc/web/tls
  ca-core leaf watch web --out /etc/web/tls --exec "nginx -s reload"

Files: leaf.pem, key.pem (0600), bundle.pem; all three change in one rename. Runs until Ctrl-C. An
agent that is away changes nothing: the files stay, and the watch goes on when it is back.
""",
)
def watch(
    service: ServiceArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the files.")],
    command: Annotated[
        str | None,
        typer.Option("--exec", metavar="CMD", help="Run after every change; no shell."),
    ] = None,
    dns_san: DnsOption = None,
    ip_san: IpOption = None,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Keep a service's leaf, key and roots fresh in a folder, for programs that read files."""
    from ca_core.cli import leaf_watching as watching  # noqa: PLC0415 - help needs none of it

    named = watching.Watched(
        service=service, out=out, dns_names=tuple(dns_san or ()), addresses=tuple(ip_san or ())
    )
    watching.watch(named, agent_address(http_addr), token, command=command or "", output=output)


@app.command(
    cls=TaughtCommand,
    epilog="""
Examples:
  ca-core leaf revoke web/leaf.pem --reason keyCompromise
  openssl s_client -connect web:443 </dev/null | ca-core leaf revoke - --yes

It is in the next CRL (GET /v1/connect/ca/crl/AUTHORITY), and agents that are shown it (ClientCert)
refuse it within seconds. The agent that holds it answers it no more, and has another one with
another key at once; one that is cut off does so when it hears of a server again. Verifiers that
read no CRL trust it until it expires: where a key was stolen and leaves live long,
`ca-core ca taint` ends all of them.
Next: `ca-core leaf get SERVICE --out DIR` on its host; `ca-core leaf watch` writes it by itself.
""",
)
def revoke(
    file: Annotated[str, typer.Argument(metavar="FILE", help="PEM file, or - for standard input.")],
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            metavar="REASON",
            help="As RFC 5280 names it: unspecified, keyCompromise, affiliationChanged, superseded,"
            " cessationOfOperation or privilegeWithdrawn.",
        ),
    ] = "unspecified",
    yes: YesOption = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Revoke a leaf before it expires; there is no way back."""
    from ca_core.cli import leaf_revoking  # noqa: PLC0415 - help needs none of it

    with server_client(http_addr, token) as client:
        leaf_revoking.revoke(client, file, reason, yes=yes, output=output)

"""``ca-core ca status | csr | install-chain``: how the CA stands, and one that another CA signs."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from ca_core.cli.client import Client
from ca_core.cli.connect import server_client
from ca_core.cli.credential import in_words
from ca_core.cli.operation_view import change_line, is_open
from ca_core.cli.options import HttpAddress, Output, OutputOption, TokenOption
from ca_core.cli.output import print_facts, print_json, print_lines, print_table
from ca_core.cli.teaching import TaughtCommand
from ca_core.cli.times import relative_text

STATUS = "/v1/cluster/ca/status"
CSR = "/v1/cluster/ca/csr"
CHAIN = "/v1/cluster/ca/chain"


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group ``ca``."""
    app.command("status", cls=TaughtCommand, epilog=_STATUS_EPILOG)(status)
    app.command("csr", cls=TaughtCommand, epilog=_CSR_EPILOG)(csr)
    app.command("install-chain", cls=TaughtCommand, epilog=_CHAIN_EPILOG)(install_chain)


_STATUS_EPILOG = """
Examples:
  ca-core ca status
  ca-core ca status --watch                 the open change and what drains, live
  ca-core ca status --watch --until-done    ends when nothing changes any more
  ca-core ca status --output json | jq .Ready

Next, if it is not ready: `ca-core doctor` says what to do.
"""


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Show it whenever it changes.")] = False,
    until_done: Annotated[
        bool, typer.Option("--until-done", help="Watch until nothing changes any more.")
    ] = False,
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show whether leaves can be signed, under what, and how many were."""
    with server_client(http_addr, token) as client:
        if watch or until_done:
            from ca_core.cli import cawatching  # noqa: PLC0415 - only a live view needs it

            cawatching.watch(client, output, until_done=until_done)
            return
        found = client.get(STATUS).decoded(dict)
        change = _open_change(client) if output is Output.TABLE else ""
    if output is Output.JSON:
        print_json(found)
        return
    print_facts(
        [
            ("trust domain", str(found["TrustDomain"])),
            ("signs", "yes" if found["Ready"] else f"no: {found['Reason']}"),
            ("provider", str(found["ProviderMessage"]) or "ok"),
            ("credential", in_words(found.get("Credential"))),  # a server of 0.1 tells none
            ("signer ends", _when(found["SignerNotAfter"])),
            *([("change", change)] if change else []),
            *([("overdue", str(late))] if (late := found.get("Overdue")) else []),
            *([("file", str(drift))] if (drift := found.get("Drift")) else []),
        ]
    )
    rows = [
        (
            str(authority["Phase"]),
            str(authority["Provider"]),
            f"{authority['Leaves']}" + ("" if authority["Complete"] else " or more"),
            _when(authority["Ceiling"]),
            _when(authority["NotAfter"]),
            str(authority["ID"]),
        )
        for authority in found["Authorities"]
    ]
    columns = ("PHASE", "PROVIDER", "LEAVES", "LAST LEAF ENDS", "ROOT ENDS", "ID")
    print_table(columns, rows, empty="No authority yet.")
    _show_leftovers(found.get("Leftovers", ()))
    _show_reviewers(found.get("ReviewPlugins", ()))  # a server of 0.1 has none


def _open_change(client: Client) -> str:
    """Return the open operation in one line, '' if there is none."""
    from ca_core.cli.operations import listed  # noqa: PLC0415 - only this view needs it

    return "; ".join(change_line(row) for row in listed(client) if is_open(row))


def _show_leftovers(left: Sequence[Mapping[str, object]]) -> None:
    """List what backends still hold; what cannot be removed says why."""
    if not left:
        return
    rows = [
        (str(one["Key"]), _when(one["Since"]), str(one["Error"]) or "being removed") for one in left
    ]
    print_lines("")
    print_table(("LEFT BEHIND", "SINCE", "WHY IT IS STILL THERE"), rows, empty="")


def _show_reviewers(plugins: Sequence[Mapping[str, object]]) -> None:
    if not plugins:
        return
    rows = [
        (str(one["Name"]), f"{one['Package']} {one['Version']}", str(one["SwitchedOff"]) or "no")
        for one in plugins
    ]
    print_lines("")
    print_table(("REVIEW PLUGIN", "PACKAGE", "SWITCHED OFF"), rows, empty="")


def _when(moment: object) -> str:
    return relative_text(str(moment)) if moment else "-"


_CSR_EPILOG = """
Examples:
  ca-core ca csr > primary.csr      sign it with your corporate CA as a CA certificate
  ca-core ca install-chain primary-and-issuers.pem

For `[ca.config] external_issuer = true`: the cluster waits until the signed chain is installed.
"""


def csr(
    http_addr: HttpAddress = None, token: TokenOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Print the CSR of a primary CA that waits for a corporate CA's signature."""
    with server_client(http_addr, token) as client:
        pem = client.get(CSR).body.decode(errors="replace")
    if output is Output.JSON:
        print_json({"CSR": pem})
    else:
        typer.echo(pem, nl=False)


_CHAIN_EPILOG = """
Example:
  ca-core ca install-chain chain.pem      the primary CA first, the corporate root last
"""


def install_chain(
    file: Annotated[str, typer.Argument(help="PEM file; - reads standard input.")],
    http_addr: HttpAddress = None,
    token: TokenOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Install the primary CA's certificate as your corporate CA signed it, with its issuers."""
    from ca_core.cli.leaf_actions import content_of  # noqa: PLC0415 - needed only here

    chain = content_of(file).decode(errors="replace")
    with server_client(http_addr, token) as client:
        answer = client.put(CHAIN, {"Chain": chain})
    if output is Output.JSON:
        print_json({"Installed": answer.json()})
    else:
        print_facts([("installed", file), ("next", "ca-core ca status")])

"""What ``ca-core leaf revoke`` does; imported when it runs."""

from ca_core.cli.asking import confirm, require_answer
from ca_core.cli.client import Client
from ca_core.cli.leaf_actions import content_of, print_view, view_of_pem
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json
from ca_core.wire.revocation import RevokedLeaf

REVOKE = "/v1/connect/ca/revoke"


def revoke(client: Client, file: str, reason: str, *, yes: bool, output: Output) -> None:
    """Show the leaf, ask, and revoke it.

    Raises:
        ConfigError: the file cannot be read, or nobody can be asked.
        RequestError: it holds no certificate, the reason is none, or nobody here issued it.
        Error: the server refuses, or does not answer.
    """
    require_answer(output, yes=yes)
    pem = content_of(file)
    view = view_of_pem(pem)
    if output is Output.TABLE:
        print_view(view)
    confirm("Revoke it?", yes=yes)
    answer = client.put(REVOKE, {"Certificate": pem.decode(errors="replace"), "Reason": reason})
    if output is Output.JSON:
        print_json(answer.json())
        return
    _print(answer.decoded(RevokedLeaf))


def _print(revoked: RevokedLeaf) -> None:
    print_facts(
        [
            ("revoked", revoked.identity),
            ("serial", revoked.serial_number),
            ("reason", revoked.reason),
            ("CRL", f"/v1/connect/ca/crl/{revoked.authority}"),
        ]
    )

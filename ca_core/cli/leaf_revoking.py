"""What ``ca-core leaf revoke`` does; imported when it runs."""

from ca_core.cli.asking import confirm, require_answer
from ca_core.cli.client import Client
from ca_core.cli.leaf_actions import content_of, print_view, view_of_pem
from ca_core.cli.leaf_view import CertificateView
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json
from ca_core.errors import RequestError
from ca_core.identity.certificates import is_ca
from ca_core.wire.revocation import RevokedLeaf, refuse_unknown_reason

REVOKE = "/v1/connect/ca/revoke"


def revoke(client: Client, file: str, reason: str, *, yes: bool, output: Output) -> None:
    """Show the leaf, ask, and revoke it.

    Raises:
        ConfigError: the file cannot be read, or nobody can be asked.
        RequestError: it holds no certificate or a CA's, the reason is none, or nobody here
            issued it.
        Error: the server refuses, or does not answer.
    """
    require_answer(output, yes=yes)
    refuse_unknown_reason(reason, "--reason")
    pem = content_of(file)
    view = view_of_pem(pem)
    _refuse_ca(view, file)
    if output is Output.TABLE:
        print_view(view)
    confirm("Revoke it?", yes=yes)
    answer = client.put(REVOKE, {"Certificate": pem.decode(errors="replace"), "Reason": reason})
    if output is Output.JSON:
        print_json(answer.json())
        return
    _print(answer.decoded(RevokedLeaf))


def _refuse_ca(view: CertificateView, file: str) -> None:
    if is_ca(view.certificate):
        raise RequestError(
            f"the first certificate in {file} is a CA's, and `leaf revoke` is for leaves",
            hint="name leaf.pem; `ca-core ca taint` ends a root and all that was signed below it",
        )


def _print(revoked: RevokedLeaf) -> None:
    print_facts(
        [
            ("revoked", revoked.identity),
            ("serial", revoked.serial_number),
            ("reason", revoked.reason),
            ("CRL", f"/v1/connect/ca/crl/{revoked.authority}"),
        ]
    )

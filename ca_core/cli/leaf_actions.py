"""What the ``leaf`` commands do; imported when they run, for it needs the heavy libraries."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from ca_core.agent.leaffiles import BUNDLE, KEY, LEAF, write_leaf_files
from ca_core.cli.ca import AGENT_ROOTS
from ca_core.cli.client import Answer, Client
from ca_core.cli.leaf_view import CertificateView, as_json, facts, remark_lines, view_of
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json, print_lines
from ca_core.errors import ConfigError, RequestError
from ca_core.identity.certificates import parse_certificates
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.roots import CARoots


def fetched_leaf(
    client: Client, service: str, *, dns_names: Sequence[str], addresses: Sequence[str]
) -> Answer:
    """Return the agent's answer: Consul's leaf, with its key."""
    params = {"dns-san": ",".join(dns_names), "ip-san": ",".join(addresses)}
    named = {name: text for name, text in params.items() if text}
    return client.get(f"/v1/agent/connect/ca/leaf/{quote(service, safe='')}", named)


def show_leaf(answer: Answer, output: Output) -> None:
    """Print the leaf: for people without its key, for programs as the API answered it."""
    if output is Output.JSON:
        print_json(answer.json())
        return
    print_view(view_of_pem(answer.decoded(IssuedCert).cert_pem.encode()))
    print_lines("\nThe key is not shown; --out DIR writes leaf, key and roots.")


def save_leaf(client: Client, answer: Answer, out: Path, output: Output) -> None:
    """Write leaf, key and roots into a folder in one step, and say where they are.

    Raises:
        ConfigError: the folder cannot be written.
        ProviderError: the answer's key belongs to another leaf.
    """
    cert = answer.decoded(IssuedCert)
    roots = client.get(AGENT_ROOTS).decoded(CARoots)
    write_leaf_files(out, cert, roots)
    _say_where(cert, out, output)


def _say_where(cert: IssuedCert, out: Path, output: Output) -> None:
    paths = {"Leaf": str(out / LEAF), "Key": str(out / KEY), "Bundle": str(out / BUNDLE)}
    if output is Output.JSON:
        print_json({"ServiceURI": cert.service_uri, "ValidBefore": cert.valid_before, **paths})
        return
    print_facts(
        [
            ("identity", cert.service_uri),
            ("valid until", cert.valid_before),
            *((name.lower(), path) for name, path in paths.items()),
        ]
    )
    print_lines(f"\nNext: ca-core leaf inspect {out / LEAF}", style="dim")


def content_of(file: str) -> bytes:
    """Return a file's bytes, those of standard input for ``-``.

    Raises:
        ConfigError: it cannot be read; names it.
    """
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigError(reason, where=file) from None


def view_of_pem(pem: bytes) -> CertificateView:
    """Return the view of the certificates in PEM text.

    Raises:
        RequestError: it holds no certificate; a private key is named as such and not shown.
    """
    if b"PRIVATE KEY-----" in pem and b"BEGIN CERTIFICATE-----" not in pem:
        raise RequestError(
            "this is a private key, not a certificate", hint="keep it secret; inspect leaf.pem"
        )
    return view_of(parse_certificates(pem), datetime.now(UTC))


def print_view(view: CertificateView) -> None:
    """Write the view for people: facts, then findings."""
    print_facts(facts(view))
    style = "bold red" if view.is_wrong else "green"
    print_lines("\n" + "\n".join(remark_lines(view)), style=style)


def show_view(view: CertificateView, output: Output) -> None:
    """Write the view for people or for programs."""
    if output is Output.JSON:
        print_json(as_json(view))
    else:
        print_view(view)

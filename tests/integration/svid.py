"""Authorities of every key type, leaves under them, and judges that others wrote."""

import io
import ipaddress
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from ca_core.contract.issuing import (
    BACKDATE,
    KeyPair,
    ca_csr,
    issue_intermediate,
    issue_leaf,
    issue_root,
)
from ca_core.contract.requests import LeafRequest
from ca_core.identity.certificates import pem_chain
from ca_core.identity.csr import csr_public_key, subject_alternative_name
from ca_core.identity.keys import ALL_KEY_SPECS, KeySpec, KeyType, PrivateKey, generate_key
from ca_core.identity.spiffe import ServiceId, SpiffeId, TrustDomain

DOMAIN = TrustDomain("11111111-2222-3333-4444-555555555555.consul")
WEB = ServiceId(trust_domain=DOMAIN, datacenter="dc1", service="web")
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
CA_KEYS = ALL_KEY_SPECS
LEAF_KEYS = (
    KeySpec(KeyType.EC, 256),
    KeySpec(KeyType.EC, 384),
    KeySpec(KeyType.RSA, 2048),
    KeySpec(KeyType.ED25519),
)
ADDRESS = ipaddress.ip_address("127.0.0.1")


@lru_cache
def key_of(spec: KeySpec, number: int = 0) -> PrivateKey:  # noqa: ARG001 - several of one kind
    """Return a key; RSA-4096 takes a second, so each is made once."""
    return generate_key(spec)


@dataclass(frozen=True)
class Authority:
    """An anchor, what signs leaves, and what lies between, signer first."""

    anchor: KeyPair
    signer: KeyPair
    between: tuple[x509.Certificate, ...]
    above: tuple[x509.Certificate, ...] = ()

    @property
    def path(self) -> tuple[x509.Certificate, ...]:
        """Return the path, signer first, anchor last."""
        return (*self.between, self.anchor.certificate)


@lru_cache
def authority(spec: KeySpec) -> Authority:
    """Return a root of our own with one intermediate."""
    key = key_of(spec)
    made = issue_root(key, trust_domain=DOMAIN, label="ca-1", now=NOW, ttl=365 * DAY)
    return below(KeyPair(made, key), spec)


def below(anchor: KeyPair, spec: KeySpec, above: tuple[x509.Certificate, ...] = ()) -> Authority:
    """Return an anchor with an intermediate of the same kind of key."""
    key = key_of(spec, 1)
    made = issue_intermediate(
        anchor, key.public_key(), trust_domain=DOMAIN, label="signer-1", now=NOW, ttl=30 * DAY
    )
    return Authority(anchor, KeyPair(made, key), (made,), above)


@lru_cache
def corporate(spec: KeySpec) -> Authority:
    """Return a primary CA that a corporate RSA root signed."""
    root_key = key_of(KeySpec(KeyType.RSA, 2048), 2)
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Corporation")])
    ours = issue_root(root_key, trust_domain=DOMAIN, label="unused", now=NOW, ttl=3650 * DAY)
    root = re_issued(ours, name, name, root_key.public_key(), root_key, None)
    key = key_of(spec)  # under another name than our own root; RSA-4096 takes its time
    subject = ca_csr(key, trust_domain=DOMAIN, label="ca-2").subject
    primary = re_issued(ours, subject, name, key.public_key(), root_key, 1)
    return below(KeyPair(primary, key), spec, (root,))


def re_issued(
    like: x509.Certificate,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: Any,
    by: Any,
    path_length: int | None,
) -> x509.Certificate:
    """Return a CA certificate as a corporate CA would make it."""
    ski = x509.SubjectKeyIdentifier.from_public_key
    usage = like.extensions.get_extension_for_class(x509.KeyUsage).value
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 3000 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(ski(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier(ski(by.public_key()).digest, None, None), critical=False
        )
        .sign(by, hashes.SHA256())
    )


def csr_for(key: PrivateKey, identity: SpiffeId = WEB) -> x509.CertificateSigningRequest:
    """Return a CSR by any kind of key."""
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(subject_alternative_name(identity), critical=True)
        .sign(key, digest)
    )


def request_for(
    key: PrivateKey,
    *,
    identity: SpiffeId = WEB,
    ttl: timedelta = 3 * DAY,
    dns_names: tuple[str, ...] = (),
    ip_addresses: tuple[Any, ...] = (),
) -> LeafRequest:
    """Return the request of a core."""
    return LeafRequest(
        request_id="r",
        deadline=NOW + DAY,
        csr=csr_for(key, identity),
        identity=identity,
        dns_names=dns_names,
        ip_addresses=ip_addresses,
        not_before=NOW - BACKDATE,
        not_after=NOW + ttl,
        signer="signer-1",
    )


def leaf_under(made: Authority, key: PrivateKey, **names: Any) -> x509.Certificate:
    """Return a leaf of ``web``."""
    return issue_leaf(made.signer, request_for(key, **names))


def openssl(*arguments: Any, stdin: bytes | None = None) -> tuple[int, str]:
    """Run openssl; return its exit code and everything it said."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=False, timeout=20
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def openssl_faults(
    folder: Path,
    leaf: x509.Certificate,
    between: Sequence[x509.Certificate],
    anchor: x509.Certificate,
    *options: str,
) -> str:
    """Return what ``openssl verify -x509_strict`` says against it as server or client, or ''."""
    write(folder / "leaf.pem", pem_chain([leaf]))
    write(folder / "anchor.pem", pem_chain([anchor]))
    more = []
    if between:
        write(folder / "between.pem", pem_chain(between))
        more = ["-untrusted", folder / "between.pem"]
    faults = ""
    for purpose in ("sslserver", "sslclient"):
        code, said = openssl(
            *("verify", "-x509_strict", "-purpose", purpose, *options),
            *("-CAfile", folder / "anchor.pem", "-no-CApath", *more, folder / "leaf.pem"),
        )
        faults += said if code else ""
    return faults


def write(path: Path, text: str) -> Path:
    """Write a file and return its path."""
    path.write_text(text)
    return path


class _Stdin:
    """Standard input that holds one document."""

    def __init__(self, text: str) -> None:
        self.buffer = io.BytesIO(text.encode())
        self.buffer.name = "stdin"  # type: ignore[attr-defined] # the linter asks for it


def pkilint_findings(
    certificate: x509.Certificate, capsys: Any, monkeypatch: Any
) -> list[tuple[str, str]]:
    """Return (finding id, sentence) of everything ``lint_pkix_cert lint`` says from NOTICE up."""
    from pkilint.bin import lint_pkix_cert  # imported late: it takes a second

    monkeypatch.setattr(sys, "stdin", _Stdin(pem_chain([certificate])))
    lint_pkix_cert.main(["lint", "-f", "JSON", "-s", "NOTICE", "-"])
    return told(capsys.readouterr().out)


def told(report: str) -> list[tuple[str, str]]:
    """Return (finding id, sentence) of a report of pkilint in JSON."""
    return [
        (finding["code"], str(finding.get("message", "")))
        for result in json.loads(report)["results"]
        for finding in result["finding_descriptions"]
    ]


def pem_key(key: PrivateKey) -> str:
    """Return a private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def ski_method_1(csr: x509.CertificateSigningRequest) -> bytes:
    """Return SHA-1 over the key's bits. Source: RFC 5280 §4.2.1.2 (1)."""
    return x509.SubjectKeyIdentifier.from_public_key(csr_public_key(csr)).digest

"""A real TLS handshake in memory: what OpenSSL thinks of a leaf, and not only our own walk."""

import ssl
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ca_core.contract import PrivateKey, pem_chain
from ca_core.testing.assertions.certificates import assert_chains_to
from ca_core.testing.assertions.wording import named
from ca_core.testing.conformance.verdict import Violation, require

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL; Python has no name for it
_MOST_FLIGHTS = 10  # TLS 1.3 needs two of each side


def assert_handshake(
    leaf: x509.Certificate,
    key: PrivateKey,
    chain: Sequence[x509.Certificate],
    *,
    anchors: Sequence[x509.Certificate],
    now: datetime | None = None,
) -> None:
    """Assert that two ends that both show this leaf and trust ``anchors`` complete mutual TLS 1.3.

    OpenSSL is the judge, with ``X509_V_FLAG_X509_STRICT`` and partial chains, once as server and
    once as client. Nothing leaves this process.

    Args:
        leaf: what both ends show.
        key: its private key.
        chain: what signed it first, the anchor last; anchors are not sent.
        anchors: what both ends trust.
        now: for certificates of a fake clock: our own walk judges the lives at ``now`` and OpenSSL
            does not look at them; None is the machine's clock, and OpenSSL looks.

    Raises:
        Violation: in OpenSSL's own words, or the walk's.
    Source: RFC 8446 §4.4.2, SPIFFE X509-SVID §5.
    """
    if now is not None:
        assert_chains_to(leaf, chain, anchors, now=now)
    shown = (leaf, *(link for link in chain if link not in anchors))
    flags = 0 if now is None else _NO_CHECK_TIME
    server = _context(ssl.PROTOCOL_TLS_SERVER, shown, key, anchors, flags)
    client = _context(ssl.PROTOCOL_TLS_CLIENT, shown, key, anchors, flags)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = {
        "client": client.wrap_bio(back, there),
        "server": server.wrap_bio(there, back, server_side=True),
    }
    _shake(ends, leaf)
    raw = leaf.public_bytes(serialization.Encoding.DER)
    for name, end in ends.items():
        require(end.getpeercert(binary_form=True) == raw, f"the {name} saw another certificate")


def _context(
    protocol: int,
    shown: Sequence[x509.Certificate],
    key: PrivateKey,
    anchors: Sequence[x509.Certificate],
    flags: int,
) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # a SPIFFE certificate has none
    context.verify_mode = ssl.CERT_REQUIRED
    strict = ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    context.verify_flags = ssl.VerifyFlags(context.verify_flags | strict | flags)
    context.load_verify_locations(cadata=pem_chain(anchors))
    _load(context, shown, key)
    return context


def _load(context: ssl.SSLContext, shown: Sequence[x509.Certificate], key: PrivateKey) -> None:
    """Give the context its pair by way of a file that only this user can read, gone at once."""
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pair.pem")
        file.write_bytes(pem_chain(shown).encode() + text)
        try:
            context.load_cert_chain(file)
        except ssl.SSLError as error:
            raise Violation(f"OpenSSL does not load the leaf with this key: {error}") from error


def _shake(ends: dict[str, ssl.SSLObject], leaf: x509.Certificate) -> None:
    waiting = dict(ends)
    for _ in range(_MOST_FLIGHTS):
        waiting = {name: end for name, end in waiting.items() if not _is_done(name, end, leaf)}
        if not waiting:
            return
    raise Violation(f"the handshake with {named(leaf)} does not end")


def _is_done(name: str, end: ssl.SSLObject, leaf: x509.Certificate) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError as error:
        raise Violation(f"the {name} refuses {named(leaf)}: {error} (RFC 8446 §4.4.2)") from error
    return True

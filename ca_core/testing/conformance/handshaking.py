"""A TLS handshake in memory, OpenSSL on both ends: the last word on a chain."""

import ssl
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ca_core.contract import PrivateKey, pem_chain

_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""OpenSSL's ``X509_V_FLAG_NO_CHECK_TIME``: its clock is the machine's, and ours may be a fake."""

_STRICT = ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT | _NO_CHECK_TIME
_FLIGHTS = 10
"""More than the messages of any TLS 1.3 handshake."""


@dataclass(frozen=True, slots=True)
class End:
    """What one end of a connection shows: leaf first, then its issuers without the anchor."""

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey


def shake_hands(
    client: End, server: End, anchor: x509.Certificate
) -> tuple[x509.Certificate, x509.Certificate]:
    """Connect two ends that trust ``anchor`` alone; return the leaves that client and server saw.

    Names and lives are not compared here: the identity is a URI, and time may be a fake clock's.

    Raises:
        ssl.SSLError: one end refused the other.
        TimeoutError: the handshake does not end.
    """
    with tempfile.TemporaryDirectory() as folder:
        near = _context(ssl.PROTOCOL_TLS_CLIENT, client, anchor, Path(folder, "client.pem"))
        far = _context(ssl.PROTOCOL_TLS_SERVER, server, anchor, Path(folder, "server.pem"))
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        near.wrap_bio(to_client, to_server, server_hostname="web.example"),
        far.wrap_bio(to_server, to_client, server_side=True),
    )
    _finish(ends)
    return _peer(ends[0]), _peer(ends[1])


def _context(protocol: int, end: End, anchor: x509.Certificate, path: Path) -> ssl.SSLContext:
    pem = end.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),  # a throw-away key, in a folder of ours that is gone soon
    )
    path.write_bytes(pem + pem_chain(end.chain).encode())
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= _STRICT
    context.load_cert_chain(path)
    context.load_verify_locations(cadata=pem_chain([anchor]))
    return context


def _finish(ends: Sequence[ssl.SSLObject]) -> None:
    waiting = list(ends)
    for _ in range(_FLIGHTS):
        for end in tuple(waiting):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
                waiting.remove(end)
        if not waiting:
            return
    raise TimeoutError("the handshake does not end")


def _peer(end: ssl.SSLObject) -> x509.Certificate:
    der = end.getpeercert(binary_form=True)
    if der is None:
        raise ssl.SSLError("the other end showed no certificate")
    return x509.load_der_x509_certificate(der)

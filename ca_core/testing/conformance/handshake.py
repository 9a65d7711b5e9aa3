"""A real TLS handshake in memory: what OpenSSL says of a leaf and of the chain sent with it."""

import ssl
import tempfile
from collections.abc import Sequence
from contextlib import suppress

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.contract import pem_chain

_NO_CHECK_TIME = 0x200000
"""``X509_V_FLAG_NO_CHECK_TIME``: OpenSSL looks at the machine's clock, a check may have its own."""

_TURNS = 4
"""TLS 1.3 needs two flights of each side."""


def handshake_fault(
    leaf: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    between: Sequence[x509.Certificate],
    anchor: x509.Certificate,
) -> str | None:
    """Return why a client that trusts only ``anchor`` refuses a server with ``leaf``, or None.

    Lives are not judged.

    Args:
        leaf: the server's certificate.
        key: its private key.
        between: what the server sends after it.
        anchor: what the client trusts; it need not be self-signed.
    """
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = _client(anchor).wrap_bio(to_client, to_server)
    try:
        server = _server(leaf, key, between).wrap_bio(to_server, to_client, server_side=True)
        for _ in range(_TURNS):
            for end in (client, server):
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return f"OpenSSL refuses it: {error.verify_message}"
    except ssl.SSLError as error:
        return f"TLS fails: {error.reason}"
    return None if client.version() and client.getpeercert(binary_form=True) else "TLS never ends"


def _client(anchor: x509.Certificate) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname = False  # the identity is a URI
    strict = ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    found.verify_flags = ssl.VerifyFlags(found.verify_flags | strict | _NO_CHECK_TIME)
    found.load_verify_locations(cadata=pem_chain([anchor]))
    return found


def _server(
    leaf: x509.Certificate, key: ec.EllipticCurvePrivateKey, between: Sequence[x509.Certificate]
) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:  # the ssl module reads keys from files only
        file.write(_pem(key) + pem_chain([leaf, *between]).encode())
        file.flush()
        found.load_cert_chain(file.name)
    return found


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

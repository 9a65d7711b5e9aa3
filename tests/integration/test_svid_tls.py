"""Leaves in real TLS: Python's ``ssl`` on both ends, and ``openssl s_client`` on one."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from ca_core.identity.certificates import pem_chain
from ca_core.identity.keys import KeySpec
from ca_core.identity.spiffe import ServiceId
from tests.integration.svid import (
    CA_KEYS,
    DOMAIN,
    LEAF_KEYS,
    WEB,
    Authority,
    authority,
    corporate,
    key_of,
    leaf_under,
    pem_key,
    write,
)

API = ServiceId(trust_domain=DOMAIN, datacenter="dc1", service="api")
MAKERS = {"own root": authority, "corporate-signed": corporate}


def context(folder: Path, made: Authority, side: int, leaf_key: KeySpec, **names) -> ssl.SSLContext:
    """Return a context with a leaf and its chain that trusts the anchor and asks for a peer."""
    key = key_of(leaf_key, 20 + side)
    leaf = leaf_under(made, key, **names)
    path = write(folder / f"{side}.pem", pem_key(key) + pem_chain([leaf, *made.between]))
    anchor = write(folder / "anchor.pem", pem_chain([made.anchor.certificate]))
    found = ssl.SSLContext(side)
    found.check_hostname = False  # the identity is a URI, read after the handshake
    found.verify_mode = ssl.CERT_REQUIRED
    found.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    found.load_cert_chain(path)
    found.load_verify_locations(anchor)
    return found


def shaken(client: ssl.SSLContext, server: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Return both ends after a handshake in memory, or raise what the first to refuse raised."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="web"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = list(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
    assert not waiting
    return ends[0], ends[1]


def peer_uri(end: ssl.SSLObject) -> str:
    """Return the URI in the certificate the other end showed."""
    der = end.getpeercert(binary_form=True)
    assert der is not None
    names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return names.value.get_values_for_type(x509.UniformResourceIdentifier)[0]


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("ca_key", CA_KEYS, ids=str)
def test_two_leaves_of_one_authority_shake_hands(ca_key, maker, tmp_path):
    """MTLS with every kind of CA: each end verifies the other and sees its identity."""
    made = maker(ca_key)
    server = context(tmp_path, made, ssl.PROTOCOL_TLS_SERVER, LEAF_KEYS[0])
    client = context(tmp_path, made, ssl.PROTOCOL_TLS_CLIENT, LEAF_KEYS[0], identity=API)
    ours, theirs = shaken(client, server)
    assert (peer_uri(ours), peer_uri(theirs)) == (str(WEB), str(API))
    assert ours.version() == "TLSv1.3"


@pytest.mark.parametrize("leaf_key", LEAF_KEYS, ids=str)
def test_leaves_of_any_key_shake_hands(leaf_key, tmp_path):
    """EC, RSA and Ed25519 leaves, on both ends."""
    made = authority(CA_KEYS[0])
    server = context(tmp_path, made, ssl.PROTOCOL_TLS_SERVER, leaf_key)
    client = context(tmp_path, made, ssl.PROTOCOL_TLS_CLIENT, leaf_key)
    assert peer_uri(shaken(client, server)[0]) == str(WEB)


def test_a_leaf_of_another_authority_is_refused(tmp_path):
    """The same names under another root do not shake hands."""
    (tmp_path / "other").mkdir()
    server = context(
        tmp_path / "other", corporate(CA_KEYS[0]), ssl.PROTOCOL_TLS_SERVER, LEAF_KEYS[0]
    )
    client = context(tmp_path, authority(CA_KEYS[0]), ssl.PROTOCOL_TLS_CLIENT, LEAF_KEYS[0])
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        shaken(client, server)


@contextmanager
def served(server: ssl.SSLContext) -> Iterator[int]:
    """Serve one TLS connection on loopback; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def answer() -> None:
            raw, _ = listener.accept()
            with raw, server.wrap_socket(raw, server_side=True) as connection:
                connection.recv(100)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=20)
        assert not thread.is_alive()


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("ca_key", CA_KEYS, ids=str)
def test_openssls_client_verifies_our_server(ca_key, maker, tmp_path):
    """``openssl s_client`` with strict checking and a client leaf ends with code 0."""
    made = maker(ca_key)
    server = context(tmp_path, made, ssl.PROTOCOL_TLS_SERVER, LEAF_KEYS[0])
    context(tmp_path, made, ssl.PROTOCOL_TLS_CLIENT, LEAF_KEYS[0])
    own = tmp_path / f"{ssl.PROTOCOL_TLS_CLIENT}.pem"
    chain = write(tmp_path / "chain.pem", pem_chain(made.between))
    with served(server) as port:
        done = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-cert", own),
                *("-key", own, "-cert_chain", chain, "-CAfile", tmp_path / "anchor.pem"),
                *("-verify_return_error", "-partial_chain", "-x509_strict", "-no-CApath"),
            ],
            input=b"hello\n",
            capture_output=True,
            check=False,
            timeout=20,
        )
    assert b"Verify return code: 0 (ok)" in done.stdout

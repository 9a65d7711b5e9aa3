"""A real TLS handshake: what OpenSSL thinks of a leaf, and not only our own walk."""

import ssl
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from ca_core.clock import SystemClock
from ca_core.contract import PrivateKey
from ca_core.testing.assertions.certificates import assert_chains_to
from ca_core.testing.assertions.wording import named
from ca_core.testing.conformance.handshaking import End, shake_hands
from ca_core.testing.conformance.verdict import Violation


def assert_handshake(
    leaf: x509.Certificate,
    key: PrivateKey,
    chain: Sequence[x509.Certificate],
    *,
    anchors: Sequence[x509.Certificate],
    now: datetime | None = None,
) -> None:
    """Assert that two ends that both show this leaf complete mutual TLS 1.3, in memory.

    OpenSSL is the judge, as strict as ``openssl verify -x509_strict``, on both sides. Lives are
    judged by our own walk, since OpenSSL knows the machine's clock only.

    Args:
        leaf: what both ends show.
        key: its private key.
        chain: what signed it first, the anchor last; what is an anchor is not sent.
        anchors: what both ends trust; the chain ends at one of them.
        now: aware UTC; None is the machine's clock.

    Raises:
        Violation: in OpenSSL's own words, or the walk's.
    Source: RFC 8446 §4.4.2, SPIFFE X509-SVID §5.
    """
    assert_chains_to(leaf, chain, anchors, now=now or SystemClock().now())
    end = End((leaf, *(link for link in chain if link not in anchors)), key)
    try:
        shake_hands(end, end, chain[-1])
    except (ssl.SSLError, TimeoutError) as error:
        raise Violation(f"TLS with {named(leaf)} fails: {error} (RFC 8446 §4.4.2)") from error

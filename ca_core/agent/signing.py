"""Who signs leaves now, and whether a leaf is theirs; pure.

A key id names a key, not a certificate: two signers may have one key, or a CA may choose its ids.
Where ids collide, the certificates decide.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from ca_core.errors import ProviderError, RequestError
from ca_core.identity.certificates import (
    authority_key_id,
    colon_hex,
    fingerprint,
    parse_certificates,
)
from ca_core.identity.paths import is_signed_by
from ca_core.wire.roots import CARoot


@dataclass(frozen=True, slots=True)
class Signer:
    """What signed one leaf.

    Attributes:
        key_id: the leaf's AKI, colon hex.
        certificate: SHA-256 of the certificate that signed it, hex.
    """

    key_id: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Signing:
    """What signs leaves now, as the roots tell it.

    Attributes:
        key_id: SKI of what signs, colon hex.
        certificates: SHA-256, hex, of the active root and of all that its leaves bring.
        mark: differs whenever one of the two does.
    """

    key_id: str
    certificates: frozenset[str]
    mark: str

    def signed(self, signer: Signer) -> bool:
        """Say whether what signed a leaf is what signs now."""
        return signer.key_id == self.key_id and signer.certificate in self.certificates


def signing_of(active: CARoot) -> Signing:
    """Return what signs now.

    Raises:
        ProviderError: what the root's leaves bring is no certificate.
    """
    try:
        pem = "".join((active.root_cert, *(active.intermediate_certs or ())))
        found = frozenset(fingerprint(each) for each in parse_certificates(pem, field="Roots"))
    except RequestError as error:
        raise ProviderError(f"the server's answer has no certificate: {error}") from error
    words = " ".join((active.signing_key_id, *sorted(found)))
    return Signing(active.signing_key_id, found, hashlib.sha256(words.encode()).hexdigest())


def signer_of(chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]) -> Signer:
    """Return what signed the leaf ``chain[0]``: one of what it brings, else one of the anchors.

    Of several with one key, what the leaf brings counts, then the anchor that came last.
    """
    leaf = chain[0]
    issuer = next((c for c in (*chain[1:], *reversed(anchors)) if is_signed_by(leaf, c)), None)
    return Signer(
        colon_hex(authority_key_id(leaf) or b""), "" if issuer is None else fingerprint(issuer)
    )

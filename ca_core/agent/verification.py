"""What a server sends is checked before use: names, key, a path to a trusted root; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.errors import ProviderError, RequestError
from ca_core.identity.certificates import fingerprint, parse_certificates, spki_der, uri_sans
from ca_core.identity.csr import IPAddress
from ca_core.identity.paths import is_signed_by, path_faults
from ca_core.identity.spiffe import SpiffeId

MAX_CHAIN = 8
"""Leaf, intermediates and cross-signed certificates; a longer chain is not one of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked of the server; the names in the order of the CSR."""

    key: ec.EllipticCurvePrivateKey
    identity: SpiffeId
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[IPAddress, ...] = ()

    def __repr__(self) -> str:
        return f"Wanted({self.identity})"


class UntrustedChainError(ProviderError):
    """The leaf is ours, but no root that is known here leads to it (yet)."""


def verified_chain(
    cert_pem: str, wanted: Wanted, anchors: Sequence[x509.Certificate], *, now: datetime
) -> tuple[x509.Certificate, ...]:
    """Return the certificates that a server sent for ``wanted``, leaf first, once they passed.

    1. It is PEM, at most ``MAX_CHAIN`` certificates.
    2. The leaf holds our public key.
    3. It names exactly the identity, DNS names and addresses asked for.
    4. A path of the certificates sent leads from the leaf to one of ``anchors``, valid now.

    The leaf's own validity is not judged here: it is looked at whenever the leaf is answered.

    Raises:
        ProviderError: (1) to (3).
        UntrustedChainError: (4).
    """
    try:
        chain = parse_certificates(cert_pem, field="CertPEM")  # (1)
    except RequestError as error:
        raise ProviderError(f"the server sent no certificate: {error}") from error
    if len(chain) > MAX_CHAIN:
        raise ProviderError(f"the server sent {len(chain)} certificates, at most {MAX_CHAIN}")
    leaf = chain[0]
    if spki_der(leaf.public_key()) != spki_der(wanted.key.public_key()):
        raise ProviderError("the server certified another key than ours")  # (2)
    if not _names_match(leaf, wanted):
        raise ProviderError(f"the server's leaf does not name exactly {wanted.identity}")  # (3)
    if trusted_path(chain, anchors, now=now) is None:
        raise UntrustedChainError(f"the leaf of {wanted.identity} leads to no trusted root")  # (4)
    return chain


def trusted_path(
    chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], *, now: datetime
) -> tuple[x509.Certificate, ...] | None:
    """Return signer to anchor for the leaf ``chain[0]``, or None if no path holds.

    Each certificate of the chain is used at most once, in any order: a cross-signed root may stand
    beside the path that is taken.
    """
    for issuers in _paths_above(chain[0], tuple(chain[1:]), tuple(anchors)):
        if not path_faults(issuers, now=now):
            return issuers
    return None


def _paths_above(
    below: x509.Certificate,
    others: tuple[x509.Certificate, ...],
    anchors: tuple[x509.Certificate, ...],
) -> list[tuple[x509.Certificate, ...]]:
    found: list[tuple[x509.Certificate, ...]]
    found = [(anchor,) for anchor in anchors if is_signed_by(below, anchor)]
    for position, issuer in enumerate(others):
        if is_signed_by(below, issuer):
            rest = others[:position] + others[position + 1 :]
            found += [(issuer, *above) for above in _paths_above(issuer, rest, anchors)]
    return found


def _names_match(leaf: x509.Certificate, wanted: Wanted) -> bool:
    if uri_sans(leaf) != (str(wanted.identity),):
        return False
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns = names.get_values_for_type(x509.DNSName)
    addresses = names.get_values_for_type(x509.IPAddress)
    return (tuple(dns), tuple(addresses)) == (wanted.dns_names, wanted.ip_addresses)


def pinned(anchors: Sequence[x509.Certificate], pin: str) -> x509.Certificate | None:
    """Return the certificate whose SHA-256 fingerprint (lower-case hex) is ``pin``, or None."""
    return next((anchor for anchor in anchors if fingerprint(anchor) == pin), None)

"""What to check before keeping a chain that somebody else signed, or that an operator handed over.

Pure: faults come back as sentences; the caller decides whether the operator or the caller must act.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ca_core.errors import RequestError
from ca_core.identity.certificates import is_self_signed, spki_der, uri_sans
from ca_core.identity.keys import PrivateKey, key_spec_of
from ca_core.identity.paths import path_faults, path_length_allows, path_length_of
from ca_core.identity.spiffe import TrustDomain

_SPIFFE = "spiffe://"


def authority_faults(
    chain: Sequence[x509.Certificate],
    *,
    key: PrivateKey | CertificatePublicKeyTypes,
    trust_domain: TrustDomain,
    now: datetime,
    signs_leaves: bool,
) -> tuple[str, ...]:
    """Return what speaks against ``chain`` as the chain of a primary CA; empty is good.

    1. The first certificate is for ``key`` (its public half will do), of a type that signs here.
    2. The path holds: CA, keyCertSign, subject, life, signatures, path lengths.
    3. A last certificate that names itself as issuer is signed by itself.
    4. Below it there is room for a signer, unless the primary CA signs leaves itself
       (``signs_leaves``); then it may sign CRLs too.
    5. A SPIFFE ID in it is ours.

    Source: RFC 5280 §6.1, SPIFFE X509-SVID §3.
    """
    found = list(path_faults(chain, now=now))  # (2)
    if not _is_readable(chain):
        return tuple(found) or ("a certificate cannot be read",)
    return (
        *_key_faults(chain[0], key),  # (1)
        *found,
        *_anchor_faults(chain[-1]),  # (3)
        *_room_faults(chain, 0 if signs_leaves else 1),  # (4)
        *(_crl_faults(chain[0]) if signs_leaves else ()),
        *_identity_faults(chain[0], trust_domain),  # (5)
    )


def intermediate_faults(
    chain: Sequence[x509.Certificate],
    *,
    key: PrivateKey | CertificatePublicKeyTypes,
    trust_domain: TrustDomain,
    now: datetime,
) -> tuple[str, ...]:
    """Return what speaks against ``chain`` as the chain of a secondary's signer; empty is good.

    1. It has the signer and at least its anchor.
    2. The signer is for ``key``; its public half will do.
    3. The path holds, and its last certificate is signed by itself if it says so.
    4. The signer has exactly our trust domain as its one URI.

    Source: RFC 5280 §6.1, SPIFFE X509-SVID §3.
    """
    if len(chain) < 2:  # noqa: PLR2004 - a signer and what signed it
        return ("the chain needs the signed certificate and its issuers, the anchor last",)  # (1)
    found = list(path_faults(chain, now=now))  # (3)
    if not _is_readable(chain):
        return tuple(found) or ("a certificate cannot be read",)
    if uri_sans(chain[0]) != (f"{_SPIFFE}{trust_domain}",):
        found.append(f"its one URI must be {_SPIFFE}{trust_domain}")  # (4)
    return (*_key_faults(chain[0], key), *found, *_anchor_faults(chain[-1]))  # (2)


def room_below(chain: Sequence[x509.Certificate]) -> int | None:
    """Return how many CA certificates fit below ``chain[0]``; None if nothing limits it."""
    limits = [
        limit - position
        for position, limit in enumerate(map(path_length_of, chain))
        if limit is not None
    ]
    return min(limits, default=None)


def _is_readable(chain: Sequence[x509.Certificate]) -> bool:
    """Say whether every key and extension of a chain that is not empty can be read at all."""
    try:
        for certificate in chain:
            certificate.public_key()
            tuple(certificate.extensions)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return False
    return bool(chain)


def _key_faults(
    certificate: x509.Certificate, key: PrivateKey | CertificatePublicKeyTypes
) -> list[str]:
    public_key = key.public_key() if isinstance(key, PrivateKey) else key
    if spki_der(certificate.public_key()) != spki_der(public_key):
        return ["the private key does not belong to the certificate"]
    try:
        key_spec_of(certificate.public_key())
    except RequestError as error:
        return [str(error)]
    return []


def _anchor_faults(anchor: x509.Certificate) -> list[str]:
    if anchor.issuer == anchor.subject and not is_self_signed(anchor):
        return ["the last certificate names itself as its issuer, but did not sign itself"]
    return []


def _room_faults(chain: Sequence[x509.Certificate], below: int) -> list[str]:
    return [
        f"certificate {position}: path length leaves no room for a signer below"
        for position, certificate in enumerate(chain)
        if not path_length_allows(certificate, position + below)
        and path_length_allows(certificate, position)
    ]


def _crl_faults(certificate: x509.Certificate) -> list[str]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return []  # the path walk reports it
    return [] if usage.crl_sign else ["no cRLSign, which a CA that signs leaves itself needs"]


def _identity_faults(certificate: x509.Certificate, trust_domain: TrustDomain) -> list[str]:
    ours = f"{_SPIFFE}{trust_domain}"
    foreign = [u for u in uri_sans(certificate) if u.startswith(_SPIFFE) and u != ours]
    return [f"it carries {uri}, our trust domain is {ours}" for uri in foreign]

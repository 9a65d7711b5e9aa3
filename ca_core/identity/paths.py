"""Our own walk up a certificate path.

pyca's verifier refuses Ed25519 chains and URI name constraints, and Python's ``ssl`` gives no
verdict without a connection; this walk covers every key type we support. It checks a path somebody
hands us, in order; it searches for none.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from ca_core.identity.certificates import authority_key_id, is_ca, subject_key_id


def path_faults(path: Sequence[x509.Certificate], *, now: datetime) -> tuple[str, ...]:
    """Return what is wrong with a path of CA certificates; empty is good.

    Order: signer first, anchor last.

    1. Every certificate is a CA with keyCertSign, a subject and an SKI.
    2. ``now`` lies within every certificate's life.
    3. Each but the last was issued by the next: names, signature, AKI equals SKI.
    4. Path lengths hold: the certificate at position i has i CA certificates below it.
    5. No critical extension outside what this walk understands.

    The anchor's own signature is not asked for: it is trusted by being the anchor.
    Source: RFC 5280 §6.1, restricted to one given path.
    """
    if not path:
        return ("the path is empty",)
    faults: list[str] = []
    for position, certificate in enumerate(path):
        faults.extend(
            f"certificate {position}: {f}" for f in _ca_faults(certificate, position, now)
        )
    for position, (subject, issuer) in enumerate(pairwise(path)):
        faults.extend(f"certificate {position}: {fault}" for fault in issue_faults(subject, issuer))
    return tuple(faults)


def _ca_faults(certificate: x509.Certificate, below: int, now: datetime) -> list[str]:
    faults = []
    if not is_ca(certificate):
        return ["not a CA"]
    if not _may_sign(certificate):
        faults.append("no keyCertSign")  # (1)
    if not certificate.subject.rdns:
        faults.append("empty subject")
    if subject_key_id(certificate) is None:
        faults.append("no subject key identifier")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        faults.append("expired or not yet valid")  # (2)
    if not path_length_allows(certificate, below):
        faults.append(f"path length does not allow {below} CA certificates below")  # (4)
    return faults + _unknown_critical(certificate)  # (5)


_UNDERSTOOD = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.SubjectAlternativeName,
    x509.SubjectKeyIdentifier,
    x509.AuthorityKeyIdentifier,
    x509.ExtendedKeyUsage,
)


def _unknown_critical(certificate: x509.Certificate) -> list[str]:
    return [
        f"critical extension {extension.oid.dotted_string}"
        for extension in certificate.extensions
        if extension.critical and not isinstance(extension.value, _UNDERSTOOD)
    ]


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.key_cert_sign


def path_length_of(certificate: x509.Certificate) -> int | None:
    """Return the path length constraint, or None if there is none."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return None
    return found.value.path_length


def path_length_allows(certificate: x509.Certificate, below: int) -> bool:
    """Say whether this CA allows ``below`` CA certificates between it and the leaf."""
    limit = path_length_of(certificate)
    return limit is None or below <= limit


def issue_faults(subject: x509.Certificate, issuer: x509.Certificate) -> tuple[str, ...]:
    """Return what speaks against ``issuer`` having issued ``subject``; empty if it did.

    Names, signature, and AKI equal to the issuer's SKI (mixing SKI methods breaks chains).
    """
    if subject.issuer != issuer.subject:
        return ("issuer name differs from the issuer's subject",)
    if authority_key_id(subject) != subject_key_id(issuer):
        return ("authority key identifier differs from the issuer's subject key identifier",)
    if not is_signed_by(subject, issuer):
        return ("signature does not verify under the issuer's key",)
    return ()


def is_signed_by(subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Say whether the names match and the signature verifies under the issuer's key."""
    try:
        subject.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True

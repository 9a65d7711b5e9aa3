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
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca_core.errors import RequestError
from ca_core.identity.certificates import authority_key_id, is_ca, subject_key_id
from ca_core.identity.keys import check_leaf_key
from ca_core.identity.nameconstraints import constrained_names, name_fault

_UNDERSTOOD = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.SubjectAlternativeName,
    x509.SubjectKeyIdentifier,
    x509.AuthorityKeyIdentifier,
    x509.ExtendedKeyUsage,
    x509.NameConstraints,
)
_PURPOSES = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH})


def path_faults(path: Sequence[x509.Certificate], *, now: datetime) -> tuple[str, ...]:
    """Return what is wrong with a path of CA certificates, signer first, anchor last.

    Nothing is wrong with it if the answer is empty.

    1. Every certificate is a CA with keyCertSign, a subject, an SKI and a strong enough key.
    2. ``now`` lies within every certificate's life.
    3. Each but the last was issued by the next: names, signature (never SHA-1), AKI equals SKI.
    4. Path lengths hold: the certificate at position i has i CA certificates below it.
    5. No critical extension outside what this walk understands.
    6. A CA with extended key usages has those of a server and a client.
    7. Name constraints permit the names of every certificate below.
    8. No certificate stands in it twice.

    The anchor's own signature is not asked for: it is trusted by being the anchor. A certificate
    that cannot be read is at fault; nothing is raised.
    Source: RFC 5280 §6.1, restricted to one given path.
    """
    late = tuple(
        f"certificate {position}: expired or not yet valid"  # (2)
        for position, certificate in enumerate(path)
        if not is_alive(certificate, now=now)
    )
    return shape_faults(path) + late


def is_alive(certificate: x509.Certificate, *, now: datetime) -> bool:
    """Say whether ``now`` lies within the certificate's life, both ends included."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def shape_faults(path: Sequence[x509.Certificate]) -> tuple[str, ...]:
    """Return what is wrong with a path at any time: ``path_faults`` without its second rule."""
    if not path:
        return ("the path is empty",)
    try:
        return tuple(_all_shape_faults(path))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        return (f"a certificate cannot be read ({type(error).__name__})",)


def _all_shape_faults(path: Sequence[x509.Certificate]) -> list[str]:
    faults: list[str] = []
    for position, certificate in enumerate(path):
        found = _ca_faults(certificate, position) + _constraint_faults(certificate, path[:position])
        faults.extend(f"certificate {position}: {fault}" for fault in found)
    for position, (subject, issuer) in enumerate(pairwise(path)):
        faults.extend(f"certificate {position}: {fault}" for fault in issue_faults(subject, issuer))
    return faults + _repetitions(path)  # (8)


def _repetitions(path: Sequence[x509.Certificate]) -> list[str]:
    return [
        f"certificate {position}: stands in the path twice"
        for position, certificate in enumerate(path)
        if certificate in path[:position]
    ]


def _ca_faults(certificate: x509.Certificate, below: int) -> list[str]:
    if not is_ca(certificate):
        return ["not a CA"]
    faults = []
    if not _may_sign(certificate):
        faults.append("no keyCertSign")  # (1)
    if not certificate.subject.rdns:
        faults.append("empty subject")
    if subject_key_id(certificate) is None:
        faults.append("no subject key identifier")
    if not _key_is_strong(certificate):
        faults.append("its key is too weak or of an unsupported kind")
    if not path_length_allows(certificate, below):
        faults.append(f"path length does not allow {below} CA certificates below")  # (4)
    if not _serves_both_ends(certificate):
        faults.append("its extended key usages are not those of a server and a client")  # (6)
    return faults + _unknown_critical(certificate)  # (5)


def _key_is_strong(certificate: x509.Certificate) -> bool:
    try:
        check_leaf_key(certificate.public_key())
    except RequestError:
        return False
    return True


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


def _serves_both_ends(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    found = frozenset(usage)
    return ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in found or found >= _PURPOSES


def _constraint_faults(
    certificate: x509.Certificate, below: Sequence[x509.Certificate]
) -> list[str]:
    constraints = name_constraints_of(certificate)  # (7)
    if constraints is None:
        return []
    found = (name_fault(constraints, constrained_names(lower)) for lower in below)
    return [fault for fault in found if fault is not None]


def name_constraints_of(certificate: x509.Certificate) -> x509.NameConstraints | None:
    """Return the name constraints, or None if there are none."""
    try:
        return certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None


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
    """Say whether the names match and the signature verifies; pyca verifies no SHA-1 or MD5.

    A signature that claims unused bits does not count: pyca passes over a byte that no signature
    covers, and stricter verifiers would refuse what we called good.
    Source: RFC 5280 §6.1.3.
    """
    try:
        subject.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return _unused_bits(subject) == 0


def _unused_bits(certificate: x509.Certificate) -> int:
    """Return what the BIT STRING of the signature, the last thing in the DER, says of itself."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    return der[-len(certificate.signature) - 1]

"""Reading certificates: identifiers, fingerprints, names, PEM with bounds.

Serial numbers, key ids and fingerprints are shown the way Consul shows them: lower-case bytes
joined by ``:``.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ca_core.errors import RequestError

MAX_PEM_BYTES = 256 * 1024
"""More than any chain that fits in a TLS handshake (64 KiB), several times over."""

_BEGIN = b"-----BEGIN "


def colon_hex(raw: bytes) -> str:
    """Return bytes as ``0a:1b``, Consul's way to print ids."""
    return raw.hex(":")


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the DER, 64 lower-case hex digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def root_id(certificate: x509.Certificate) -> str:
    """Return Consul's ``CARoot.ID``: SHA-1 of the DER, colon hex. A name, not a proof."""
    return colon_hex(certificate.fingerprint(hashes.SHA1()))  # noqa: S303 - Consul's wire format


def serial_hex(certificate: x509.Certificate) -> str:
    """Return the serial number's big-endian bytes in colon hex, for example ``08``."""
    serial = certificate.serial_number
    return colon_hex(serial.to_bytes(max(1, (serial.bit_length() + 7) // 8), "big"))


def subject_key_id(certificate: x509.Certificate) -> bytes | None:
    """Return the certificate's SKI, or None if it has none."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return None
    return found.value.digest


def authority_key_id(certificate: x509.Certificate) -> bytes | None:
    """Return the key id of the certificate's AKI, or None if it has none."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return None
    return found.value.key_identifier


def spki_der(key: CertificatePublicKeyTypes) -> bytes:
    """Return the key as DER SubjectPublicKeyInfo, the form in which keys are compared."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def spki_digest(key: CertificatePublicKeyTypes) -> str:
    """Return the SHA-256 of the DER SubjectPublicKeyInfo, 64 lower-case hex digits."""
    return hashlib.sha256(spki_der(key)).hexdigest()


def uri_sans(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the URI SANs in order; empty if there is no SAN."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.value.get_values_for_type(x509.UniformResourceIdentifier))


def is_ca(certificate: x509.Certificate) -> bool:
    """Say whether BasicConstraints declares a CA (RFC 5280 §4.2.1.9)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Say whether the certificate is its own issuer, by name and by signature."""
    if certificate.issuer != certificate.subject:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except Exception:  # noqa: BLE001 - pyca raises several types for "no"
        return False
    return True


def pem_of(certificate: x509.Certificate) -> str:
    """Return the certificate as PEM, one block, newline-terminated."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def pem_chain(certificates: Iterable[x509.Certificate]) -> str:
    """Return certificates as concatenated PEM blocks in the order given."""
    return "".join(pem_of(certificate) for certificate in certificates)


def parse_certificates(
    text: str | bytes, *, field: str = "certificate"
) -> tuple[x509.Certificate, ...]:
    """Return the certificates in PEM text, in order; at least one.

    Raises:
        RequestError: not PEM (DER is named as such), truncated, or larger than ``MAX_PEM_BYTES``.
    """
    raw = checked_pem(text, field)
    try:
        return tuple(x509.load_pem_x509_certificates(raw))
    except (ValueError, x509.InvalidVersion) as error:
        raise RequestError(f"not a PEM certificate: {error}", field=field) from None


def checked_pem(text: str | bytes, field: str) -> bytes:
    """Return PEM text as bytes after the checks that give the best error messages.

    Raises:
        RequestError: empty, too large, DER, or without a PEM header.
    """
    raw = text.encode(errors="replace") if isinstance(text, str) else text
    if len(raw) > MAX_PEM_BYTES:
        raise RequestError(f"larger than {MAX_PEM_BYTES} bytes", field=field)
    if _BEGIN in raw:
        return raw
    if raw[:1] == b"\x30":
        raise RequestError("this is DER; PEM text is needed ('-----BEGIN …')", field=field)
    raise RequestError("no PEM-encoded data found ('-----BEGIN …' is missing)", field=field)


def bundle_digest(anchors: Sequence[x509.Certificate]) -> str:
    """Return the digest of a bundle: SHA-256 over the sorted fingerprints, lower-case hex.

    The order and repetition of anchors do not matter.
    """
    marks = sorted({fingerprint(anchor) for anchor in anchors})
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()


@lru_cache(maxsize=256)
def parsed_chain(pem: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates of PEM text that we wrote; remembered, since chains repeat."""
    return tuple(x509.load_pem_x509_certificates(pem.encode()))

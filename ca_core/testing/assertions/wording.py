"""How assertions speak of certificates, and where the rules stand."""

from cryptography import x509

from ca_core.contract import fingerprint

GUARD = "docs/guard.md"
"""Where the numbered rules stand."""


def named(certificate: x509.Certificate) -> str:
    """Return what people call a certificate: its URI or subject, and the start of its SHA-256."""
    names = alternative_names(certificate)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names else []
    shown = certificate.subject.rfc4514_string() or next(iter(uris), "a certificate without names")
    return f"{shown} ({fingerprint(certificate)[:12]}…)"


def alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    """Return the certificate's SAN, or None if it has none."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None

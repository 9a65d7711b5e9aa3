"""Providers that declare TEMPLATE and copy something from the CSR."""

from contextlib import suppress

from cryptography import x509

from tests.conformance.broken.spoiling import spoiled_leaf


def from_csr(kind):
    """Return a change: take that extension from the CSR, if it has one."""

    def change(honest, request):
        with suppress(ValueError, x509.DuplicateExtension, x509.ExtensionNotFound):
            asked = request.csr.extensions.get_extension_for_class(kind)
            return honest.having(asked.value, critical=asked.critical)
        return honest

    return change


def always(_request):
    """Look at every CSR."""
    return True


BROKEN = (
    spoiled_leaf(
        "copies-names",
        "copies names from the CSR",
        "template.names",
        from_csr(x509.SubjectAlternativeName),
        when=always,
    ),
    spoiled_leaf(
        "copies-constraints",
        "copies BasicConstraints from the CSR",
        "template.ca",
        from_csr(x509.BasicConstraints),
        when=always,
    ),
    spoiled_leaf(
        "copies-subject",
        "copies the subject from the CSR",
        "template.subject",
        lambda honest, request: honest.but(subject=request.csr.subject),
        when=always,
    ),
    spoiled_leaf(
        "copies-purpose",
        "copies the extended key usage from the CSR",
        "template.purpose",
        from_csr(x509.ExtendedKeyUsage),
        when=always,
    ),
)

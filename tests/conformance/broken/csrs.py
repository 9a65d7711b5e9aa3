"""Providers that read more of a CSR than its key."""

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conformance.broken.hostility import small
from tests.conformance.broken.reissuing import reissued
from tests.conformance.broken.small import SmallProvider

SMALL = 64 * 1024
"""What this backend takes for a request of the usual size."""


def unknown_of(csr):
    """Return the extensions of a CSR that nobody knows; none if they cannot be read."""
    try:
        found = list(csr.extensions)
    except (ValueError, x509.DuplicateExtension):
        return []
    return [one for one in found if isinstance(one.value, x509.UnrecognizedExtension)]


class CopiesUnknown(SmallProvider):
    """Copies extensions that it does not know."""

    def sign_leaf(self, request):
        """Keep huge ones out, at least."""
        leaf, key = super().sign_leaf(request), self.kept.signer(request.signer).pair.key
        extra = [(one.value, False) for one in unknown_of(request.csr) if len(one.value.value) < 99]
        return reissued(leaf, key, extra=extra) if extra else leaf


class ReadsExtensions(SmallProvider):
    """Looks through the CSR's extensions, for its log."""

    def sign_leaf(self, request):
        """Count them."""
        self.context.logger.debug("%d extensions asked for", len(request.csr.extensions))
        return super().sign_leaf(request)


class FixedBuffer(SmallProvider):
    """Hands the CSR to a backend with a buffer of fixed size."""

    def sign_leaf(self, request):
        """Overflow it."""
        if len(request.csr.public_bytes(serialization.Encoding.DER)) > SMALL:
            raise BufferError("the request does not fit")
        return super().sign_leaf(request)


class NamesCurves(SmallProvider):
    """Knows the names of the usual curves."""

    NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}  # noqa: RUF012 - read only

    def sign_leaf(self, request):
        """Look the curve up."""
        key = request.csr.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            self.context.logger.debug("a leaf for %s", self.NAMES[key.curve.name])
        return super().sign_leaf(request)


BROKEN = (
    small("copies-unknown", "copies unknown extensions", CopiesUnknown, "hostile.csr-extension"),
    small("reads-extensions", "dies of bad extensions", ReadsExtensions, "hostile.csr-unreadable"),
    small("fixed-buffer", "dies of a large CSR", FixedBuffer, "hostile.csr-huge"),
    small("names-curves", "dies of an unusual curve", NamesCurves, "hostile.csr-key"),
)

"""Providers whose intermediates for secondaries are wrong in one way."""

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.contract import KeySpec, checked_intermediate, generate_key
from ca_core.errors import RequestError
from ca_core.testing import ReferenceProvider
from tests.conformance.broken.spoiling import (
    COUNTED,
    FOREIGN_EXTENSION,
    broken,
    spoiled_intermediate,
)
from tests.unit.authority.drafts import draft

DAY, YEAR = timedelta(days=1), timedelta(days=365)
NOBODY = x509.AuthorityKeyIdentifier(b"nobody", None, None)
SAN = x509.SubjectAlternativeName


def short_lived(request):
    """Say whether a short life was asked for: the second template is for those."""
    return request.ttl < 60 * DAY


def spoiled(name, fault, caught_by, change):
    """Return a provider whose second template is wrong in one thing."""
    return spoiled_intermediate(name, fault, caught_by, change, when=short_lived)


class SignedByAnother(ReferenceProvider):
    """Signs some intermediates by another key."""

    def sign_intermediate(self, request):
        """Sign short-lived ones by a key of no certificate."""
        made = super().sign_intermediate(request)
        if not short_lived(request):
            return made
        return draft(made).signed(ec.generate_private_key(ec.SECP256R1()))


class CopiesNames(ReferenceProvider):
    """Copies the CSR's names."""

    def sign_intermediate(self, request):
        """Sign whatever trust domain the CSR names."""
        try:
            checked_intermediate(request, self._context.trust_domain)
        except RequestError:
            return self._copied(request)
        return super().sign_intermediate(request)

    def _copied(self, request):
        key, ttl = request.csr.public_key(), request.ttl
        honest = draft(self._intermediate(self._root(), key, "secondary", ttl))
        names = request.csr.extensions.get_extension_for_class(SAN).value
        return honest.having(names, critical=False).signed(self._root().key)


def host_too(honest, _request):
    """Add a host name."""
    return honest.having(
        SAN([*honest.extensions[SAN][0], x509.DNSName("ca.example")]), critical=False
    )


def not_critical(honest, _request):
    """Mark CA:TRUE as something that may be ignored."""
    return honest.having(honest.extensions[x509.BasicConstraints][0], critical=False)


BROKEN = (
    broken(
        "intermediate-by-another",
        "signs some intermediates by another key",
        "intermediate.signature",
        SignedByAnother,
    ),
    spoiled(
        "intermediate-key-id-of-nobody",
        "writes an authority key identifier of its own",
        "intermediate.authority-key-id",
        lambda honest, _request: honest.having(NOBODY, critical=False),
    ),
    spoiled(
        "intermediate-own-key",
        "signs a key of its own",
        "intermediate.key",
        lambda honest, _request: honest.but(key=generate_key(KeySpec()).public_key()),
    ),
    spoiled("intermediate-with-host", "adds a host name", "intermediate.trust-domain", host_too),
    spoiled("intermediate-ca-ignored", "marks CA as ignorable", "intermediate.ca", not_critical),
    spoiled(
        "intermediate-any-length",
        "sets no path length",
        "intermediate.path-length",
        lambda honest, _request: honest.having(x509.BasicConstraints(ca=True, path_length=None)),
    ),
    spoiled(
        "intermediate-nameless",
        "leaves the subject empty",
        "intermediate.subject",
        lambda honest, _request: honest.but(subject=x509.Name([])),
    ),
    spoiled(
        "intermediate-without-key-id",
        "leaves the subject key identifier out",
        "intermediate.key-id",
        lambda honest, _request: honest.without(x509.SubjectKeyIdentifier),
    ),
    spoiled_intermediate(
        "intermediate-for-a-year",
        "gives a year, whatever was asked",
        "intermediate.life",
        lambda honest, _request: honest.but(ends=honest.begins + YEAR),
        when=short_lived,
    ),
    spoiled_intermediate(
        "intermediate-beyond-authority",
        "does not clamp its life",
        "intermediate.within-authority",
        lambda honest, request: honest.but(ends=honest.begins + request.ttl),
        when=lambda request: request.ttl > 3650 * DAY,
    ),
    spoiled(
        "intermediate-from-tomorrow",
        "lets intermediates begin in hours",
        "intermediate.not-before",
        lambda honest, _request: honest.but(begins=honest.begins + timedelta(hours=2)),
    ),
    spoiled(
        "intermediate-counted",
        "counts serial numbers",
        "intermediate.serial",
        lambda honest, _request: honest.but(serial=COUNTED),
    ),
    spoiled(
        "intermediate-with-foreign-extension",
        "adds an extension",
        "intermediate.profile",
        lambda honest, _request: honest.having(FOREIGN_EXTENSION, critical=False),
    ),
    broken(
        "copies-trust-domain",
        "signs for the trust domain that the CSR names",
        "intermediate.foreign-domain",
        CopiesNames,
    ),
)

"""Providers whose cross-certificates are wrong where a path length is asked for, and only there."""

import dataclasses
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.contract import KeySpec, RequestError, generate_key
from ca_core.testing import ReferenceProvider, SlowBackend, SlowProvider, slow_plugin
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.spoiling import (
    COUNTED,
    FOREIGN_EXTENSION,
    SOMEBODY,
    broken,
    spoiled_cross,
)
from tests.unit.authority.drafts import draft

WEEK, YEAR = timedelta(days=7), timedelta(days=365)
NOBODY = x509.AuthorityKeyIdentifier(b"nobody", None, None)
OTHER_KEY_ID = x509.SubjectKeyIdentifier(b"somebody")


def with_length(request):
    """Say whether a path length was asked for."""
    return request.path_length is not None


def spoiled(name, fault, caught_by, change):
    """Return a provider whose second template is wrong in one thing."""
    return spoiled_cross(name, fault, caught_by, change, when=with_length)


class SignedByAnother(ReferenceProvider):
    """Signs some cross-certificates by another key."""

    def cross_sign(self, request):
        """Sign by a key of no certificate where a path length is asked for."""
        made = super().cross_sign(request)
        if not with_length(request):
            return made
        return draft(made).signed(ec.generate_private_key(ec.SECP256R1()))


class CsrOfAnotherName(ReferenceProvider):
    """Writes CSRs under a name of their own."""

    def cross_sign_csr(self, request):
        """Return a CSR whose subject is not the CA's."""
        algorithm = super().cross_sign_csr(request).signature_hash_algorithm
        builder = x509.CertificateSigningRequestBuilder().subject_name(SOMEBODY)
        return builder.sign(self._root().key, algorithm)


class CsrRenewsTheRoot(ReferenceProvider):
    """Re-issues the root when a CSR is asked for."""

    def cross_sign_csr(self, request):
        """Give the root another serial number first."""
        csr, root = super().cross_sign_csr(request), self._root()
        again = draft(root.chain[0]).but(serial=x509.random_serial_number())
        root.chain = (again.signed(root.key), *root.chain[1:])
        return csr


class NoCsrNeeded(SlowProvider):
    """Says that it needs a CSR and does without."""

    def cross_sign(self, request):
        """Go on with the certificate's own key, as if a CSR had come."""
        try:
            return super().cross_sign(request)
        except RequestError:
            own = dataclasses.replace(request, csr=_Stands(request.certificate))
            return super().cross_sign(own)


class _Stands:
    """Has a public key, like a CSR."""

    def __init__(self, certificate):
        self._certificate = certificate

    def public_key(self):
        """Return the certificate's key."""
        return self._certificate.public_key()


def no_csr_needed():
    """Return the slow provider's descriptor with the other class behind it."""
    backend = SlowBackend(polls=0)
    return dataclasses.replace(
        slow_plugin(backend), create=lambda _config, context: NoCsrNeeded(context, backend)
    )


BROKEN = (
    broken("cross-by-another", "signs by another key", "cross.signature", SignedByAnother),
    spoiled(
        "cross-key-id-of-nobody",
        "writes an authority key identifier of its own",
        "cross.authority-key-id",
        lambda honest, _request: honest.having(NOBODY, critical=False),
    ),
    spoiled(
        "cross-other-subject",
        "writes another subject",
        "cross.subject",
        lambda honest, _request: honest.but(subject=SOMEBODY),
    ),
    spoiled(
        "cross-other-key",
        "signs another key",
        "cross.key",
        lambda honest, _request: honest.but(key=generate_key(KeySpec()).public_key()),
    ),
    spoiled(
        "cross-other-key-id",
        "computes a subject key identifier anew",
        "cross.key-id",
        lambda honest, _request: honest.having(OTHER_KEY_ID, critical=False),
    ),
    spoiled(
        "cross-without-names",
        "leaves the names out",
        "cross.names",
        lambda honest, _request: honest.without(x509.SubjectAlternativeName),
    ),
    spoiled(
        "cross-may-not-sign",
        "leaves keyCertSign out",
        "cross.ca",
        lambda honest, _request: honest.usage(key_cert_sign=False),
    ),
    spoiled(
        "cross-any-length",
        "sets no path length",
        "cross.path-length",
        lambda honest, _request: honest.having(x509.BasicConstraints(ca=True, path_length=None)),
    ),
    spoiled(
        "cross-for-a-week",
        "gives a week, whatever was asked",
        "cross.life",
        lambda honest, _request: honest.but(ends=honest.begins + WEEK),
    ),
    spoiled_cross(
        "cross-beyond-authority",
        "does not clamp its life",
        "cross.within-authority",
        lambda honest, request: honest.but(ends=request.not_after),
        when=lambda request: request.not_after - request.certificate.not_valid_after_utc > YEAR,
    ),
    spoiled(
        "cross-from-tomorrow",
        "lets cross-certificates begin in hours",
        "cross.not-before",
        lambda honest, _request: honest.but(begins=honest.begins + timedelta(hours=2)),
    ),
    spoiled(
        "cross-counted",
        "counts serial numbers",
        "cross.serial",
        lambda honest, _request: honest.but(serial=COUNTED),
    ),
    spoiled(
        "cross-old-serial",
        "copies the serial number",
        "cross.new-serial",
        lambda honest, request: honest.but(serial=request.certificate.serial_number),
    ),
    spoiled(
        "cross-with-foreign-extension",
        "adds an extension",
        "cross.profile",
        lambda honest, _request: honest.having(FOREIGN_EXTENSION, critical=False),
    ),
    Broken(
        name="needs-no-csr",
        fault="says that it needs a CSR and does without",
        caught_by=frozenset({"cross.needs-csr"}),
        plugin=no_csr_needed,
    ),
    broken("csr-of-another-name", "writes another name", "cross.csr", CsrOfAnotherName),
    broken(
        "csr-renews-the-root",
        "re-issues the root for a CSR",
        "cross.csr-changes-nothing",
        CsrRenewsTheRoot,
    ),
)

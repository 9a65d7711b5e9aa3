"""Providers whose leaves are wrong in one way, most of them in a second template for host names."""

import dataclasses
from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca_core.identity.leafcsr import leaf_csr, new_leaf_key
from ca_core.testing import ReferenceProvider
from tests.conformance.broken.spoiling import (
    COUNTED,
    FOREIGN_EXTENSION,
    SOMEBODY,
    broken,
    reference_with,
    spoiled_leaf,
)
from tests.unit.authority.drafts import draft

__all__ = ["BROKEN", "reference_with"]

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ONLY_SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
BARE_KEY_ID = x509.AuthorityKeyIdentifier(b"nobody", None, None)


class Wrapped:
    """Looks like a certificate, as another library's object would."""

    def __init__(self, certificate):
        self._certificate = certificate

    def __getattr__(self, name):
        return getattr(self._certificate, name)


class ForeignType(ReferenceProvider):
    """Answers the object of another library."""

    def sign_leaf(self, request):
        """Wrap the leaf."""
        return Wrapped(super().sign_leaf(request))


class OwnLeafKey(ReferenceProvider):
    """Makes the leaf's key itself where names are asked for."""

    def sign_leaf(self, request):
        """Sign another key than the CSR's."""
        if not request.dns_names:
            return super().sign_leaf(request)
        own = leaf_csr(new_leaf_key(), request.identity, request.dns_names, request.ip_addresses)
        return super().sign_leaf(dataclasses.replace(request, csr=own))


class SignedByRoot(ReferenceProvider):
    """Signs leaves with names by the primary's key, in the signer's name."""

    def sign_leaf(self, request):
        """Sign, and sign again by another key."""
        leaf = super().sign_leaf(request)
        return signed_again(leaf, self._root().key) if request.dns_names else leaf


def signed_again(leaf, key):
    """Return the leaf as it is, signed by ``key``."""
    return draft(leaf).signed(key)


class SerialOfKey(ReferenceProvider):
    """Makes the serial number from the leaf's key."""

    def sign_leaf(self, request):
        """Number the leaf by its key."""
        leaf = super().sign_leaf(request)
        digest = x509.SubjectKeyIdentifier.from_public_key(leaf.public_key()).digest
        made = draft(leaf).but(serial=int.from_bytes(digest[:15], "big") | 1 << 119)
        return made.signed(self._signer(request.signer).key)


def rounded_up(honest, request):
    """Count whole days, upwards."""
    days = -(-(request.not_after - honest.begins) // DAY)
    return honest.but(ends=honest.begins + days * DAY)


def whole_hours(honest, request):
    """Count whole hours, downwards; a certificate needs a second at least."""
    hours = (request.not_after - request.not_before) // HOUR
    return honest.but(ends=honest.begins + max(hours * HOUR, timedelta(seconds=1)))


def an_hour(honest, request):
    """Give an hour whatever was asked."""
    return honest.but(ends=min(honest.ends, request.not_before + HOUR))


def always(_request):
    """Spoil every leaf."""
    return True


BROKEN = (
    broken("foreign-leaf-type", "answers another library's object", "leaf.type", ForeignType),
    broken("own-leaf-key", "signs a key of its own", "leaf.key", OwnLeafKey),
    broken("leaf-by-root", "signs by the wrong key", "leaf.signature", SignedByRoot),
    spoiled_leaf(
        "leaf-key-id-of-nobody",
        "writes an authority key identifier of its own",
        "leaf.authority-key-id",
        lambda honest, _request: honest.having(BARE_KEY_ID, critical=False),
    ),
    spoiled_leaf(
        "leaf-with-common-name",
        "writes a common name",
        "leaf.subject",
        lambda honest, _request: honest.but(subject=SOMEBODY),
    ),
    spoiled_leaf(
        "leaf-names-not-critical",
        "does not mark the names critical",
        "leaf.san-critical",
        lambda honest, _request: honest.having(
            honest.extensions[x509.SubjectAlternativeName][0], critical=False
        ),
    ),
    spoiled_leaf(
        "leaf-without-constraints",
        "leaves BasicConstraints out",
        "leaf.not-a-ca",
        lambda honest, _request: honest.without(x509.BasicConstraints),
    ),
    spoiled_leaf(
        "leaf-usage-not-critical",
        "does not mark the key usage critical",
        "leaf.digital-signature",
        lambda honest, _request: honest.having(honest.extensions[x509.KeyUsage][0], critical=False),
    ),
    spoiled_leaf(
        "leaf-enciphers-data",
        "adds dataEncipherment, as Consul's leaves have it",
        "leaf.key-usage",
        lambda honest, _request: honest.usage(data_encipherment=True),
    ),
    spoiled_leaf(
        "leaf-for-servers",
        "gives leaves with host names to servers only",
        "leaf.purpose",
        lambda honest, _request: honest.having(ONLY_SERVER, critical=False),
    ),
    spoiled_leaf(
        "leaf-with-foreign-extension",
        "adds an extension",
        "leaf.profile",
        lambda honest, _request: honest.having(FOREIGN_EXTENSION, critical=False),
    ),
    spoiled_leaf(
        "leaf-from-tomorrow",
        "lets leaves begin in an hour",
        "leaf.not-before",
        lambda honest, _request: honest.but(begins=honest.begins + HOUR),
    ),
    spoiled_leaf(
        "leaf-in-whole-days",
        "rounds lives up to whole days",
        "leaf.at-most",
        rounded_up,
        when=lambda request: request.not_after - request.not_before < 2 * DAY,
    ),
    spoiled_leaf(
        "leaf-for-an-hour", "ignores the life asked for", "leaf.life", an_hour, when=always
    ),
    spoiled_leaf(
        "leaf-in-whole-hours",
        "rounds lives down to whole hours",
        "leaf.short-life",
        whole_hours,
        when=lambda request: request.not_after - request.not_before < HOUR,
    ),
    spoiled_leaf(
        "leaf-beyond-signer",
        "lets leaves with host names outlive their signer",
        "leaf.within-signer",
        lambda honest, request: honest.but(ends=request.not_after),
    ),
    spoiled_leaf(
        "leaf-counted",
        "counts serial numbers",
        "leaf.serial-random",
        lambda honest, _request: honest.but(serial=COUNTED),
    ),
    broken("leaf-serial-of-key", "numbers by key", "leaf.serial-unique", SerialOfKey),
)

"""Providers whose revocation lists are wrong, or do not list what was revoked."""

import dataclasses
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.contract import (
    RequestError,
    RevokedEntry,
    SignerUnknownError,
    signature_hash,
    subject_key_id,
    uri_sans,
)
from ca_core.testing import ReferenceProvider
from tests.conformance.broken.spoiling import broken

DAY = timedelta(days=1)


class Listing(ReferenceProvider):
    """Writes its own lists; a subclass changes one part."""

    key_id = None
    begins = timedelta()
    ends = DAY
    critical = ()

    def crl(self, request):
        """Return a list with the next number."""
        signer = self._signer(request.signer)
        number, entries = self._backend.next_crl(signer)
        now = self._context.clock.now()
        key_id = self.key_id or subject_key_id(signer.chain[0])
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(signer.chain[0].subject)
            .last_update(now + (self.begins if entries else timedelta()))
            .next_update(now + (self.ends if entries else DAY))
            .add_extension(x509.CRLNumber(self.number(number)), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier(key_id, None, None), critical=False)
        )
        for extension in self.critical:
            builder = builder.add_extension(extension, critical=True)
        for entry in self.listed(entries):
            builder = builder.add_revoked_certificate(revoked(entry))
        return builder.sign(self.signing(signer), signature_hash(self.signing(signer)))

    def number(self, number):
        """Return the number to write."""
        return number

    def listed(self, entries):
        """Return the entries to list."""
        return entries

    def signing(self, signer):
        """Return the key to sign with."""
        return signer.key


def revoked(entry):
    """Return a line of a list."""
    builder = x509.RevokedCertificateBuilder().serial_number(entry.serial)
    builder = builder.revocation_date(entry.at)
    if entry.reason is not x509.ReasonFlags.unspecified:
        builder = builder.add_extension(x509.CRLReason(entry.reason), critical=False)
    return builder.build()


class Wrapped:
    """Looks like a list, as another library's object would."""

    def __init__(self, crl):
        self._crl = crl

    def __getattr__(self, name):
        return getattr(self._crl, name)

    def __iter__(self):
        return iter(self._crl)


class ForeignType(ReferenceProvider):
    """Answers the object of another library."""

    def crl(self, request):
        """Wrap the list."""
        return Wrapped(super().crl(request))


class SignedByAnother(Listing):
    """Signs lists by another key."""

    def signing(self, signer):
        """Return a key of no certificate."""
        return OTHER


OTHER = ec.generate_private_key(ec.SECP256R1())


class KeyIdOfNobody(Listing):
    """Writes an authority key identifier of its own."""

    key_id = b"nobody"


class FromTomorrow(Listing):
    """Dates lists ahead."""

    begins = timedelta(hours=2)


class Stale(Listing):
    """Dates lists back, so that they are past at once."""

    begins = -2 * DAY
    ends = -DAY


class Partial(Listing):
    """Says that a list is about leaves only."""

    critical = (
        x509.IssuingDistributionPoint(
            full_name=None,
            relative_name=None,
            only_contains_user_certs=True,
            only_contains_ca_certs=False,
            only_some_reasons=None,
            indirect_crl=False,
            only_contains_attribute_certs=False,
        ),
    )


class Cached(Listing):
    """Lists what was revoked when it first made a list, and keeps that."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.first = None

    def listed(self, entries):
        """Return what the first list had, if that was nothing."""
        if self.first is None:
            self.first = tuple(entries)
        return entries if self.first else self.first


class ByService(ReferenceProvider):
    """Revokes every leaf of a service."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.given = {}

    def sign_leaf(self, request):
        """Note which leaves a service has."""
        leaf = super().sign_leaf(request)
        self.given.setdefault(uri_sans(leaf), []).append(leaf)
        return leaf

    def revoke(self, request):
        """Revoke them all."""
        super().revoke(request)
        for leaf in self.given.get(uri_sans(request.certificate), []):
            entry = RevokedEntry(leaf.serial_number, self._context.clock.now(), request.reason)
            self._backend.revoke(self._signer(request.signer), entry)


class EachTime(Listing):
    """Lists every call."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.calls = []

    def revoke(self, request):
        """Note one more."""
        super().revoke(request)
        self.calls.append(request.certificate.serial_number)

    def listed(self, entries):
        """Return each entry as often as it was revoked here."""
        return [entry for entry in entries for _ in range(self.calls.count(entry.serial) or 1)]


class NoReason(ReferenceProvider):
    """Forgets why."""

    def revoke(self, request):
        """Drop the reason."""
        reason = x509.ReasonFlags.superseded
        if request.reason is x509.ReasonFlags.unspecified:
            reason = request.reason
        super().revoke(dataclasses.replace(request, reason=reason))


class Backwards(Listing):
    """Counts to three."""

    def number(self, number):
        """Begin anew after three lists."""
        return number if number < 4 else 1


class AnybodysLeaf(ReferenceProvider):
    """Does not look at who issued what it revokes."""

    def revoke(self, request):
        """Note the serial number."""
        try:
            super().revoke(request)
        except RequestError:
            entry = RevokedEntry(request.certificate.serial_number, self._context.clock.now())
            self._backend.revoke(self._signer(request.signer), entry)


class RevokesForNobody(ReferenceProvider):
    """Accepts revocations for signers it does not have."""

    def revoke(self, request):
        """Say nothing."""
        try:
            super().revoke(request)
        except SignerUnknownError:
            return


class ListsForNobody(ReferenceProvider):
    """Answers any list for a signer that it does not have."""

    def crl(self, request):
        """Fall back to the first signer."""
        try:
            return super().crl(request)
        except SignerUnknownError:
            names = [name for owner, name in self._backend.names() if owner == self._id and name]
            return super().crl(dataclasses.replace(request, signer=names[0]))


BROKEN = (
    broken("foreign-crl-type", "answers another library's object", "crl.type", ForeignType),
    broken("crl-by-another", "signs lists by another key", "crl.signature", SignedByAnother),
    broken("crl-key-id-of-nobody", "names no issuer", "crl.authority-key-id", KeyIdOfNobody),
    broken("crl-from-tomorrow", "dates lists ahead", "crl.begins", FromTomorrow),
    broken("crl-stale", "makes lists that are past", "crl.ends", Stale),
    broken("crl-partial", "answers a part", "crl.complete", Partial),
    broken("crl-for-nobody", "answers another list", "crl.unknown-signer", ListsForNobody),
    broken("crl-cached", "keeps its first list", "revoke.visible", Cached),
    broken("revokes-services", "revokes too much", "revoke.nothing-else", ByService),
    broken("revokes-each-time", "lists a leaf twice", "revoke.twice", EachTime),
    broken("revokes-without-reason", "forgets the reason", "revoke.reason", NoReason),
    broken("crl-backwards", "begins to count anew", "revoke.number-grows", Backwards),
    broken("revokes-anybody", "revokes others' leaves", "revoke.other-signer", AnybodysLeaf),
    broken("revokes-for-nobody", "accepts any signer", "revoke.unknown-signer", RevokesForNobody),
)

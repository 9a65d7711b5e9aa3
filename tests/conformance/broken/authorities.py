"""Providers whose authority is not what was asked for, or not the same twice."""

import dataclasses
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import (
    KeySpec,
    KeyType,
    NotReadyError,
    PendingError,
    Role,
    TrustChain,
    generate_key,
    issue_root,
    load_csr,
    signature_hash,
)
from ca_core.testing import ReferenceProvider
from ca_core.testing.clock import START
from ca_core.testing.reference_backend import ROOT
from tests.conformance.broken.installations import ignoring
from tests.conformance.broken.spoiling import below_corporate, broken, spoiled_root
from tests.unit.authority.drafts import DOMAIN, draft

ED25519 = KeySpec(KeyType.ED25519)
TEN_YEARS = timedelta(days=3650)
SHORT = timedelta(days=800)
STRANGER = issue_root(
    generate_key(KeySpec()), trust_domain=DOMAIN, label="stranger", now=START, ttl=TEN_YEARS
)


class EmptyAtFirst(ReferenceProvider):
    """Has an empty chain before anything exists."""

    def trust_chain(self):
        """Return nothing instead of saying that there is nothing."""
        try:
            return super().trust_chain()
        except NotReadyError:
            if self._context.role is Role.SECONDARY:
                raise
            return TrustChain(())


class ListOfCertificates(ReferenceProvider):
    """Answers a list."""

    def trust_chain(self):
        """Return a list where a tuple belongs."""
        return TrustChain(list(super().trust_chain().certificates))


class StrangerOnTop(ReferenceProvider):
    """Puts a root beside its own, if that lives for a year or two, that issued nothing here."""

    def trust_chain(self):
        """Append the stranger."""
        return with_stranger(super().trust_chain())

    def ensure_authority(self, request):
        """Append the stranger."""
        return with_stranger(super().ensure_authority(request))


def with_stranger(chain):
    """Return the chain and a root that has nothing to do with it."""
    root = chain.primary
    if root.not_valid_after_utc - root.not_valid_before_utc > SHORT:
        return chain
    return TrustChain((*chain.certificates, STRANGER))


class AlwaysEc(ReferenceProvider):
    """Makes an EC key where Ed25519 was asked for."""

    def ensure_authority(self, request):
        """Exchange the key before it has a certificate."""
        entry = self._backend.ensure(self._id, "", request.key)
        if not entry.chain and request.key == ED25519:
            entry.key = generate_key(KeySpec())
        return super().ensure_authority(request)


class TenYears(ReferenceProvider):
    """Gives ten years, whatever was asked."""

    def ensure_authority(self, request):
        """Ask for ten years."""
        return super().ensure_authority(dataclasses.replace(request, ttl=TEN_YEARS))


class AnyKeyWillDo(ReferenceProvider):
    """Does not look at the key of an authority that exists."""

    def ensure_authority(self, request):
        """Return what there is."""
        try:
            return self.trust_chain()
        except NotReadyError:
            return super().ensure_authority(request)


class RenewedByAsking(ReferenceProvider):
    """Makes a new root when another life is asked for than it remembers."""

    asked = None

    def ensure_authority(self, request):
        """Re-issue the root if this object made it for longer."""
        chain = super().ensure_authority(request)
        self.asked = self.asked or request.ttl
        if request.ttl < self.asked:
            entry = self._backend.get(self._id, "")
            made = draft(chain.primary).but(serial=x509.random_serial_number())
            entry.chain = (made.signed(entry.key),)
        return super().ensure_authority(request)


class SaysAdopted(ReferenceProvider):
    """Says that its CA was adopted, but only to those who read the chain."""

    def trust_chain(self):
        """Return the chain as that of an existing CA."""
        return TrustChain(super().trust_chain().certificates, adopted=True)


class CsrWithHost(ReferenceProvider):
    """Asks a corporate CA for a host name too."""

    def ensure_authority(self, request):
        """Write a CSR with one name more."""
        try:
            return super().ensure_authority(request)
        except PendingError as pending:
            key = self._backend.ensure(self._id, "", request.key).key
            csr = csr_with_host(load_csr(pending.csr), key)
            raise waiting(pending, csr) from None


class NewKeyEachTime(ReferenceProvider):
    """Makes a new key at each question after the first while it waits."""

    asked = False

    def ensure_authority(self, request):
        """Exchange the key of what has no certificate yet."""
        entry = self._backend.ensure(self._id, "", request.key)
        if self.asked and not entry.chain:
            entry.key = generate_key(request.key)
        self.asked = True
        return super().ensure_authority(request)


def csr_with_host(csr, key):
    """Return the CSR with a host name beside its URI."""
    uris = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = x509.SubjectAlternativeName([*uris, x509.DNSName("ca.example")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(csr.subject)
    return builder.add_extension(names, critical=False).sign(key, signature_hash(key))


def waiting(pending, csr):
    """Return the same error with another CSR."""
    text = csr.public_bytes(Encoding.PEM).decode()
    return PendingError(token=pending.token, poll_after=pending.poll_after, csr=text)


class LastOneWins(ReferenceProvider):
    """Lets a second chain replace the first."""

    def _installed(self, name, request):
        entry = self._backend.get(self._id, name)
        if name == ROOT and entry is not None and entry.chain:
            entry.chain = ()
        return super()._installed(name, request)


class AnswersTheRoot(ReferenceProvider):
    """Answers a repeated installation with the first certificate alone."""

    installed = False

    def install_authority(self, request):
        """Leave the issuers out the second time."""
        chain = super().install_authority(request)
        if self.installed:
            chain = TrustChain(chain.certificates[:1])
        self.installed = True
        return chain


BROKEN = (
    broken("empty-at-first", "has an empty chain", "authority.not-ready", EmptyAtFirst),
    broken("chain-is-a-list", "answers a list", "authority.type", ListOfCertificates),
    broken("stranger-on-top", "appends a root of its own", "authority.path", StrangerOnTop),
    spoiled_root(
        "false-root",
        "says of short-lived roots that they signed themselves",
        "authority.own-root",
        lambda honest, _request: honest,
        key=generate_key(KeySpec()),
        when=lambda request: request.ttl < SHORT,
    ),
    broken("always-ec", "makes EC keys only", "authority.key", AlwaysEc),
    spoiled_root(
        "root-without-uri",
        "leaves the trust domain out of the root",
        "authority.trust-domain",
        lambda honest, _request: honest.without(x509.SubjectAlternativeName),
    ),
    broken("ten-years", "gives ten years", "authority.life", TenYears),
    broken("any-key-will-do", "ignores another key", "authority.other-key", AnyKeyWillDo),
    broken("renewed-by-asking", "re-issues the root", "authority.again", RenewedByAsking),
    broken("says-adopted", "says adopted at times", "authority.chain-agrees", SaysAdopted),
    broken(
        "csr-with-host",
        "asks a corporate CA for a host name too",
        "authority.csr",
        CsrWithHost,
        supply=below_corporate,
    ),
    broken(
        "new-key-each-time",
        "makes a new key while it waits",
        "authority.csr-again",
        NewKeyEachTime,
        supply=below_corporate,
    ),
    broken(
        "installs-other-key-authority",
        "does not look whose key an installed chain is for",
        "authority.wrong-installation",
        ignoring("the private key does not belong", authority=True),
        supply=below_corporate,
    ),
    broken(
        "last-installation-wins",
        "replaces an installed chain",
        "authority.second-installation",
        LastOneWins,
        supply=below_corporate,
    ),
    broken(
        "answers-the-root-alone",
        "leaves the issuers out of its second answer",
        "authority.installed",
        AnswersTheRoot,
        supply=below_corporate,
    ),
)

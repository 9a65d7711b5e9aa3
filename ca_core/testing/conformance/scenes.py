"""What most checks begin with: an authority with a signer, and its answers beside what was asked.

A scene keeps what its provider answered first; facts put an answer, the request and the
certificates above it side by side, in the way the guard does.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509

from ca_core.authority.authorityrules import AuthorityFacts
from ca_core.authority.carules import CrossFacts, IntermediateFacts
from ca_core.authority.documentrules import CrlFacts
from ca_core.authority.known import known_signer
from ca_core.authority.leafrules import LeafFacts, asked_names
from ca_core.authority.rules import Extensions, Seen, read_extensions, seen_below
from ca_core.authority.signerrules import ExpectedSigner, SignerFacts
from ca_core.contract import (
    CrossSignRequest,
    IntermediateRequest,
    KeySpec,
    LeafRequest,
    Signer,
    TrustChain,
)
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.asking import AUTHORITY_LIFE, SIGNER_LIFE
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.verdict import Violation
from ca_core.testing.lending import TRUST_DOMAIN

DNS_NAMES = ("web.example", "web.default.svc.example")
"""DNS names of the leaves that have some, in this order."""

ADDRESSES = (
    ipaddress.IPv4Address("192.0.2.7"),
    ipaddress.IPv6Address("2001:db8::7"),
)
"""Addresses of the leaves that have some, in this order."""


@dataclass(frozen=True, slots=True)
class Scene:
    """An authority that exists, with its first signer.

    Attributes:
        mesh: the provider, called as the core calls it.
        authority: what ``ensure_authority`` (or the installation) answered.
        signer: what ``prepare_signer`` answered, its chain a tuple.
    """

    mesh: Mesh
    authority: TrustChain
    signer: Signer

    def requests(self) -> tuple[LeafRequest, LeafRequest]:
        """Return the requests for a leaf without other names, and for one with some of each."""
        ask, signer = self.mesh.ask, self.signer.id
        named = ask.leaf(signer, dns_names=DNS_NAMES, ip_addresses=ADDRESSES)
        return ask.leaf(signer), named

    def leaves(self) -> Iterator[LeafFacts]:
        """Sign both of ``requests`` and yield what came back."""
        for request in self.requests():
            yield self.leaf(request)

    def leaf(self, request: LeafRequest, *, signer: Signer | None = None) -> LeafFacts:
        """Sign a leaf and return it beside what was asked and its signer (None: the scene's)."""
        leaf = self.mesh.leaf(request)
        known = known_signer(signer or self.signer, self.authority)
        seen = self._seen(leaf, known.signer.certificate)
        san = seen["extensions"].get(x509.SubjectAlternativeName)
        return LeafFacts(
            **seen,
            request=request,
            strict_key_usage=False,
            as_asked=san is not None and san.value == asked_names(request),
            fresh=known.serials.is_fresh,
            permits=known.permits,
        )

    def intermediate(self, request: IntermediateRequest) -> IntermediateFacts:
        """Sign a secondary's intermediate and return it beside what was asked."""
        made = self.mesh.patiently(self.mesh.provider.sign_intermediate, request)
        return IntermediateFacts(**self._seen(made, self.authority.primary), request=request)

    def cross(self, request: CrossSignRequest) -> CrossFacts:
        """Cross-sign another authority's primary CA and return it beside what was asked."""
        made = self.mesh.patiently(self.mesh.provider.cross_sign, request)
        return CrossFacts(**self._seen(made, self.authority.primary), request=request)

    def crl(self) -> CrlFacts:
        """Return the signer's CRL beside its issuer."""
        crl = self.mesh.crl()
        now = self.mesh.cluster.tempo.clock.now()
        return CrlFacts(crl=crl, issuer=self.signer.certificate, now=now)

    def signer_facts(
        self,
        signer: Signer | None = None,
        *,
        key: KeySpec | None = None,
        ttl: timedelta | None = None,
    ) -> SignerFacts:
        """Return a signer (None: the scene's) beside what it must be."""
        name = self.mesh.signer
        return SignerFacts(
            signer=_plain(signer or self.signer),
            expected=ExpectedSigner(id=name, authority=self.authority, key=key, ttl=ttl),
            trust_domain=TRUST_DOMAIN,
            now=self.mesh.cluster.tempo.clock.now(),
        )

    def authority_facts(self, *, key: KeySpec | None = None) -> AuthorityFacts:
        """Return the authority's chain beside what it must be."""
        return AuthorityFacts(
            chain=self.authority.certificates,
            known=None,
            installed=None,
            csr=None,
            key=None if self.authority.adopted else key,
            trust_domain=TRUST_DOMAIN,
            now=self.mesh.cluster.tempo.clock.now(),
        )

    def _seen(self, made: x509.Certificate, issuer: x509.Certificate) -> Seen:
        return seen_below(issuer, made, _extensions(made), self.mesh.cluster.tempo.clock.now())


def scene(
    arena: Arena,
    *,
    key: KeySpec | None = None,
    signer_key: KeySpec | None = None,
    ttl: timedelta = AUTHORITY_LIFE,
    signer_ttl: timedelta = SIGNER_LIFE,
) -> Scene:
    """Make an authority and its first signer.

    Args:
        arena: where.
        key: of the primary CA, or None for the usual one.
        signer_key: of the signer, or None for ``key``.
        ttl: life asked for the primary CA.
        signer_ttl: life asked for the signer.
    """
    mesh = arena.unmade()
    authority = mesh.ensure(key=key, ttl=ttl)
    signer = mesh.prepare(key=signer_key or key, ttl=signer_ttl)
    chain = TrustChain(tuple(authority.certificates), adopted=authority.adopted)
    return Scene(mesh, chain, Signer(mesh.signer, tuple(signer.chain)))


def _plain(signer: Signer) -> Signer:
    return Signer(signer.id, tuple(signer.chain))


def _extensions(certificate: x509.Certificate) -> Extensions:
    found = read_extensions(certificate)
    if isinstance(found, str):
        raise Violation(found)
    return found

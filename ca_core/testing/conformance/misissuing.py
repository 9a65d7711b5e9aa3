"""Somebody above who signs a CSR wrongly, in one way at a time."""

from datetime import timedelta

from cryptography import x509

from ca_core.contract import (
    BACKDATE,
    CrossSignRequest,
    KeyPair,
    KeySpec,
    TrustDomain,
    generate_key,
    issue_cross_certificate,
    issue_intermediate,
    issue_leaf,
    issue_root,
)
from ca_core.testing.conformance.asking import Asking
from ca_core.testing.conformance.tempo import Tempo
from ca_core.testing.lending import TRUST_DOMAIN

Chain = tuple[x509.Certificate, ...]

_LIFE = timedelta(days=365)
_LONG_AGO = timedelta(days=90)
_OTHER_DOMAIN = TrustDomain("99999999-2222-3333-4444-555555555555.consul")


class Misissuer:
    """Each method answers a CSR with a chain, signed certificate first; one of them is right.

    Args:
        tempo: time.
        signs_cas: what it signs may sign CAs in turn: an authority's CSR, not a secondary's.
    """

    def __init__(self, tempo: Tempo, *, signs_cas: bool = False) -> None:
        self._signs_cas = signs_cas
        self._tempo = tempo
        key, self._now = generate_key(KeySpec()), tempo.clock.now().replace(microsecond=0)
        begun = self._now - _LONG_AGO
        root = issue_root(
            key, trust_domain=TRUST_DOMAIN, label="primary", now=begun, ttl=10 * _LIFE
        )
        self._pair = KeyPair(root, key)

    def right(self, csr: x509.CertificateSigningRequest) -> Chain:
        """Return what an honest primary would."""
        return self._below(csr)

    def other_domain(self, csr: x509.CertificateSigningRequest) -> Chain:
        """Return an intermediate of another trust domain."""
        return self._below(csr, domain=_OTHER_DOMAIN)

    def expired(self, csr: x509.CertificateSigningRequest) -> Chain:
        """Return an intermediate that ended two months ago."""
        return self._below(csr, ago=_LONG_AGO, ttl=timedelta(days=30))

    def forged(self, csr: x509.CertificateSigningRequest) -> Chain:
        """Return an intermediate signed by a key that is not the root's."""
        made, root = self._below(csr, pair=KeyPair(self._pair.certificate, generate_key(KeySpec())))
        return made, root

    def leaf(self, csr: x509.CertificateSigningRequest) -> Chain:
        """Return a leaf where an intermediate belongs."""
        request = Asking(self._tempo, "misissuer").leaf("none", csr=csr)
        return issue_leaf(self._pair, request), self._pair.certificate

    def alone(self, csr: x509.CertificateSigningRequest) -> Chain:
        """Return an intermediate without anything above it."""
        return self._below(csr)[:1]

    def _below(
        self,
        csr: x509.CertificateSigningRequest,
        *,
        pair: KeyPair | None = None,
        domain: TrustDomain = TRUST_DOMAIN,
        ago: timedelta = timedelta(),
        ttl: timedelta = _LIFE,
    ) -> Chain:
        issuer = pair or self._pair
        made = issue_intermediate(
            issuer,
            csr.public_key(),
            trust_domain=domain,
            label="secondary",
            now=self._now - ago,
            ttl=ttl,
        )
        if self._signs_cas:
            made = _without_path_length(made, issuer)
        return made, issuer.certificate


def _without_path_length(made: x509.Certificate, issuer: KeyPair) -> x509.Certificate:
    """Return a certificate like it, below which there is room."""
    begins, ends = made.not_valid_before_utc + BACKDATE, made.not_valid_after_utc
    request = CrossSignRequest(request_id="r", deadline=ends, certificate=made, not_after=ends)
    return issue_cross_certificate(issuer, request, now=begins)

"""The requests that a core would send for one authority."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.contract import (
    AuthorityRequest,
    CrlRequest,
    CrossSignRequest,
    CsrRequest,
    InstallRequest,
    IntermediateRequest,
    IPAddress,
    KeySpec,
    LeafRequest,
    ProbeRequest,
    RetireRequest,
    RetireSignerRequest,
    RevokeRequest,
    ServiceId,
    SignerRequest,
    SpiffeId,
)
from ca_core.identity.leafcsr import leaf_csr, new_leaf_key
from ca_core.testing.conformance.tempo import Tempo
from ca_core.testing.lending import TRUST_DOMAIN

AUTHORITY_LIFE = timedelta(days=3650)
SIGNER_LIFE = timedelta(days=365)
LEAF_LIFE = timedelta(hours=72)
BACKDATED = timedelta(seconds=60)


def web(name: str = "web") -> ServiceId:
    """Return the identity of a service in the trust domain that is lent."""
    return ServiceId(trust_domain=TRUST_DOMAIN, datacenter="dc1", service=name)


class _Common(TypedDict):
    request_id: str
    deadline: datetime


class Asking:
    """Builds requests for one authority; give ``request_id`` to repeat one after a lost answer."""

    def __init__(self, tempo: Tempo, authority: str) -> None:
        self._tempo = tempo
        self._authority = authority

    def authority(
        self,
        *,
        key: KeySpec | None = None,
        ttl: timedelta = AUTHORITY_LIFE,
        request_id: str | None = None,
    ) -> AuthorityRequest:
        """Return the request for the authority itself."""
        return AuthorityRequest(
            **self._common(request_id),
            id=self._authority,
            key=key or self._tempo.key,
            ttl=ttl,
            trust_domain=TRUST_DOMAIN,
        )

    def signer(
        self,
        signer: str,
        *,
        key: KeySpec | None = None,
        ttl: timedelta = SIGNER_LIFE,
        request_id: str | None = None,
    ) -> SignerRequest:
        """Return the request for a signer, or for a secondary's CSR."""
        spec = key or self._tempo.key
        return SignerRequest(**self._common(request_id), id=signer, key=spec, ttl=ttl)

    def install(
        self,
        chain: Sequence[x509.Certificate],
        *,
        signer: str | None = None,
        request_id: str | None = None,
    ) -> InstallRequest:
        """Return the request to install a chain for ``signer`` (None: the authority itself)."""
        return InstallRequest(
            **self._common(request_id), id=signer or self._authority, chain=tuple(chain)
        )

    def leaf(  # noqa: PLR0913 - one keyword for each thing a leaf may differ in
        self,
        signer: str,
        *,
        identity: SpiffeId | None = None,
        dns_names: tuple[str, ...] = (),
        ip_addresses: tuple[IPAddress, ...] = (),
        ttl: timedelta = LEAF_LIFE,
        key: ec.EllipticCurvePrivateKey | None = None,
        csr: x509.CertificateSigningRequest | None = None,
        request_id: str | None = None,
    ) -> LeafRequest:
        """Return the request for a leaf of ``web``; its CSR asks for exactly the same names.

        A ``csr`` of your own may ask for anything: only providers with ``TEMPLATE`` get such ones.
        """
        who, now = identity or web(), self._tempo.clock.now().replace(microsecond=0)
        return LeafRequest(
            **self._common(request_id),
            csr=csr or leaf_csr(key or new_leaf_key(), who, dns_names, ip_addresses),
            identity=who,
            dns_names=dns_names,
            ip_addresses=ip_addresses,
            not_before=now - BACKDATED,
            not_after=now + ttl,
            signer=signer,
        )

    def intermediate(
        self, csr: x509.CertificateSigningRequest, *, ttl: timedelta = SIGNER_LIFE
    ) -> IntermediateRequest:
        """Return the request to sign a secondary's intermediate."""
        return IntermediateRequest(**self._common(), csr=csr, trust_domain=TRUST_DOMAIN, ttl=ttl)

    def cross(
        self,
        certificate: x509.Certificate,
        *,
        csr: x509.CertificateSigningRequest | None = None,
        ttl: timedelta = SIGNER_LIFE,
        path_length: int | None = None,
    ) -> CrossSignRequest:
        """Return the request to cross-sign ``certificate`` for ``ttl`` from now."""
        return CrossSignRequest(
            **self._common(),
            certificate=certificate,
            csr=csr,
            not_after=self._tempo.clock.now().replace(microsecond=0) + ttl,
            path_length=path_length,
        )

    def cross_csr(self) -> CsrRequest:
        """Return the request for a CSR by the primary key."""
        return CsrRequest(**self._common())

    def revoke(
        self,
        certificate: x509.Certificate,
        signer: str,
        *,
        reason: x509.ReasonFlags = x509.ReasonFlags.unspecified,
    ) -> RevokeRequest:
        """Return the request to revoke a leaf."""
        return RevokeRequest(
            **self._common(), certificate=certificate, signer=signer, reason=reason
        )

    def crl(self, signer: str) -> CrlRequest:
        """Return the request for a signer's CRL."""
        return CrlRequest(**self._common(), signer=signer)

    def probe(self) -> ProbeRequest:
        """Return the request to look and change nothing."""
        return ProbeRequest(**self._common())

    def retire_signer(self, signer: str) -> RetireSignerRequest:
        """Return the request to remove a signer."""
        return RetireSignerRequest(**self._common(), id=signer)

    def retire(self) -> RetireRequest:
        """Return the request to remove the authority."""
        return RetireRequest(**self._common())

    def _common(self, request_id: str | None = None) -> _Common:
        return {
            "request_id": request_id or self._tempo.new_id("r"),
            "deadline": self._tempo.deadline(),
        }

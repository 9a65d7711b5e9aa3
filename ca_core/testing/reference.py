"""The reference provider: honest, in memory, nothing on disk; also as a secondary.

Its ``ReferenceBackend`` plays the remote service. Names are unique there and every step is atomic,
so nothing has to be kept in the provider's state: an id *is* the durable name.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import (
    AuthorityRequest,
    Capability,
    CapabilityUnsupportedError,
    CrlRequest,
    CrossSignRequest,
    CsrRequest,
    Findings,
    InstallRequest,
    IntermediateRequest,
    LeafRequest,
    NotReadyError,
    PendingError,
    PrivateKey,
    ProbeRequest,
    Provider,
    ProviderContext,
    ProviderPlugin,
    RequestError,
    RetireRequest,
    RetireSignerRequest,
    RevokedEntry,
    RevokeRequest,
    Role,
    Signer,
    SignerRequest,
    SignerUnknownError,
    TrustChain,
    authority_faults,
    ca_csr,
    checked_cross_sign,
    checked_intermediate,
    cross_sign_csr,
    intermediate_faults,
    is_signed_by,
    issue_crl,
    issue_cross_certificate,
    issue_intermediate,
    issue_leaf,
    issue_root,
    json_schema,
    parse_struct,
    positive_life,
    signer_name,
    spki_digest,
)
from ca_core.testing.reference_backend import ROOT, Entry, ReferenceBackend

PRIMARY_ABILITIES = frozenset(
    {
        Capability.CROSS_SIGN,
        Capability.CROSS_SIGN_CSR,
        Capability.REVOKE,
        Capability.SIGN_INTERMEDIATE,
        Capability.TEMPLATE,
    }
)
SECONDARY_ABILITIES = frozenset({Capability.REVOKE, Capability.SECONDARY, Capability.TEMPLATE})
_CRL_LIFE = timedelta(days=1)


class ReferenceConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Whose signature stands on the root."""

    external_issuer: Annotated[bool, msgspec.Meta(description="wait for another's signature")] = (
        False
    )


class ReferenceProvider(Provider):
    """What a provider is meant to be, in the fewest words; every capability works."""

    def __init__(
        self, config: ReferenceConfig, context: ProviderContext, backend: ReferenceBackend
    ) -> None:
        self._external = config.external_issuer
        self._context = context
        self._backend = backend
        self._id = context.authority_id
        if context.role is Role.SECONDARY:
            self.capabilities: frozenset[Capability] = SECONDARY_ABILITIES
        elif self._external:
            self.capabilities = PRIMARY_ABILITIES | {Capability.EXTERNAL_ISSUER}
        else:
            self.capabilities = PRIMARY_ABILITIES

    def probe(self, request: ProbeRequest) -> Findings:
        """Say whether the authority exists."""
        entry = self._backend.get(self._id, ROOT)
        return Findings(exists=entry is not None and bool(entry.chain))

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Make or return the authority; with ``external_issuer`` answer its CSR until installed."""
        self._refuse_secondary("making an authority")
        self._check_own(request.id)
        ttl = positive_life(request.ttl)
        entry = self._backend.ensure(self._id, ROOT, request.key)
        if self._external and not entry.chain:
            csr = ca_csr(entry.key, trust_domain=request.trust_domain, label=f"root {self._id}")
            text = csr.public_bytes(Encoding.PEM).decode()
            raise PendingError(token="csr", poll_after=timedelta(minutes=1), csr=text)  # noqa: S106 - opaque, not a secret

        def self_signed(key: PrivateKey) -> list[x509.Certificate]:
            domain, label = request.trust_domain, f"root {self._id}"
            return [
                issue_root(
                    key, trust_domain=domain, label=label, now=self._context.clock.now(), ttl=ttl
                )
            ]

        return TrustChain(self._backend.certified(self._id, ROOT, self_signed))

    def install_authority(self, request: InstallRequest) -> TrustChain:
        """Keep what the external issuer signed."""
        self._require(Capability.EXTERNAL_ISSUER)
        self._check_own(request.id)
        return TrustChain(self._installed(ROOT, request))

    def trust_chain(self) -> TrustChain:
        """Return the authority's chain; in a secondary what lies above its first signer."""
        if self._context.role is Role.PRIMARY:
            return TrustChain(self._root().chain)
        signers = [name for authority, name in self._backend.names() if authority == self._id]
        for name in signers:
            entry = self._backend.get(self._id, name)
            if entry is not None and entry.chain:
                return TrustChain(entry.chain[1:])
        self._backend.get(self._id, ROOT)  # raises if it was retired
        raise NotReadyError("no intermediate has been installed yet")

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Make or return a signer below the primary CA."""
        self._refuse_secondary("signing its own signers")
        root = self._root()
        self._ensured(request)

        def below_root(key: PrivateKey) -> list[x509.Certificate]:
            label = f"signer {request.id}"
            return [self._intermediate(root, key.public_key(), label, request.ttl), root.chain[0]]

        return Signer(request.id, self._backend.certified(self._id, request.id, below_root))

    def intermediate_csr(self, request: SignerRequest) -> x509.CertificateSigningRequest:
        """Return a CSR by the key of that signer."""
        self._require(Capability.SECONDARY)
        entry = self._ensured(request)
        domain = self._context.trust_domain
        return ca_csr(entry.key, trust_domain=domain, label=f"signer {request.id}")

    def install_intermediate(self, request: InstallRequest) -> Signer:
        """Keep what the primary signed."""
        self._require(Capability.SECONDARY)
        return Signer(request.id, self._installed(request.id, request))

    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        """Sign by template under the named signer."""
        return issue_leaf(self._signer(request.signer).pair, request)

    def sign_intermediate(self, request: IntermediateRequest) -> x509.Certificate:
        """Sign a secondary's intermediate."""
        self._require(Capability.SIGN_INTERMEDIATE)
        csr = checked_intermediate(request, self._context.trust_domain)
        label = f"secondary {spki_digest(csr.public_key())[:16]}"
        return self._intermediate(self._root(), csr.public_key(), label, request.ttl)

    def cross_sign(self, request: CrossSignRequest) -> x509.Certificate:
        """Re-issue another primary CA's certificate under our key."""
        self._require(Capability.CROSS_SIGN)
        root, now = self._root(), self._context.clock.now()
        fitting = checked_cross_sign(request, root.chain, now=now)
        return issue_cross_certificate(root.pair, fitting, now=now)

    def cross_sign_csr(self, request: CsrRequest) -> x509.CertificateSigningRequest:
        """Return a CSR by our primary key."""
        self._require(Capability.CROSS_SIGN_CSR)
        return cross_sign_csr(self._root().pair)

    def revoke(self, request: RevokeRequest) -> None:
        """Note the certificate as revoked."""
        signer = self._signer(request.signer)
        if not is_signed_by(request.certificate, signer.chain[0]):
            raise RequestError("this signer did not issue that certificate", field="certificate")
        serial, now = request.certificate.serial_number, self._context.clock.now()
        self._backend.revoke(signer, RevokedEntry(serial, now, request.reason))

    def crl(self, request: CrlRequest) -> x509.CertificateRevocationList:
        """Return a CRL of everything that signer revoked, each time with the next number."""
        signer, now = self._signer(request.signer), self._context.clock.now()
        number, entries = self._backend.next_crl(signer)
        return issue_crl(
            signer.pair, entries, number=number, this_update=now, next_update=now + _CRL_LIFE
        )

    def retire_signer(self, request: RetireSignerRequest) -> None:
        """Remove that signer."""
        signer_name(request.id)  # refuses what is no id: the primary CA's name here is empty
        self._backend.retire(self._id, request.id)

    def retire(self, request: RetireRequest) -> None:
        """Remove this authority with all its signers."""
        self._backend.retire(self._id, ROOT)

    def _require(self, capability: Capability) -> None:
        if capability not in self.capabilities:
            raise CapabilityUnsupportedError(capability)

    def _refuse_secondary(self, what: str) -> None:
        if self._context.role is Role.SECONDARY:
            raise CapabilityUnsupportedError(f"{what} in a secondary datacenter")

    def _check_own(self, authority_id: str) -> None:
        if authority_id != self._id:
            raise RequestError(f"this object serves {self._id!r}", field="id")

    def _ensured(self, request: SignerRequest) -> Entry:
        signer_name(request.id)  # refuses what is no id
        return self._backend.ensure(self._id, request.id, request.key)

    def _root(self) -> Entry:
        entry = self._backend.get(self._id, ROOT)
        if entry is None or not entry.chain:
            raise NotReadyError(f"authority {self._id!r} does not exist yet")
        return entry

    def _signer(self, signer_id: str) -> Entry:
        entry = self._backend.get(self._id, signer_id)
        if entry is None or not entry.chain or signer_id == ROOT:
            raise SignerUnknownError(signer_id)
        return entry

    def _intermediate(
        self, root: Entry, key: CertificatePublicKeyTypes, label: str, ttl: timedelta
    ) -> x509.Certificate:
        now = self._context.clock.now()
        ends = min(link.not_valid_after_utc for link in root.chain)
        return issue_intermediate(
            root.pair,
            key,
            trust_domain=self._context.trust_domain,
            label=label,
            now=now,
            ttl=min(positive_life(ttl), ends - now),
        )

    def _installed(self, name: str, request: InstallRequest) -> tuple[x509.Certificate, ...]:
        standing = self._backend.certified(
            self._id, name, lambda key: self._fitting(name, key, request.chain)
        )
        if standing != tuple(request.chain):
            raise RequestError("another chain is installed for this id", field="chain")
        return standing

    def _fitting(
        self, name: str, key: PrivateKey, chain: tuple[x509.Certificate, ...]
    ) -> tuple[x509.Certificate, ...]:
        domain, now = self._context.trust_domain, self._context.clock.now()
        if name == ROOT:
            faults = authority_faults(
                chain, key=key, trust_domain=domain, now=now, signs_leaves=False
            )
        else:
            faults = intermediate_faults(chain, key=key, trust_domain=domain, now=now)
        if faults:
            raise RequestError("; ".join(faults), field="chain")
        return chain


def _parse(raw: Mapping[str, Any]) -> ReferenceConfig:
    return parse_struct(ReferenceConfig, raw, where="ca.config")


def reference_plugin(
    backend: ReferenceBackend | None = None,
) -> ProviderPlugin[ReferenceConfig]:
    """Return a descriptor whose providers share ``backend``; give it to a registry as it is."""
    shared = ReferenceBackend() if backend is None else backend
    return ProviderPlugin(
        parse_config=_parse,
        create=lambda config, context: ReferenceProvider(config, context, shared),
        description="honest and in memory; for tests, forgets everything with its process",
        capabilities=PRIMARY_ABILITIES | SECONDARY_ABILITIES | {Capability.EXTERNAL_ISSUER},
        schema=json_schema(ReferenceConfig),
        consul_names={"external_issuer": "ExternalIssuer"},
    )

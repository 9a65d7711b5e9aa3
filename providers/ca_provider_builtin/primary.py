"""The built-in provider where the trust domain's authority lives."""

from datetime import timedelta
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import (
    ROOT,
    AuthorityRequest,
    Capability,
    ConfigError,
    CrossSignRequest,
    CsrRequest,
    Findings,
    Held,
    InstallRequest,
    IntermediateRequest,
    PendingError,
    PrivateKey,
    ProbeRequest,
    ProviderContext,
    RequestError,
    Signer,
    SignerRequest,
    TrustChain,
    authority_faults,
    ca_csr,
    checked_cross_sign,
    checked_intermediate,
    claim_ca,
    cross_sign_csr,
    issue_cross_certificate,
    issue_intermediate,
    issue_root,
    pem_chain,
    positive_life,
    room_below,
    signer_name,
    spki_der,
    spki_digest,
)
from ca_provider_builtin.adoption import ExistingCA, read_existing
from ca_provider_builtin.config import BuiltinConfig
from ca_provider_builtin.signing import PRIMARY_SIGNS, LocalSigning

_POLL = timedelta(minutes=1)
_ROOM_FOR_SIGNER = 1
_ROOM_FOR_CROSS_SIGNED = 2
"""A cross-signed CA and a signer below it."""


class BuiltinPrimary(LocalSigning):
    """Makes, adopts or awaits a primary CA, and signers below it."""

    ABILITIES: ClassVar[frozenset[Capability]] = LocalSigning.ABILITIES | {
        Capability.CROSS_SIGN,
        Capability.CROSS_SIGN_CSR,
        Capability.EXTERNAL_ISSUER,
        Capability.SIGN_INTERMEDIATE,
    }

    def __init__(self, config: BuiltinConfig, context: ProviderContext) -> None:
        super().__init__(config, context)
        unable = set()
        if not config.external_issuer:
            unable.add(Capability.EXTERNAL_ISSUER)
        if config.disable_cross_signing:
            unable.add(Capability.CROSS_SIGN)
        self.capabilities = self.ABILITIES - unable

    def probe(self, request: ProbeRequest) -> Findings:
        """Say whether the authority exists; an existing CA named in the configuration is read.

        One that signed itself is not what ``external_issuer`` asks for, nor the other way round.

        Raises:
            ConfigError: that CA cannot be adopted.
        """
        chain = self.kept.chain_or_none(ROOT)
        named = self._existing().chain if self.config.adopts else None
        exists = chain is not None and self._leads_to(chain[0], named)
        if not exists:
            chain = named
        if chain is None:
            return Findings(exists=exists)
        self._seen(chain)
        ends = min(link.not_valid_after_utc for link in chain).isoformat()
        return Findings(exists=exists, limits={"not_after_utc": ends}, notes=_notes(chain))

    def _leads_to(
        self, primary: x509.Certificate, named: tuple[x509.Certificate, ...] | None
    ) -> bool:
        """Say whether this configuration would make, adopt or await such a primary CA."""
        if named is not None:
            return _is_same(primary, named[0])
        return (primary.issuer != primary.subject) == self.config.external_issuer

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Make, adopt or return the primary CA; with ``external_issuer`` answer its CSR instead."""
        self.check_own(request.id)
        if request.trust_domain != self.context.trust_domain:
            raise RequestError("another trust domain than this cluster's", field="trust_domain")
        if self.config.adopts:
            return self._seen(self._adopted(request))
        if self.config.external_issuer:
            return self._seen(self._awaited(request))

        ttl = positive_life(request.ttl)

        def self_signed(key: PrivateKey) -> list[x509.Certificate]:
            domain, label = self.context.trust_domain, _root_label(request.id)
            return [issue_root(key, trust_domain=domain, label=label, now=self.now(), ttl=ttl)]

        return self._seen(self.kept.made(ROOT, request.key, self_signed))

    def install_authority(self, request: InstallRequest) -> TrustChain:
        """Keep the chain that the external issuer gave for our CSR."""
        self.require(Capability.EXTERNAL_ISSUER)
        self.check_own(request.id)
        self.kept.refuse_retired(ROOT)
        standing = self.kept.chain_or_none(ROOT)
        if standing is None:
            self._refuse_faulty(request)
            standing = self.kept.installed(ROOT, request.chain)
        if pem_chain(standing) != pem_chain(request.chain):
            raise RequestError("another chain is installed for this authority", field="chain")
        return self._seen(standing)

    def trust_chain(self) -> TrustChain:
        """Return the chain of this authority as the store has it; needs no private key."""
        return self._seen(self.kept.chain(ROOT))

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Make or return a signer below the primary CA, or the primary CA itself as its signer."""
        chain = self.trust_chain().certificates
        name = signer_name(request.id)
        self.kept.refuse_retired(name)
        asked = str(request.key) if self.config.intermediates else PRIMARY_SIGNS
        if self.kept.standing(name, "key", asked) == PRIMARY_SIGNS:
            return self.signer_of(request.id, chain[:1])

        def below_root(key: PrivateKey) -> list[x509.Certificate]:
            label = request.id
            return [self._intermediate(key.public_key(), label, request.ttl), chain[0]]

        return self.signer_of(request.id, self.kept.made(name, request.key, below_root))

    def sign_intermediate(self, request: IntermediateRequest) -> x509.Certificate:
        """Sign a secondary's intermediate; of its CSR only the public key is used."""
        self._root_that_can(Capability.SIGN_INTERMEDIATE)
        csr = checked_intermediate(request, self.context.trust_domain)
        label = f"secondary {spki_digest(csr.public_key())[:16]}"
        return self._intermediate(csr.public_key(), label, request.ttl)

    def cross_sign(self, request: CrossSignRequest) -> x509.Certificate:
        """Re-issue another primary CA's certificate under this authority's primary key."""
        root = self._root_that_can(Capability.CROSS_SIGN)
        fitting = checked_cross_sign(request, root.chain, now=self.now())
        return issue_cross_certificate(root.pair, fitting, now=self.now())

    def cross_sign_csr(self, request: CsrRequest) -> x509.CertificateSigningRequest:
        """Return a CSR by the primary key, with the primary CA's own subject and SAN."""
        return cross_sign_csr(self._root().pair)

    def _adopted(self, request: AuthorityRequest) -> tuple[x509.Certificate, ...]:
        """Return the chain of the existing CA; its key is copied into the secret store once.

        Whatever key the CA has is right; ``request.key`` is recorded, and a repeat must ask alike.
        """
        chain = self.kept.chain_or_none(ROOT)
        if chain is not None:
            self.kept.claim(ROOT, request.key)
            return chain
        self.kept.refuse_retired(ROOT)
        existing = self._existing()
        claim_ca(existing.chain[0], self.context, where=existing.where)
        return self.kept.made(
            ROOT,
            request.key,
            lambda standing: _matching(existing, standing),
            make_key=lambda: existing.key,
        )

    def _existing(self) -> ExistingCA:
        return read_existing(self.config, self.context, now=self.now())

    def _awaited(self, request: AuthorityRequest) -> tuple[x509.Certificate, ...]:
        """Return the chain that was installed; until then raise with the one CSR of this authority.

        Raises:
            PendingError: always with ``csr``; days may pass.
        """
        self.kept.claim(ROOT, request.key)
        chain = self.kept.chain_or_none(ROOT)
        if chain is not None:
            return chain
        key = self.kept.key(ROOT, request.key)
        fresh = ca_csr(key, trust_domain=self.context.trust_domain, label=_root_label(request.id))
        csr = self.kept.standing(ROOT, "csr", fresh.public_bytes(Encoding.PEM).decode())
        raise PendingError(
            f"the root of {request.id} waits for the external issuer's signature",
            token="external-issuer",  # noqa: S106 - opaque, not a secret
            poll_after=_POLL,
            csr=csr,
        )

    def _refuse_faulty(self, request: InstallRequest) -> None:
        key = self.kept.key_or_none(ROOT)
        if key is None:
            raise RequestError("no CSR was made for this authority", field="id")
        faults = authority_faults(
            request.chain,
            key=key,
            trust_domain=self.context.trust_domain,
            now=self.now(),
            signs_leaves=not self.config.intermediates,
        )
        if faults:
            raise RequestError("; ".join(faults), field="chain")

    def _intermediate(
        self, public_key: CertificatePublicKeyTypes, label: str, ttl: timedelta
    ) -> x509.Certificate:
        root = self.alive(self._root(), "the authority")
        return issue_intermediate(
            root.pair,
            public_key,
            trust_domain=self.context.trust_domain,
            label=label,
            now=self.now(),
            ttl=min(positive_life(ttl), root.ends - self.now()),
        )

    def _root_that_can(self, capability: Capability) -> Held:
        """Return the primary CA if this instance declares ``capability``, also once it has seen it.

        Raises:
            CapabilityUnsupportedError: it does not, whether the authority exists or not.
        """
        self.require(capability)
        root = self._root()
        self.require(capability)
        return root

    def _root(self) -> Held:
        root = self.kept.held(ROOT)
        self._seen(root.chain)
        return root

    def _seen(self, chain: tuple[x509.Certificate, ...]) -> TrustChain:
        """Narrow what this instance declares to what the primary CA's path length allows."""
        room = room_below(chain)
        if room is not None and room < _ROOM_FOR_CROSS_SIGNED:
            self.capabilities -= {Capability.CROSS_SIGN}
        if room is not None and room < _ROOM_FOR_SIGNER:
            self.capabilities -= {Capability.SIGN_INTERMEDIATE}
        return TrustChain(chain, adopted=self.config.adopts)


def _is_same(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Say whether two certificates are of one CA: the same key under the same name."""
    keys = spki_der(one.public_key()) == spki_der(other.public_key())
    return keys and one.subject == other.subject


def _root_label(authority_id: str) -> str:
    return f"root {authority_id}"


def _matching(existing: ExistingCA, standing: PrivateKey) -> tuple[x509.Certificate, ...]:
    """Return the existing CA's chain, if the key that stands in the secret store is its own."""
    if spki_der(existing.key.public_key()) != spki_der(standing.public_key()):
        raise ConfigError(
            "the key of another CA was stored for this authority first",
            where=existing.where,
            hint="name the same CA on every server",
        )
    return existing.chain


def _notes(chain: tuple[x509.Certificate, ...]) -> tuple[str, ...]:
    room = room_below(chain)
    if room is not None and room < _ROOM_FOR_CROSS_SIGNED:
        return (f"its path length leaves room for {room} CAs: it cannot cross-sign a new root",)
    return ()

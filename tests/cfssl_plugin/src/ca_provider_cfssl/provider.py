"""The provider: it asks cfssl to sign, and decides nothing else.

cfssl holds one CA, which signs leaves itself. It cannot write a URI into a certificate, so
what it signs is no identity and the guard refuses it; nothing here makes up for that.
"""

from datetime import datetime, timedelta

from cryptography import x509

from ca_core.contract import (
    ROOT,
    AuthorityRequest,
    Capability,
    ConfigError,
    Error,
    Findings,
    Health,
    Kept,
    LeafRequest,
    NotReadyError,
    ProbeRequest,
    Provider,
    ProviderContext,
    RequestError,
    RetireRequest,
    RetireSignerRequest,
    Signer,
    SignerRequest,
    SignerUnknownError,
    TrustChain,
    claim_ca,
    path_faults,
    release_claims,
    signer_name,
    uri_sans,
)
from ca_provider_cfssl.client import Client
from ca_provider_cfssl.config import WHERE, Settings

ROUNDING = timedelta(seconds=30)
"""cfssl rounds the beginning, and with it the end, to the nearest minute."""

NO_IDENTITY = "cfssl 1.2 writes no URI into a certificate; the core refuses every leaf (leaf.5)"
NO_ED25519 = "cfssl 1.2 signs no CSR by an Ed25519 key"

HEALTH_LIMIT = timedelta(seconds=2)


class Cfssl(Provider):
    """One object serves one authority. The constructor creates nothing."""

    capabilities: frozenset[Capability] = frozenset()
    concurrency = 8

    def __init__(self, settings: Settings, context: ProviderContext) -> None:
        self._context = context
        self._kept = Kept(context)
        self._profiles = settings.profiles
        self._ca = Client(settings, context)

    def probe(self, request: ProbeRequest) -> Findings:
        """Say whether the CA was adopted, and what cfssl cannot do."""
        lives = self._profiles.values()
        return Findings(
            exists=self._kept.chain_or_none(ROOT) is not None,
            limits={
                "min_leaf_ttl_seconds": str(int((min(lives) + ROUNDING).total_seconds())),
                "max_leaf_ttl_seconds": str(int(max(lives).total_seconds())),
            },
            notes=(NO_IDENTITY, NO_ED25519),
        )

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Adopt the CA that cfssl holds, or return the one that was adopted."""
        self._kept.claim(ROOT, request.key)
        chain = self._kept.chain_or_none(ROOT)
        if chain is None:
            ca = self._fitting(self._ca.ca(deadline=request.deadline))
            claim_ca(ca, self._context, where=f"{WHERE}.address")
            chain = self._kept.installed(ROOT, (ca,))
        return TrustChain(chain, adopted=True)

    def trust_chain(self) -> TrustChain:
        """Return the authority's chain; a pure read."""
        return TrustChain(self._kept.chain(ROOT), adopted=True)

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Record the id; the CA itself signs."""
        chain = self.trust_chain().certificates
        name = signer_name(request.id)
        self._kept.claim(name, request.key)
        return Signer(request.id, self._kept.installed(name, chain))

    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        """Have cfssl sign the CSR, by the longest profile that ends in time."""
        try:
            (ca,) = self._kept.chain(signer_name(request.signer))
        except (NotReadyError, RequestError):
            raise SignerUnknownError(request.signer) from None
        ends = min(request.not_after, ca.not_valid_after_utc)
        return self._ca.sign(request.csr, self._profile(ends), deadline=request.deadline)

    def health(self, *, deep: bool = False) -> Health:
        """Say whether cfssl answers; only a deep look asks it."""
        try:
            if deep:
                self._ca.ca(deadline=self._context.clock.now() + HEALTH_LIMIT)
        except Error as error:
            return Health(ok=False, message=str(error))
        return Health(ok=True)

    def retire_signer(self, request: RetireSignerRequest) -> None:
        """Forget that signer; its id is dead afterwards."""
        self._kept.retire_signer(request.id)

    def retire(self, request: RetireRequest) -> None:
        """Let the CA go; nothing is changed at cfssl."""
        self._kept.retire()
        release_claims(self._context)

    def close(self) -> None:
        """Close the connections."""
        self._ca.close()

    def _profile(self, ends: datetime) -> str:
        """Return the profile with the longest life that surely ends by `ends`.

        The life is part of a profile; it cannot be asked for.
        """
        room = ends - self._context.clock.now() - ROUNDING
        fitting = [name for name, life in self._profiles.items() if life <= room]
        if not fitting:
            shortest = min(self._profiles.values())
            text = f"cfssl's shortest profile lives for {shortest}, longer than was asked"
            raise RequestError(text, field="not_after")
        return max(fitting, key=self._profiles.__getitem__)

    def _fitting(self, ca: x509.Certificate) -> x509.Certificate:
        """Refuse what is no CA, is not alive, or is another trust domain's."""
        faults = path_faults((ca,), now=self._context.clock.now())
        if uri_sans(ca) not in {(), (f"spiffe://{self._context.trust_domain}",)}:
            faults += ("its URI is another trust domain's",)
        if faults:
            raise ConfigError("; ".join(faults), where=f"{WHERE}.address")
        return ca

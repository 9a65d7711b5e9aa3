"""The certificate authority as the rest of the server sees it."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from cryptography import x509

from ca_core.acl.principal import Principal, describe
from ca_core.authority.bringup import BringUp, Leadership, drawn_ids, new_id
from ca_core.authority.configuration import provider_config, seeded, settings_of
from ca_core.authority.guard import GuardedProvider
from ca_core.authority.limiter import Limiter
from ca_core.authority.patience import PatientSigning
from ca_core.authority.record import IssuanceRecord
from ca_core.authority.registry import Registry
from ca_core.authority.rows import (
    AUTHORITIES,
    CLUSTER,
    SIGNERS,
    AuthorityRow,
    ClusterRow,
    ConfigurationRow,
    SignerRow,
    current_signer,
    decoded,
    encoded,
    issuing_chain,
    read,
    trust_domain,
)
from ca_core.authority.settings import CASettings
from ca_core.authority.slot import ProviderSlot
from ca_core.clock import Clock
from ca_core.contract.answers import Health, Signer, TrustChain
from ca_core.contract.capabilities import Capability, Role
from ca_core.contract.context import ProviderContext
from ca_core.contract.issuing import BACKDATE
from ca_core.contract.requests import CrlRequest, LeafRequest
from ca_core.errors import (
    ConfigError,
    Error,
    GuardError,
    NotFoundError,
    NotReadyError,
    ProviderError,
    RequestError,
    UnavailableError,
)
from ca_core.identity.certificates import fingerprint, pem_of
from ca_core.identity.csr import CheckedCsr
from ca_core.identity.spiffe import TrustDomain
from ca_core.state.kek import KeyRing
from ca_core.state.providerstate import StoredProviderState
from ca_core.state.secrets import EncryptedSecrets, missing_keys
from ca_core.state.store import Store

SIGN_LIMIT = timedelta(seconds=10)

_log = logging.getLogger("ca_core.authority")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedLeaf:
    """A leaf that was checked, recorded and may be released.

    Attributes:
        certificate: the leaf.
        pem: leaf first, then what leads to the anchor, anchor excluded.
        index: its number in this cluster's record, at least 1.
    """

    certificate: x509.Certificate
    pem: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the manager tells about itself; called on the thread where it happens."""

    on_violation: Callable[[GuardError], None]
    on_issued: Callable[[str], None]
    on_bug: Callable[[str], None]


def ensure_cluster(
    store: Store, clock: Clock, *, datacenter: str, domain: TrustDomain | None
) -> ClusterRow:
    """Return who this cluster is, drawing a trust domain at the very first start. Blocks.

    Raises:
        ConfigError: the configuration names another trust domain or datacenter than the store.
    """
    name = domain.name if domain else f"{uuid.uuid4()}.consul"
    fresh = ClusterRow(trust_domain=name, datacenter=datacenter, created=clock.now())
    row = decoded(ClusterRow, store.create(CLUSTER, "identity", encoded(fresh)))
    for where, asked, standing in (
        ("server.trust_domain", domain.name if domain else row.trust_domain, row.trust_domain),
        ("datacenter", datacenter, row.datacenter),
    ):
        if asked != standing:
            raise ConfigError(
                f"this data belongs to {standing!r}, not {asked!r}",
                where=where,
                hint="use the old value, or another data_dir",
            )
    return row


def _crl(request: CrlRequest, provider: GuardedProvider) -> x509.CertificateRevocationList:
    return provider.crl(request)


class CAManager:
    """Keeps the authority, and signs under it.

    Lives on one event loop; ``prepare`` blocks and is called before the loop serves. Provider calls
    run on the provider's own threads.

    Args:
        keyring: the key-encryption keys that are live now.
        run: names this server in the issuance record; the same after a crash.
    """

    def __init__(
        self,
        store: Store,
        *,
        keyring: Callable[[], KeyRing],
        registry: Registry,
        clock: Clock,
        counters: Counters,
        run: str,
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._registry = registry
        self._clock = clock
        self._counters = counters
        self.record = IssuanceRecord(store, clock, run=run)
        self._settings = CASettings()
        self._slot = ProviderSlot(clock, self._opened)
        self._signing_hand = PatientSigning(self._slot, clock)
        self._introduced: set[str] = set()
        self._limiter = Limiter(clock)
        self._bringup = BringUp(store, clock, self._slot, self._settings)
        self.configuration: ConfigurationRow | None = None

    def prepare(self, settings: CASettings) -> None:
        """Read what stands in the store, seeding it with ``settings`` at the first start. Blocks.

        Raises:
            ConfigError: it is the first start, and the provider is unknown or refuses its
                configuration.
            UnavailableError: the store cannot be written.
        """
        self.configuration = seeded(self._store, self._own_secrets(), settings, self._registry)
        self._settings = settings_of(self.configuration)
        self._limiter = Limiter(self._clock, rate=self._settings.csr_max_per_second)
        self._bringup = BringUp(self._store, self._clock, self._slot, self._settings)
        drawn_ids(self._store)
        self.record.open()

    async def run(self, leadership: Leadership) -> None:
        """Open the provider, bring up the first authority, and stay; cancel to end."""
        await self._slot.open()
        await self._bringup.run(leadership)
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """Let running calls end, make the record durable; ``run`` must have ended."""
        await asyncio.to_thread(self._slot.close)
        await asyncio.to_thread(self.record.close)

    @property
    def settings(self) -> CASettings:
        """Return the settings that stand (not those of a file that was edited since)."""
        return self._settings

    @property
    def trust_domain(self) -> TrustDomain:
        """Return the cluster's trust domain.

        Raises:
            NotReadyError: the cluster row has not been written.
        """
        domain = trust_domain(self._store.snapshot)
        if domain is None:
            raise NotReadyError("the trust domain has not been drawn yet")
        return domain

    @property
    def datacenter(self) -> str:
        """Return this datacenter's name; empty before the cluster row is written."""
        row = read(self._store.snapshot, ClusterRow, CLUSTER, "identity")
        return row.datacenter if row else ""

    @property
    def consul_names(self) -> Mapping[str, str]:
        """Return Consul's spelling of the configured provider's keys."""
        return self._registry.get(self._settings.provider).consul_names

    def why_not_ready(self) -> str:
        """Return in one sentence why nothing can be signed now; empty if it can."""
        if not self._slot.is_open:
            return f"the CA provider is opening: {self._slot.opening.last_error or 'no error yet'}"
        if current_signer(self._store.snapshot) is None:
            return self._bringup.waiting_for or "the first authority is being made"
        return self._keyring_gap()

    def health(self) -> Health:
        """Return the provider's shallow health, or why it is not open."""
        if not self._slot.is_open:
            return Health(ok=False, message=self.why_not_ready())
        return self._slot.provider.health()

    async def sign(
        self, csr: CheckedCsr, *, principal: Principal, replaces: datetime | None = None
    ) -> IssuedLeaf:
        """Sign a leaf for what ``csr`` asks; the caller has asked ``may`` about every name in it.

        1. The current signer is read from the store. 2. Admission, ordered by expiry. 3. The
        guarded provider signs. 4. The ceiling is committed, the record appended. 5. Released.

        Args:
            csr: what is asked for.
            principal: who asked, for the record.
            replaces: NotAfter of the leaf it replaces; None for a first one.

        Raises:
            NotReadyError: nothing can sign yet.
            PendingError: the backend answers later; come back with the same CSR.
            RateLimitedError: too many requests; says when to come back.
            RequestError: this provider copies CSRs, and this one asks for more than its names.
            GuardError: the provider's answer broke a rule.
            ProviderError: the provider failed.
            UnavailableError: the store cannot be written; nothing was released.
        """
        authority, signer = self._signing()  # (1)
        self._check_shape(csr)
        await self._limiter.admit(replaces or self._clock.now())  # (2)
        await self._introduce(authority, signer)
        request = self._leaf_request(csr, signer)
        leaf = await self._signing_hand.signed(request)  # (3)
        await self.record.raise_ceiling(authority.id, leaf.not_valid_after_utc)  # (4)
        index = self.record.add(
            leaf,
            identity=str(csr.identity),
            principal=describe(principal),
            authority=authority.id,
            signer=signer.id,
        )
        self._counters.on_issued(authority.id)
        pem = pem_of(leaf) + issuing_chain(authority, signer)
        return IssuedLeaf(certificate=leaf, pem=pem, index=index)  # (5)

    def waiting_csr(self) -> str:
        """Return the CSR that a corporate CA must sign before this cluster can, as PEM, or ''."""
        return self._bringup.waiting_csr()

    async def install_chain(self, chain: tuple[x509.Certificate, ...]) -> None:
        """Continue the first start with the chain that a corporate CA signed.

        Raises:
            RequestError: no CSR waits, or the chain is not for it.
            ProviderError: the provider failed.
        """
        await self._bringup.install(chain)

    async def crls(self, authority: str) -> tuple[x509.CertificateRevocationList, ...]:
        """Return the current CRL of every signer of an authority.

        Raises:
            NotFoundError: no authority of that id.
            CapabilityUnsupportedError: its provider does not revoke.
        """
        view = self._store.snapshot
        if view.get(AUTHORITIES, authority) is None:
            raise NotFoundError(f"no authority {authority!r}", field="authority")
        rows = (decoded(SignerRow, row.value) for row in view.table(SIGNERS).values())
        found = []
        for signer in sorted(row.id for row in rows if row.authority == authority):
            request = CrlRequest(
                request_id=new_id("crl"),
                deadline=self._clock.now() + SIGN_LIMIT,
                signer=signer,
            )
            found.append(await self._slot.call(partial(_crl, request)))
        return tuple(found)

    def _signing(self) -> tuple[AuthorityRow, SignerRow]:
        current = current_signer(self._store.snapshot)
        if current is None or not self._slot.is_open:
            raise NotReadyError(self.why_not_ready())
        gap = self._keyring_gap()
        if gap:
            raise UnavailableError(gap)
        if current[1].certificates[0].not_valid_after_utc <= self._clock.now():
            raise UnavailableError(f"signer {current[1].id} has expired and signs nothing any more")
        return current

    async def _introduce(self, authority: AuthorityRow, signer: SignerRow) -> None:
        """Show the guard a signer that it has not seen: one of a former life, or of another server.

        Raises:
            GuardError: the signer does not lead to its authority's anchor.
        """
        if signer.id in self._introduced:
            return
        known = Signer(signer.id, signer.certificates)
        chain = TrustChain(authority.certificates)
        bundles = (frozenset({fingerprint(authority.anchor_certificate)}),)
        await self._slot.call(lambda guard: guard.adopt_signer(known, chain, bundles))
        self._introduced.add(signer.id)

    def _keyring_gap(self) -> str:
        missing = missing_keys(self._store.snapshot, self._keyring())
        if not missing:
            return ""
        return f"key-encryption key {', '.join(missing)} is missing; nothing can be signed"

    def _check_shape(self, csr: CheckedCsr) -> None:
        copies = Capability.TEMPLATE not in self._slot.provider.capabilities
        if copies and not csr.plain:
            raise RequestError(
                "this CA copies CSRs, so it takes only an empty subject and one critical SAN",
                field="csr",
            )

    def _leaf_request(self, csr: CheckedCsr, signer: SignerRow) -> LeafRequest:
        now = self._clock.now().replace(microsecond=0)
        end = signer.certificates[0].not_valid_after_utc
        return LeafRequest(
            request_id=uuid.uuid4().hex,
            deadline=now + SIGN_LIMIT,
            csr=csr.csr,
            identity=csr.identity,
            dns_names=csr.dns_names,
            ip_addresses=csr.ip_addresses,
            not_before=now - BACKDATE,
            not_after=min(now + self._settings.leaf_ttl, end),
            signer=signer.id,
        )

    def _own_secrets(self) -> EncryptedSecrets:
        return EncryptedSecrets(self._store, self._keyring, "_core")

    def _opened(self) -> GuardedProvider:
        """Open the configured provider under the guard; blocks, runs in a thread, may fail."""
        if self.configuration is None:
            raise NotReadyError("prepare() comes first")
        name = self._settings.provider
        plugin = self._registry.get(name)
        context = self._context(name)
        config = provider_config(self.configuration, self._own_secrets())
        try:
            inner = plugin.open(config, context)
        except Error:
            raise
        except Exception as error:
            text = f"provider {name!r} failed to open: {type(error).__name__}: {error}"
            raise ProviderError(text) from error
        return GuardedProvider(
            inner,
            name=name,
            trust_domain=self.trust_domain,
            clock=self._clock,
            strict_key_usage=self._settings.strict_key_usage,
            on_violation=self._counters.on_violation,
            on_bug=lambda _error: self._counters.on_bug(name),
            logger=_log,
        )

    def _context(self, name: str) -> ProviderContext:
        ids = drawn_ids(self._store)
        current = current_signer(self._store.snapshot)
        return ProviderContext(
            trust_domain=self.trust_domain,
            datacenter=self.datacenter,
            role=Role.PRIMARY,
            authority_id=current[0].id if current else ids.authority,
            clock=self._clock,
            state=StoredProviderState(self._store, name),
            secrets=EncryptedSecrets(self._store, self._keyring, name),
            logger=logging.getLogger(f"ca_core.provider.{name}"),
        )

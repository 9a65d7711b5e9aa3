"""One leaf: key and CSR made here, signed there, checked before anybody sees it."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from cryptography import x509

from ca_core.acl.principal import Principal
from ca_core.agent.joining import Draw
from ca_core.agent.knownroots import KnownRoots
from ca_core.agent.leafbody import IssuerChains
from ca_core.agent.leafrecord import HeldLeaf, LeafName
from ca_core.agent.renewal import drawn, renewal_window
from ca_core.agent.rootscache import RootsCache
from ca_core.agent.signing import signer_of
from ca_core.agent.unreached import UnreachedError
from ca_core.agent.upstream import Upstream
from ca_core.agent.verification import UntrustedChainError, Wanted, verified_chain
from ca_core.clock import Clock
from ca_core.errors import PendingError, UnavailableError
from ca_core.identity.certificates import parse_certificates, pem_chain, serial_hex
from ca_core.identity.leafcsr import csr_pem, key_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServiceId, TrustDomain
from ca_core.wire.cluster import SignedLeaf
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.times import wire_time

_ROOTS_PATIENCE = timedelta(seconds=5)
"""A leaf may come from a new root a moment before the news of that root."""
_MAX_PROMISED = 1000
"""CSRs kept for a CA that answers later; one that is dropped is made anew."""
MOST_SIGNING = 32
"""Signatures that are waited for at once: where each takes long, they must leave connections to a
server for everything else."""
_SKEW_RETRY = timedelta(seconds=30)


Chain = tuple[x509.Certificate, ...]
"""Leaf first."""

GrantFor = Callable[[Principal, str], Awaitable[str]]
"""``grant_for(principal, service)``: by which grant a caller may be that service; '' for none."""


async def no_grant(_principal: Principal, _service: str) -> str:
    """Vouch for everybody, where there are no tokens."""
    return ""


class LeafIssuer:
    """Has leaves signed for services of this datacenter. Used from one event loop."""

    def __init__(
        self,
        upstream: Upstream,
        roots: RootsCache,
        clock: Clock,
        datacenter: str,
        draw: Draw,
        grant_for: GrantFor = no_grant,
    ) -> None:
        self._upstream = upstream
        self._roots = roots
        self._clock = clock
        self._datacenter = datacenter
        self._draw = draw
        self._grant_for = grant_for
        self._turns = asyncio.Semaphore(MOST_SIGNING)
        self._promised: OrderedDict[LeafName, tuple[Wanted, str]] = OrderedDict()
        self.chains = IssuerChains()

    async def identity(self, service: str) -> ServiceId:
        """Return the SPIFFE ID of a service here.

        Raises:
            RequestError: characters that no service name may have.
            Error: the trust domain is not known yet.
        """
        known = await self._roots.known()
        return ServiceId(
            trust_domain=TrustDomain(known.value.trust_domain),
            datacenter=self._datacenter,
            service=service,
        )

    async def issue(self, name: LeafName, replaced: HeldLeaf | None, caller: Principal) -> HeldLeaf:
        """Return a new leaf with a new key.

        A CA that answers later is asked again with the same CSR: that continues what it began. So
        is a server that was not reached: nobody has seen it.

        Raises:
            Error: not signed, or what came back cannot be used; nothing of it is kept.
        """
        known = await self._roots.known()
        kept = self._promised.get(name)
        wanted, csr = await self._asked_anew(name) if kept is None else kept
        ends = replaced.not_after if replaced else None
        try:
            async with self._turns:
                grant = await self._grant_for(caller, name.service)
                signed = await self._upstream.sign(csr, replaces=ends, grant=grant)
        except (PendingError, UnreachedError):
            self._promise(name, wanted, csr)
            raise
        self._promised.pop(name, None)
        chain = await self._verified(signed, wanted, known)
        now = self._clock.now()
        _refuse_outside_validity(chain[0], now)
        index = max(signed.index, 1)
        if replaced is not None and replaced.index == index:
            index += 1  # readers that hold the old index must see that this is another leaf
        return self._held(_issued_cert(chain, wanted, name, index), chain, known, now)

    async def _asked_anew(self, name: LeafName) -> tuple[Wanted, str]:
        wanted = Wanted(
            key=new_leaf_key(),
            identity=await self.identity(name.service),
            dns_names=name.dns_names,
            ip_addresses=name.ip_addresses,
        )
        csr = leaf_csr(wanted.key, wanted.identity, wanted.dns_names, wanted.ip_addresses)
        return wanted, csr_pem(csr)

    def _promise(self, name: LeafName, wanted: Wanted, csr: str) -> None:
        self._promised[name] = (wanted, csr)
        while len(self._promised) > _MAX_PROMISED:
            self._promised.popitem(last=False)

    def _held(self, cert: IssuedCert, chain: Chain, known: KnownRoots, now: datetime) -> HeldLeaf:
        ends = chain[0].not_valid_after_utc
        signer = signer_of(chain, (self._roots.latest or known).anchors)
        return HeldLeaf(
            body=self.chains.body(cert, pem_chain(chain[1:]), signer),
            not_before=chain[0].not_valid_before_utc,
            not_after=ends,
            issued_at=now,
            renew_at=drawn(renewal_window(now, ends), self._draw()),
            asked_under=known.signing.mark,
            index=cert.modify_index,
        )

    async def _verified(self, signed: SignedLeaf, wanted: Wanted, known: KnownRoots) -> Chain:
        try:
            return verified_chain(signed.cert_pem, wanted, known.anchors, now=self._clock.now())
        except UntrustedChainError:
            # On a clock that is behind, the CA is as little valid as its leaf: say that instead.
            leaf = parse_certificates(signed.cert_pem, field="CertPEM")[0]
            _refuse_outside_validity(leaf, self._clock.now())
            newer = await self._roots.newer_than(known, _ROOTS_PATIENCE)
            return verified_chain(signed.cert_pem, wanted, newer.anchors, now=self._clock.now())


def _refuse_outside_validity(leaf: x509.Certificate, now: datetime) -> None:
    """Refuse a fresh leaf that is not valid here and now: one of the two clocks is wrong."""
    if leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return
    raise UnavailableError(
        f"the new leaf is valid from {wire_time(leaf.not_valid_before_utc)} to "
        f"{wire_time(leaf.not_valid_after_utc)}, but this host's clock says {wire_time(now)}",
        retry_after=_SKEW_RETRY,
        hint="compare the clocks of this host and of the server (timedatectl)",
    )


def _issued_cert(chain: Chain, wanted: Wanted, name: LeafName, index: int) -> IssuedCert:
    leaf = chain[0]
    return IssuedCert(
        serial_number=serial_hex(leaf),
        cert_pem=pem_chain(chain),
        private_key_pem=key_pem(wanted.key),
        service=name.service,
        service_uri=str(wanted.identity),
        valid_after=wire_time(leaf.not_valid_before_utc),
        valid_before=wire_time(leaf.not_valid_after_utc),
        create_index=index,
        modify_index=index,
    )

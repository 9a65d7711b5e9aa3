"""A server in memory, and the small tools with which the agent's tests move time."""

import asyncio
from datetime import datetime, timedelta

from ca_core.agent.upstream import RootsAnswer
from ca_core.agent.waiting import Gathering
from ca_core.contract.issuing import (
    BACKDATE,
    KeyPair,
    issue_intermediate,
    issue_leaf,
    issue_root,
)
from ca_core.contract.requests import LeafRequest
from ca_core.identity.certificates import (
    colon_hex,
    pem_chain,
    pem_of,
    root_id,
    serial_hex,
    subject_key_id,
)
from ca_core.identity.csr import check_csr, load_csr
from ca_core.identity.keys import KeySpec, generate_key
from ca_core.identity.spiffe import TrustDomain
from ca_core.wire.cluster import SignedLeaf
from ca_core.wire.operations import Lease
from ca_core.wire.roots import CARoot, CARoots
from ca_core.wire.times import wire_time

TRUST_DOMAIN = TrustDomain("11111111-2222-3333-4444-555555555555.consul")
DATACENTER = "dc1"


class Authority:
    """A root and an intermediate that signs leaves."""

    def __init__(self, label: str, now: datetime):
        key = generate_key(KeySpec())
        ttl = timedelta(days=3650)
        self.root = KeyPair(
            issue_root(key, trust_domain=TRUST_DOMAIN, label=label, now=now, ttl=ttl), key
        )
        below = generate_key(KeySpec())
        self.signer = KeyPair(
            issue_intermediate(
                self.root,
                below.public_key(),
                trust_domain=TRUST_DOMAIN,
                label=f"{label}-int",
                now=now,
                ttl=timedelta(days=365),
            ),
            below,
        )

    def leaf(self, csr_pem: str, now: datetime, ttl: timedelta, *, identity=None):
        """Sign whatever the CSR asks for, or its key under another identity."""
        checked = check_csr(load_csr(csr_pem))
        request = LeafRequest(
            request_id="r",
            deadline=now + timedelta(seconds=10),
            csr=checked.csr,
            identity=identity or checked.identity,
            dns_names=checked.dns_names,
            ip_addresses=checked.ip_addresses,
            not_before=now - BACKDATE,
            not_after=now + ttl,
            signer="s",
        )
        return issue_leaf(self.signer, request)

    def wire(self, *, active: bool) -> CARoot:
        """Return this authority as the roots endpoint shows it."""
        root = self.root.certificate
        return CARoot(
            id=root_id(root),
            name="root",
            serial_number=root.serial_number & (2**64 - 1),
            serial_number_hex=serial_hex(root),
            signing_key_id=colon_hex(subject_key_id(self.signer.certificate)),
            external_trust_domain="x",
            not_before=wire_time(root.not_valid_before_utc),
            not_after=wire_time(root.not_valid_after_utc),
            root_cert=pem_of(root),
            intermediate_certs=(pem_of(self.signer.certificate),) if active else None,
            active=active,
            private_key_type="ec",
            private_key_bits=256,
            create_index=1,
            modify_index=1,
        )


class FakeUpstream:
    """A server in memory. ``errors`` are raised by the next calls, one each.

    ``gate``, if set, holds every ``sign`` until it opens. ``replaced`` lists what ``sign`` was told
    about the leaf that the new one replaces; ``acknowledged`` what it was told about bundles, and
    ``lease`` is the answer to that.
    """

    def __init__(self, clock, *, ttl: timedelta = timedelta(hours=72)):
        self.clock = clock
        self.ttl = ttl
        self.authorities = [Authority("a", clock.now())]
        self.index = 5
        self.issued = 100
        self.signed: list[str] = []
        self.replaced: list[datetime | None] = []
        self.sign_errors: list[Exception] = []
        self.roots_errors: list[Exception] = []
        self.roots_calls: list[int] = []
        self.revoked_errors: list[Exception] = []
        self.revoked_calls = 0
        self.gate: asyncio.Event | None = None
        self.doctor = lambda signed: signed
        self.acknowledged = []
        self.acknowledge_errors: list[Exception] = []
        self.lease = Lease(seconds=30.0, reissue_spread_seconds=30.0)
        self.closed = False
        self.listeners = []
        self._changed = Gathering()

    @property
    def active(self) -> Authority:
        """Return the authority that signs."""
        return self.authorities[-1]

    def anchors(self):
        """Return every root's certificate."""
        return tuple(authority.root.certificate for authority in self.authorities)

    def rotate(self) -> None:
        """Let a new root sign; the old one stays trusted."""
        self.authorities.append(Authority(f"a{len(self.authorities)}", self.clock.now()))
        self.changed(self.index + 1)

    def changed(self, index: int) -> None:
        """Set the index and answer every blocked query."""
        self.index = index
        self._changed.wake()

    def value(self) -> CARoots:
        """Return the roots as they are now."""
        roots = tuple(a.wire(active=a is self.active) for a in self.authorities)
        return CARoots(
            active_root_id=root_id(self.active.root.certificate),
            trust_domain=str(TRUST_DOMAIN),
            roots=roots,
        )

    async def roots(self, *, index=0, wait=timedelta(minutes=5)):
        """Answer the roots; block while the index is the current one."""
        self.roots_calls.append(index)
        if self.roots_errors:
            raise self.roots_errors.pop(0)
        if index == self.index:
            await self._changed.changed(wait.total_seconds(), self.clock)
        if self.roots_errors:
            raise self.roots_errors.pop(0)
        return RootsAnswer(value=self.value(), index=self.index)

    async def sign(self, csr_pem, *, replaces=None, grant=""):
        """Sign, after the gate has opened, unless an error is due."""
        self.signed.append(csr_pem)
        self.replaced.append(replaces)
        if self.gate is not None:
            await self.gate.wait()
        if self.sign_errors:
            raise self.sign_errors.pop(0)
        self.issued += 1
        leaf = self.active.leaf(csr_pem, self.clock.now(), self.ttl)
        return self.doctor(
            SignedLeaf(
                cert_pem=pem_chain((leaf, self.active.signer.certificate)),
                index=self.issued,
                trust_domain=str(TRUST_DOMAIN),
                datacenter=DATACENTER,
                roots_pem=pem_chain(self.anchors()),
            )
        )

    async def acknowledge(self, said):
        """Answer the lease, unless an error is due."""
        if self.acknowledge_errors:
            raise self.acknowledge_errors.pop(0)
        self.acknowledged.append(said)
        return self.lease

    async def revoked(self, asked):
        """Have the agent wait for ever, unless an error is due: nothing was revoked."""
        self.revoked_calls += 1
        if self.revoked_errors:
            raise self.revoked_errors.pop(0)
        await asyncio.Event().wait()

    async def in_sync(self, digest):
        """Have the agent wait for ever: what is stored is what it told."""
        await asyncio.Event().wait()

    def on_return(self, listener):
        """Keep who wants to be told; ``returned`` tells them."""
        self.listeners.append(listener)

    def returned(self):
        """Tell everybody that a server answers again."""
        for listener in self.listeners:
            listener()

    async def run(self):
        """Each call is answered by itself: there is no question to put together."""
        await asyncio.Event().wait()

    async def close(self):
        """Remember that it was closed."""
        self.closed = True


async def settle(turns: int = 30) -> None:
    """Let everything run that can run without time passing."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def passed(clock, span: timedelta, *, step: timedelta | None = None) -> None:
    """Let ``span`` pass, ``step`` by ``step``, with everything done that falls due."""
    step = step or span
    while span > timedelta():
        part = min(step, span)
        clock.advance(part)
        span -= part
        await settle()

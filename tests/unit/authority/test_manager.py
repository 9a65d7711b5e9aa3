"""Signing through the manager: checked, admitted, recorded, then released."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from cryptography import x509

from ca_core.acl.principal import Anonymous
from ca_core.authority.ceilings import ceiling_of
from ca_core.authority.cluster import ensure_cluster
from ca_core.authority.record import LEDGER, IssuanceRow
from ca_core.authority.registry import Registry
from ca_core.authority.roots import roots_of
from ca_core.authority.rows import current_signer
from ca_core.authority.settings import CASettings
from ca_core.contract import Capability, PendingError, ProviderPlugin
from ca_core.errors import (
    ConfigError,
    GuardError,
    NotFoundError,
    NotReadyError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)
from ca_core.identity.certificates import authority_key_id, colon_hex, parse_certificates
from ca_core.identity.spiffe import TrustDomain
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.kek import KeyRing
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.state.store import Store
from ca_core.testing.clock import FakeClock
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from ca_core.testing.slow import slow_plugin
from ca_core.testing.slow_backend import SlowBackend
from tests.unit.authority.cluster import DOMAIN, Room, csr_for, running, short

BUILTIN = Registry().get("builtin")


def run(scenario) -> None:
    """Run one scenario on a loop of its own."""
    asyncio.run(scenario())


def with_provider(kind) -> ProviderPlugin:
    """Return a descriptor that makes ``kind``, a reference provider with a twist."""
    honest, shared = reference_plugin(), ReferenceBackend()
    return ProviderPlugin(
        parse_config=honest.parse_config,
        create=lambda config, context: kind(config, context, shared),
    )


def test_a_leaf_comes_with_what_leads_to_the_anchor_and_without_it():
    """The PEM is leaf first, then the signer; the root stays where the bundle is."""

    async def scenario() -> None:
        room = Room(MemoryEngine(), BUILTIN)
        async with running(room):
            await room.ready()
            issued = await room.sign()
            leaf, signer = parse_certificates(issued.pem)
            leaf.verify_directly_issued_by(signer)
            roots = roots_of(room.store.snapshot)
            assert roots.roots[0].signing_key_id == colon_hex(authority_key_id(leaf))
            (anchor,) = parse_certificates(roots.roots[0].root_cert)
            signer.verify_directly_issued_by(anchor)

    run(scenario)


def test_a_leaf_lives_no_longer_than_the_settings_say_nor_than_its_signer():
    """The TTL is the stored one, clamped to the signer's end."""

    async def scenario() -> None:
        room = Room(MemoryEngine(), BUILTIN, settings=short(timedelta(hours=2)))
        async with running(room):
            await room.ready()
            leaf = (await room.sign()).certificate
            life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
            assert life == timedelta(hours=2, seconds=60)

    run(scenario)


def test_every_leaf_is_in_the_record_under_its_ceiling():
    """Serial, identity, principal, authority, signer and end are kept; the ceiling is ahead."""

    async def scenario() -> None:
        room = Room(MemoryEngine(), BUILTIN, settings=short(timedelta(hours=3)))
        async with running(room):
            await room.ready()
            issued = [await room.sign(f"svc-{n}") for n in range(20)]
            counts = await asyncio.to_thread(room.manager.record.counts)
            authority, signer = current_signer(room.store.snapshot)
            assert counts == {authority.id: 20}
            ceiling = ceiling_of(room.store.snapshot, authority.id)
            rows = await asyncio.to_thread(room.store.read, LEDGER)
            kept = [msgspec.json.decode(row.value, type=IssuanceRow) for row in rows]
            assert [row.identity.rpartition("/")[2] for row in kept] == [
                f"svc-{n}" for n in range(20)
            ]
            assert {row.signer for row in kept} == {signer.id}
            assert {row.principal for row in kept} == {"anonymous"}
            assert all(i.certificate.not_valid_after_utc <= ceiling for i in issued)
            assert [i.index for i in issued] == list(range(1, 21))

    run(scenario)


def test_a_leaf_is_not_released_while_its_ceiling_cannot_be_written():
    """The store is away at the moment of the commit: the caller gets an error, not a leaf."""

    async def scenario() -> None:
        engine = FakeEngine(FakeBackend())
        room = Room(engine, BUILTIN)
        async with running(room):
            await room.ready()
            engine.fail(UnavailableError("disk full"))
            with pytest.raises(UnavailableError):
                await room.sign()
            await room.sign()

    run(scenario)


def test_counts_survive_a_clean_stop_exactly_and_a_kill_marks_them():
    """Exact while no server died; after a death the authority's record says it may lack leaves."""

    async def scenario() -> None:
        disk = MemoryDisk()
        first = Room(MemoryEngine(disk=disk), BUILTIN)
        async with running(first):
            await first.ready()
            for _ in range(3):
                await first.sign()
        second = Room(MemoryEngine(disk=disk), BUILTIN)
        second.start()
        await second.ready()
        await second.sign()
        (authority,) = second.manager.record.counts()
        assert second.manager.record.counts()[authority] == 4
        assert current_signer(second.store.snapshot)[0].complete
        await second.kill()
        second.store.flush()
        third = Room(MemoryEngine(disk=disk), BUILTIN)
        async with running(third):
            await third.ready()
            assert third.manager.record.counts()[authority] == 4
            assert not current_signer(third.store.snapshot)[0].complete

    run(scenario)


def test_a_server_whose_disk_is_full_stops_all_the_same():
    """Its lease is given back, and its next start finds that the record is not complete."""

    async def scenario() -> None:
        backend = FakeBackend()
        engine = FakeEngine(backend)
        first = Room(engine, BUILTIN)
        async with running(first):
            await first.ready()
            await first.sign()
            await first.kill()
            first.store.flush()
            engine.fail(UnavailableError("the disk is full"))
        other = Room(FakeEngine(backend), BUILTIN, name="server-2")
        async with running(other):
            await asyncio.wait_for(other.keeper.held(), 30)
        again = Room(FakeEngine(backend), BUILTIN)
        async with running(again):
            await again.ready()
            assert not current_signer(again.store.snapshot)[0].complete

    run(scenario)


def test_two_servers_count_each_others_leaves():
    """The count is the cluster's, not a server's."""

    async def scenario() -> None:
        backend, plugin = FakeBackend(), BUILTIN
        rooms = [Room(FakeEngine(backend), plugin, name=f"server-{n}") for n in (1, 2)]
        async with running(*rooms):
            await asyncio.gather(*(room.ready() for room in rooms))
            for room in rooms:
                for _ in range(5):
                    await room.sign()
            for room in rooms:
                await asyncio.to_thread(room.store.flush)
            for room in rooms:
                assert sum((await asyncio.to_thread(room.manager.record.counts)).values()) == 10

    run(scenario)


def test_too_many_requests_are_told_when_to_come_back():
    """Admission control stands before the provider."""

    async def scenario() -> None:
        settings = CASettings(provider="under-test", csr_max_per_second=1)
        room = Room(MemoryEngine(), BUILTIN, settings=settings)
        async with running(room):
            await room.ready()
            await room.sign()
            with pytest.raises(RateLimitedError):
                await room.sign()

    run(scenario)


class Renaming(ReferenceProvider):
    """A provider that puts another service's name into leaves."""

    def sign_leaf(self, request) -> x509.Certificate:
        """Sign for somebody else."""
        identity = replace(request.identity, service="bank")
        return super().sign_leaf(replace(request, identity=identity))


def test_a_lying_provider_is_named_and_counted_and_nothing_is_recorded():
    """The guard stands between every provider and the caller."""

    async def scenario() -> None:
        room = Room(MemoryEngine(), with_provider(Renaming))
        async with running(room):
            await room.ready()
            with pytest.raises(GuardError, match="under-test"):
                await room.sign()
            assert len(room.violations) == 1
            assert room.manager.record.counts() == {}

    run(scenario)


class Copying(ReferenceProvider):
    """A provider that copies CSRs and says so."""

    @property
    def capabilities(self):
        """Everything but ``TEMPLATE``."""
        return frozenset(self._declared) - {Capability.TEMPLATE}

    @capabilities.setter
    def capabilities(self, value) -> None:
        self._declared = value


def test_a_provider_that_copies_csrs_sees_plain_ones_only():
    """A CSR with a CN or a non-critical SAN is refused before such a provider sees it."""

    async def scenario() -> None:
        room = Room(MemoryEngine(), with_provider(Copying))
        async with running(room):
            await room.ready()
            await room.sign()
            fancy = replace(csr_for(), plain=False)
            with pytest.raises(RequestError, match="copies CSRs"):
                await room.manager.sign(fancy, principal=Anonymous())

    run(scenario)


def test_without_its_key_a_server_serves_reads_and_names_the_missing_id():
    """A lost key-encryption key stops signing, not reading."""

    async def scenario() -> None:
        disk = MemoryDisk()
        first = Room(MemoryEngine(disk=disk), BUILTIN)
        async with running(first):
            await first.ready()
        second = Room(MemoryEngine(disk=disk), BUILTIN, keys=KeyRing())
        async with running(second):
            while not second.manager.slots.at(second.manager.place).is_open:
                await asyncio.sleep(0.001)
            assert roots_of(second.store.snapshot).roots
            with pytest.raises(UnavailableError, match=r"key-encryption key [0-9a-f]{16}"):
                await second.sign()

    run(scenario)


def test_an_expired_signer_signs_nothing():
    """The error says which signer; no leaf comes out."""

    async def scenario() -> None:
        clock = FakeClock()
        settings = CASettings(provider="under-test", intermediate_ttl=timedelta(hours=300))
        room = Room(MemoryEngine(), BUILTIN, clock=clock, settings=settings)
        async with running(room):
            await room.ready()
            clock.advance(timedelta(hours=301))
            with pytest.raises(UnavailableError, match="expired"):
                await room.sign()

    run(scenario)


def test_a_slow_backend_is_asked_again_while_the_caller_waits():
    """A pending leaf arrives in the same call when the backend is quick enough."""

    async def scenario() -> None:
        room = Room(MemoryEngine(), slow_plugin(SlowBackend(polls=3)))
        async with running(room):
            await room.ready()
            assert (await room.sign()).index == 1

    run(scenario)


def test_a_caller_that_comes_back_with_its_csr_gets_the_leaf_it_waited_for():
    """Beyond the wait the token is remembered; the same CSR continues it."""

    async def scenario() -> None:
        clock, backend = FakeClock(), SlowBackend(polls=0)
        room = Room(MemoryEngine(), slow_plugin(backend), clock=clock)
        async with running(room):
            await room.ready()
            backend._polls = 10**6
            csr = csr_for()
            waiting = asyncio.ensure_future(room.manager.sign(csr, principal=Anonymous()))
            while not waiting.done():
                clock.advance(timedelta(milliseconds=500))
                await asyncio.sleep(0.001)
            with pytest.raises(PendingError):
                waiting.result()
            for job in backend._jobs.values():
                job.polls_left = 0
            before = len(backend._jobs)
            await room.manager.sign(csr, principal=Anonymous())
            assert len(backend._jobs) == before

    run(scenario)


def test_crls_are_served_per_authority():
    """Known authority: one CRL per signer; unknown: not found."""

    async def scenario() -> None:
        room = Room(MemoryEngine(), BUILTIN)
        async with running(room):
            await room.ready()
            authority, signer = current_signer(room.store.snapshot)
            (crl,) = await room.manager.crls.current(authority.id)
            assert crl.is_signature_valid(signer.certificates[0].public_key())
            with pytest.raises(NotFoundError):
                await room.manager.crls.current("ca-nobody")

    run(scenario)


def test_a_stranger_who_asks_for_crls_all_day_costs_one_signature_in_five_seconds():
    """A CRL is kept for a moment: asking again is free, asking later is news."""

    async def scenario() -> None:
        clock = FakeClock()
        room = Room(MemoryEngine(), BUILTIN, clock=clock)
        async with running(room):
            await room.ready()
            authority, _ = current_signer(room.store.snapshot)
            first, *_ = await room.manager.crls.current(authority.id)
            for _ in range(50):
                assert (await room.manager.crls.current(authority.id))[0] is first
            clock.advance(timedelta(seconds=5))
            assert (await room.manager.crls.current(authority.id))[0] is not first

    run(scenario)


def test_nothing_is_signed_before_an_authority_exists():
    """The first callers are told to come back."""

    async def scenario() -> None:
        room = Room(MemoryEngine(), BUILTIN)
        with pytest.raises(NotReadyError):
            await room.sign()
        await room.close()

    run(scenario)


@pytest.mark.parametrize(
    ("datacenter", "domain"), [("dc2", DOMAIN), ("dc1", TrustDomain("other.example"))]
)
def test_data_of_another_cluster_is_refused(datacenter, domain):
    """A folder that belongs to another datacenter or trust domain is not taken over."""
    disk = MemoryDisk()
    clock = FakeClock()
    with Store(MemoryEngine(disk=disk)) as store:
        ensure_cluster(store, clock, datacenter="dc1", domain=DOMAIN)
    with (
        Store(MemoryEngine(disk=disk)) as store,
        pytest.raises(ConfigError, match="belongs to"),
    ):
        ensure_cluster(store, clock, datacenter=datacenter, domain=domain)


def test_a_trust_domain_is_drawn_once():
    """Without one configured, a UUID under ``.consul`` is drawn, and stays."""
    disk, clock, seen = MemoryDisk(), FakeClock(), set()
    for _ in range(2):
        with Store(MemoryEngine(disk=disk)) as store:
            seen.add(ensure_cluster(store, clock, datacenter="dc1", domain=None).trust_domain)
    (name,) = seen
    assert name.endswith(".consul")
    assert len(name) == 36 + len(".consul")


def test_a_restored_record_expects_leaves_that_it_has_never_seen():
    """What was issued after the backup may live for a whole TTL: the ceiling is lifted to that."""

    async def scenario() -> None:
        clock, disk = FakeClock(), MemoryDisk()
        first = Room(MemoryEngine(disk=disk), BUILTIN, clock=clock)
        async with running(first):
            await first.ready()
            await first.sign()
        backup = disk.snapshot()
        clock.advance(timedelta(hours=30))
        again = MemoryDisk(epoch="after-the-restore")
        again.index, again._tables = backup.index, backup.tables
        second = Room(MemoryEngine(disk=again), BUILTIN, clock=clock)
        authority = current_signer(second.store.snapshot)[0]
        assert not authority.complete
        lost_leaf_may_end = clock.now() + second.manager.settings.leaf_ttl
        assert ceiling_of(second.store.snapshot, authority.id) > lost_leaf_may_end
        await second.close()

    run(scenario)

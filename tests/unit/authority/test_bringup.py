"""The first start: one authority and one signer, whatever happens on the way."""

import asyncio
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ca_core.authority.registry import Registry
from ca_core.authority.rows import (
    PENDING,
    Phase,
    authorities,
    bundle,
    current_signer,
)
from ca_core.authority.settings import CASettings
from ca_core.clock import SystemClock
from ca_core.contract import (
    AuthorityRequest,
    ProviderPlugin,
    RateLimitedError,
    TrustChain,
    UnavailableError,
)
from ca_core.contract.issuing import issue_root
from ca_core.errors import ConfigError, NotReadyError, RequestError
from ca_core.identity.certificates import fingerprint, pem_of
from ca_core.identity.keys import ALL_KEY_SPECS, KeySpec, KeyType, generate_key
from ca_core.identity.paths import path_faults
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from ca_core.testing.slow import slow_plugin
from ca_core.testing.slow_backend import SlowBackend
from tests.unit.authority.cluster import DOMAIN, Room, running
from tests.unit.authority.conftest import FastClock

BUILTIN = Registry().get("builtin")


def plugins():
    """Return the three providers that prove the contract's shape."""
    return {
        "builtin": BUILTIN,
        "reference": reference_plugin(),
        "slow": slow_plugin(SlowBackend(polls=2)),
    }


@pytest.mark.parametrize("name", ["builtin", "reference", "slow"])
def test_a_first_start_makes_one_authority_that_signs(name):
    """Whatever provider is configured, the cluster ends with one signing authority."""

    async def scenario() -> None:
        room = Room(MemoryEngine(), plugins()[name])
        async with running(room):
            await room.ready()
            view = room.store.snapshot
            (authority,) = authorities(view)
            assert authority.phase is Phase.SIGNING
            signing = current_signer(view)
            assert signing is not None
            assert path_faults(signing[1].certificates, now=room.clock.now()) == ()
            issued = await room.sign()
            assert issued.index == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("key", [k for k in ALL_KEY_SPECS if k.bits != 4096], ids=str)
def test_every_key_type_makes_an_authority(key):
    """Root and signer have the key that was configured."""

    async def scenario() -> None:
        room = Room(MemoryEngine(), BUILTIN, settings=CASettings(provider="under-test", key=key))
        async with running(room):
            await room.ready()
            signing = current_signer(room.store.snapshot)
            assert signing is not None
            assert signing[0].key == key
            await room.sign()

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["builtin", "reference", "slow"])
def test_two_servers_that_race_make_one_authority(name):
    """Two servers with two provider objects on one store and backend agree on root and signer."""

    async def scenario() -> None:
        backend, plugin = FakeBackend(gaps=(0, 2)), plugins()[name]
        rooms = [Room(FakeEngine(backend), plugin, name=f"server-{n}") for n in (1, 2)]
        async with running(*rooms):
            await asyncio.gather(*(room.ready() for room in rooms))
            marks = {tuple(fingerprint(a) for a in bundle(room.store.snapshot)) for room in rooms}
            assert len(marks) == 1
            assert len(authorities(rooms[0].store.snapshot)) == 1
            assert len({current_signer(r.store.snapshot)[1].id for r in rooms}) == 1
            first, second = [await room.sign() for room in rooms]
            signer = current_signer(rooms[0].store.snapshot)[1].certificates[0]
            first.certificate.verify_directly_issued_by(signer)
            second.certificate.verify_directly_issued_by(signer)

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["builtin", "reference"])
def test_a_restart_keeps_root_and_signer(name):
    """The second life of a server signs under what the first one made."""

    async def scenario() -> None:
        disk, plugin = MemoryDisk(), plugins()[name]
        marks = []
        for _ in range(3):
            room = Room(MemoryEngine(disk=disk), plugin)
            async with running(room):
                await room.ready()
                await room.sign()
                signing = current_signer(room.store.snapshot)
                marks.append((fingerprint(signing[0].anchor_certificate), signing[1].id))
        assert len(set(marks)) == 1

    asyncio.run(scenario())


class Flaky(ReferenceProvider):
    """A provider whose backend is away for its first calls."""

    failures = 3

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Fail a few times, then work."""
        if Flaky.failures > 0:
            Flaky.failures -= 1
            raise UnavailableError("the backend is away")
        return super().ensure_authority(request)


def test_a_backend_that_is_away_is_asked_again_until_it_answers(fast_clock):
    """Bring-up does not give up, and says what it waits for meanwhile."""

    async def scenario() -> None:
        Flaky.failures = 3
        shared, honest = ReferenceBackend(), reference_plugin()
        plugin = ProviderPlugin(
            parse_config=honest.parse_config,
            create=lambda config, context: Flaky(config, context, shared),
        )
        room = Room(MemoryEngine(), plugin, clock=fast_clock)
        room.start()
        seen = set()
        while room.manager.why_not_ready():
            seen.add(room.manager.why_not_ready())
            await asyncio.sleep(0.001)
        assert any("the backend is away" in reason for reason in seen)
        await room.close()

    asyncio.run(scenario())


class Patient(FastClock):
    """A fast clock that notes how long somebody wanted to sleep."""

    def __init__(self) -> None:
        self.pauses = set()

    async def sleep(self, seconds: float) -> None:
        """Note it, and let others run."""
        self.pauses.add(seconds)
        await super().sleep(seconds)


@pytest.mark.parametrize("kind", [RateLimitedError, UnavailableError])
def test_a_backend_is_left_alone_for_as_long_as_it_asks(kind):
    """Ten minutes are waited, though the first pause of our own would be a second."""

    class Limited(ReferenceProvider):
        """Asks to be left alone, once."""

        asked = False

        def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
            """Refuse the first time."""
            if not Limited.asked:
                Limited.asked = True
                raise kind("not now", retry_after=timedelta(minutes=10))
            return super().ensure_authority(request)

    async def scenario() -> None:
        shared, honest = ReferenceBackend(), reference_plugin()
        plugin = ProviderPlugin(
            parse_config=honest.parse_config,
            create=lambda config, context: Limited(config, context, shared),
        )
        clock = Patient()
        room = Room(MemoryEngine(), plugin, clock=clock)
        async with running(room):
            await room.ready()
        assert 600.0 in clock.pauses

    asyncio.run(scenario())


def test_a_provider_that_cannot_be_opened_does_not_stop_the_server(fast_clock):
    """Its slot stays opening and says why; signing is refused with a time to come back."""

    async def scenario() -> None:
        healthy, broken = reference_plugin(), True

        def create(config, context):
            if broken:
                raise RuntimeError("no route with token s.hunter2")
            return healthy.create(config, context)

        room = Room(
            MemoryEngine(),
            ProviderPlugin(parse_config=healthy.parse_config, create=create),
            clock=fast_clock,
        )
        async with running(room):
            while "RuntimeError at test_bringup.py" not in room.manager.why_not_ready():
                await asyncio.sleep(0.001)
            assert "hunter2" not in room.manager.why_not_ready()
            with pytest.raises(NotReadyError) as caught:
                await room.sign()
            assert caught.value.retry_after > timedelta(0)
            assert not (await room.manager.pulse.taken()).ok
            broken = False
            await room.ready()
            await room.sign()

    asyncio.run(scenario())


def test_a_provider_that_answers_later_is_continued_after_a_kill():
    """A server killed while the backend works leaves a token; the next life makes no second CA."""

    async def scenario() -> None:
        backend = SlowBackend(polls=6)
        disk, plugin = MemoryDisk(), slow_plugin(backend)
        for _ in range(4):
            room = Room(MemoryEngine(disk=disk), plugin)
            room.start()
            while not room.store.snapshot.table(PENDING):
                await asyncio.sleep(0.001)
                if current_signer(room.store.snapshot):
                    break
            await room.kill()
        room = Room(MemoryEngine(disk=disk), plugin)
        async with running(room):
            await room.ready()
            assert len(authorities(room.store.snapshot)) == 1
            assert not room.store.snapshot.table(PENDING)
            assert backend.made == 2  # the primary CA and its signer

    asyncio.run(scenario())


def test_another_configuration_file_does_not_change_what_stands():
    """The store is the truth after the first start: a file edited since begins no operation."""

    async def scenario() -> None:
        disk, plugin = MemoryDisk(), BUILTIN
        keys = []
        for spec in (KeySpec(), KeySpec(KeyType.ED25519)):
            settings = CASettings(provider="under-test", key=spec)
            room = Room(MemoryEngine(disk=disk), plugin, settings=settings)
            async with running(room):
                await room.ready()
                keys.append(current_signer(room.store.snapshot)[0].key)
        assert keys == [KeySpec(), KeySpec()]

    asyncio.run(scenario())


def test_a_wrong_provider_configuration_is_refused_before_anything_is_written():
    """At the first start the operator hears at once what is wrong."""
    disk = MemoryDisk()
    settings = CASettings(provider="under-test", config={"no_such_key": 1})
    with pytest.raises(ConfigError, match="no_such_key"):
        Room(MemoryEngine(disk=disk), BUILTIN, settings=settings)
    assert "configuration" not in disk.snapshot().tables


def test_a_corporate_ca_can_sign_the_primary_later(corporate_ca):
    """CSR out, chain in: the cluster waits, then signs under the corporate-issued primary CA."""

    async def scenario() -> None:
        settings = CASettings(provider="under-test", config={"external_issuer": True})
        room = Room(MemoryEngine(), BUILTIN, settings=settings)
        async with running(room):
            while not room.manager.waiting_csr():
                await asyncio.sleep(0.001)
            chain = corporate_ca.sign(room.manager.waiting_csr())
            while "install-chain" not in room.manager.why_not_ready():
                await asyncio.sleep(0.001)
            with pytest.raises(RequestError):
                await room.manager.install_chain(corporate_ca.sign_another_key())
            await room.manager.install_chain(chain)
            await room.ready()
            (anchor,) = bundle(room.store.snapshot)
            assert anchor == chain[0], "the mesh trusts the primary CA, not the corporate root"
            await room.sign()

    asyncio.run(scenario())


def test_the_corporate_root_is_published_only_when_asked(corporate_ca):
    """``trust_corporate_root`` makes the last certificate of the chain the anchor."""

    async def scenario() -> None:
        settings = CASettings(
            provider="under-test", config={"external_issuer": True}, trust_corporate_root=True
        )
        room = Room(MemoryEngine(), BUILTIN, settings=settings)
        async with running(room):
            while not room.manager.waiting_csr():
                await asyncio.sleep(0.001)
            chain = corporate_ca.sign(room.manager.waiting_csr())
            await room.manager.install_chain(chain)
            await room.ready()
            assert bundle(room.store.snapshot) == (chain[-1],)
            issued = await room.sign()
            assert "BEGIN CERTIFICATE" in issued.pem
            assert issued.pem.count("BEGIN CERTIFICATE") == 3  # leaf, signer, primary CA

    asyncio.run(scenario())


def test_an_adopted_ca_shows_its_own_key(tmp_path):
    """The key on the wire is the primary CA's, whatever the settings say of new ones."""

    async def scenario() -> None:
        key = generate_key(KeySpec(KeyType.RSA, 2048))
        root = issue_root(
            key,
            trust_domain=DOMAIN,
            label="own",
            now=SystemClock().now(),
            ttl=timedelta(days=3650),
        )
        (tmp_path / "root.pem").write_text(pem_of(root))
        held = tmp_path / "key.pem"
        held.touch(0o600)
        held.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        config = {"root_cert_file": str(tmp_path / "root.pem"), "private_key_file": str(held)}
        settings = CASettings(provider="under-test", config=config)
        room = Room(MemoryEngine(), BUILTIN, settings=settings)
        async with running(room):
            await room.ready()
            (authority,) = authorities(room.store.snapshot)
            assert authority.key == KeySpec(KeyType.RSA, 2048)
            assert bundle(room.store.snapshot) == (root,)
            await room.sign()

    asyncio.run(scenario())

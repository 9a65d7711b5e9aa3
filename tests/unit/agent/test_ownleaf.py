"""The agent's own leaf stays valid, or comes back."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec

from ca_core.agent.identitystore import AgentIdentity, IdentityStore
from ca_core.agent.ownleaf import OwnLeaf
from ca_core.agent.signing import Signing, signing_of
from ca_core.errors import DeniedError, RateLimitedError, UnavailableError
from ca_core.identity.certificates import pem_chain, spki_der
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import Authority, FakeUpstream, passed, settle
from tests.unit.agent.test_identitystore import ID
from tests.unit.agent.test_leaf_signers import certified

HOUR = timedelta(hours=1)


class House:
    """One joined agent over a fake server; ``rejoins`` are the answers to come."""

    def __init__(self, directory):
        self.clock = FakeClock()
        self.upstream = FakeUpstream(self.clock)
        self.store = IdentityStore(directory)
        self.rejoined = []
        self.rejoin_errors = []
        self.store.save(self._issued(new_leaf_key()))
        self.asked = 0
        self.own = OwnLeaf(
            self.store, self.upstream, self.clock, lambda: 0.5, self.rejoin, self.ask
        )

    def _issued(self, key):
        now = self.clock.now()
        leaf = self.upstream.active.leaf(csr_pem(leaf_csr(key, ID)), now, 72 * HOUR)
        return AgentIdentity(
            id=ID,
            key=key,
            chain=(leaf, self.upstream.active.signer.certificate),
            anchors=self.upstream.anchors(),
            server="https://ca:8501",
            issued_at=now,
            renew_at=now + 54 * HOUR,
        )

    async def rejoin(self, identity, now, fraction):
        self.rejoined.append(identity)
        if self.rejoin_errors:
            raise self.rejoin_errors.pop(0)
        return self._issued(identity.key)

    async def ask(self, identity):
        """Return what the server gives to strangers."""
        assert identity is self.store.current
        self.asked += 1
        return self.upstream.anchors()

    async def after(self, span, step=HOUR):
        """Let time pass; saving happens in a thread, so the loop is turned until it is done."""
        while span > timedelta():
            await passed(self.clock, min(step, span))
            span -= step
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            await settle()


@contextlib.asynccontextmanager
async def house(tmp_path):
    """Run the loop of one agent's own leaf."""
    built = House(tmp_path / "agent")
    one_thread = ThreadPoolExecutor(1)  # so that what is queued there is done before what follows
    asyncio.get_running_loop().set_default_executor(one_thread)
    loop = asyncio.create_task(built.own.run())
    await settle()
    try:
        yield built
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


def ran(tmp_path, scenario):
    """Run a scenario in a house of its own."""

    async def whole():
        async with house(tmp_path) as built:
            await scenario(built)

    asyncio.run(whole())


def test_the_agent_renews_its_own_leaf_at_the_drawn_moment_with_a_new_key(tmp_path):
    """At 75 % of its life a new leaf with a new key is on disk; nobody had to ask."""

    async def scenario(h):
        old = h.own.identity
        await h.after(53 * HOUR)
        assert h.upstream.signed == []
        await h.after(2 * HOUR)
        new = h.own.identity
        assert h.upstream.replaced == [old.not_after]
        assert spki_der(new.key.public_key()) != spki_der(old.key.public_key())
        assert IdentityStore(h.store.directory).current.chain == new.chain
        assert new.id == old.id

    ran(tmp_path, scenario)


def test_a_failed_renewal_is_retried_in_the_next_windows(tmp_path):
    """Failures cost one try each half minute, and the agent keeps its valid leaf."""

    async def scenario(h):
        old = h.own.identity
        limited = RateLimitedError(retry_after=timedelta(seconds=10))
        h.upstream.sign_errors = [limited, limited]
        await h.after(54 * HOUR)
        assert h.own.identity is old
        assert len(h.upstream.signed) == 1
        await h.after(timedelta(minutes=3), step=timedelta(seconds=5))
        assert len(h.upstream.signed) == 3
        assert h.own.identity is not old

    ran(tmp_path, scenario)


def test_an_expired_agent_rejoins_by_its_old_key(tmp_path):
    """After an outage longer than the leaf's life the agent comes back without a new token."""

    async def scenario(h):
        h.upstream.sign_errors = [UnavailableError("down")] * 100_000
        await h.after(72 * HOUR + timedelta(minutes=2), step=timedelta(minutes=30))
        assert len(h.rejoined) == 1
        assert spki_der(h.own.identity.key.public_key()) == spki_der(h.rejoined[0].key.public_key())
        assert h.own.identity.not_after > h.clock.now()

    ran(tmp_path, scenario)


def test_a_forgotten_agent_keeps_asking_calmly_and_keeps_its_files(tmp_path):
    """A refusal is logged and retried in windows; nothing on disk is destroyed."""

    async def scenario(h):
        h.upstream.sign_errors = [UnavailableError("down")] * 100_000
        h.rejoin_errors = [DeniedError("forgotten")] * 100_000
        await h.after(72 * HOUR, step=HOUR)
        asked = len(h.rejoined)
        await h.after(timedelta(minutes=10), step=timedelta(seconds=10))
        assert 10 <= len(h.rejoined) - asked <= 21
        assert IdentityStore(h.store.directory).joined is not None

    ran(tmp_path, scenario)


def test_a_new_bundle_is_kept_on_disk_and_survives_a_renewal_under_way(tmp_path):
    """Roots that arrive are trusted after a restart as well."""

    async def scenario(h):
        h.upstream.rotate()
        await h.own.trust(h.upstream.anchors())
        assert len(IdentityStore(h.store.directory).current.anchors) == 2
        before = h.own.identity
        await h.own.trust(h.upstream.anchors())
        assert h.own.identity is before

    ran(tmp_path, scenario)


def test_a_renewal_under_way_does_not_take_a_kept_bundle_back(tmp_path):
    """The answer may name the roots of a moment before; what was kept meanwhile stays."""

    async def scenario(h):
        before, old = h.upstream.anchors(), h.own.identity
        earlier = h.upstream.active
        h.upstream.doctor = lambda signed: msgspec.structs.replace(
            signed, roots_pem=pem_chain(before)
        )
        h.upstream.gate = asyncio.Event()
        renewal = asyncio.create_task(h.own.renew())
        await settle()
        h.upstream.rotate()
        await h.own.trust(h.upstream.anchors())
        newest = h.upstream.authorities.pop()
        assert h.upstream.active is earlier
        h.upstream.gate.set()
        await renewal
        assert h.own.identity.chain != old.chain
        assert set(h.own.identity.anchors) == {*before, newest.root.certificate}
        assert len(IdentityStore(h.store.directory).current.anchors) == 2

    ran(tmp_path, scenario)


def signing(authority):
    """Return what signs for an authority, as roots show it."""
    return signing_of(authority.wire(active=True))


def test_the_agent_gets_a_leaf_of_the_new_signer_among_the_first(tmp_path):
    """A root that leaves the bundle early must not cut its agents off; and once is enough."""

    async def scenario(h):
        h.own.follow(signing(h.upstream.active), timedelta(minutes=10))
        await h.after(HOUR)
        assert h.upstream.signed == []
        h.upstream.rotate()
        await h.own.trust(h.upstream.anchors())
        for _ in range(3):  # further news does not put it off
            h.own.follow(signing(h.upstream.active), timedelta(minutes=10))
        await h.after(timedelta(seconds=220), step=timedelta(seconds=10))
        assert h.upstream.signed == []
        await h.after(timedelta(seconds=10))
        assert len(h.upstream.signed) == 1
        assert h.own.identity.chain[1] == h.upstream.active.signer.certificate
        h.own.follow(signing(h.upstream.active), timedelta(minutes=10))
        await h.after(HOUR)
        assert len(h.upstream.signed) == 1

    ran(tmp_path, scenario)


def test_a_signer_that_began_during_a_renewal_gets_a_renewal_of_its_own(tmp_path):
    """What was asked for under the signer before does not count for the next one."""

    async def scenario(h):
        earlier = h.upstream.active
        h.upstream.gate = asyncio.Event()
        renewal = asyncio.create_task(h.own.renew())
        await settle()
        h.upstream.rotate()
        await h.own.trust(h.upstream.anchors())
        h.own.follow(signing(h.upstream.active), timedelta(minutes=1))
        newest = h.upstream.authorities.pop()
        h.upstream.gate.set()
        await renewal
        assert h.own.identity.chain[1] == earlier.signer.certificate
        h.upstream.authorities.append(newest)
        await h.after(timedelta(minutes=1), step=timedelta(seconds=10))
        assert h.own.identity.chain[1] == newest.signer.certificate
        await h.after(HOUR)
        assert len(h.upstream.signed) == 2

    ran(tmp_path, scenario)


def test_what_becomes_urgent_is_drawn_anew(tmp_path):
    """A root that was replaced at leisure is found to be compromised."""

    async def scenario(h):
        h.upstream.rotate()
        await h.own.trust(h.upstream.anchors())
        h.own.follow(signing(h.upstream.active), timedelta(hours=12))
        await h.after(timedelta(minutes=10), step=timedelta(minutes=1))
        assert h.upstream.signed == []
        h.own.follow(signing(h.upstream.active), timedelta(minutes=2))
        await h.after(timedelta(minutes=2), step=timedelta(seconds=10))
        assert len(h.upstream.signed) == 1

    ran(tmp_path, scenario)


def test_an_announced_key_that_does_not_sign_causes_one_renewal(tmp_path):
    """Not one after another for ever."""

    async def scenario(h):
        for _ in range(20):
            h.own.follow(Signing("aa:bb", frozenset(), "announced"), timedelta(minutes=1))
            await h.after(timedelta(minutes=1), step=timedelta(seconds=10))
        assert len(h.upstream.signed) == 1

    ran(tmp_path, scenario)


def test_an_agent_that_slept_while_its_root_left_rejoins(tmp_path):
    """No server accepts its leaf, which is valid for days; the old key brings it back."""

    async def scenario(h):
        old = h.own.identity
        h.upstream.rotate()
        await h.own.trust(h.upstream.anchors())
        await h.own.look_back()
        await h.after(timedelta(minutes=1))
        assert h.rejoined == []  # its root is there
        h.upstream.authorities.pop(0)
        h.rejoin_errors = [UnavailableError("busy")]
        await h.own.look_back()
        await h.after(timedelta(minutes=2), step=timedelta(seconds=5))
        assert len(h.rejoined) == 2
        assert h.own.identity.chain[1] == h.upstream.active.signer.certificate != old.chain[1]
        assert h.upstream.signed == []
        await h.own.look_back()
        await h.after(timedelta(minutes=2))
        assert len(h.rejoined) == 2

    ran(tmp_path, scenario)


def test_a_new_root_over_the_same_signing_key_renews_the_own_leaf_once(tmp_path):
    """The key id is the same; the certificate that the leaf brings is of the root that leaves."""

    async def scenario(h):
        old = h.upstream.active
        h.upstream.authorities.append(Authority("b", h.clock.now()))
        certified(h.upstream.active, old.signer.key, h.clock.now())
        await h.own.trust(h.upstream.anchors())
        for _ in range(5):
            h.own.follow(signing(h.upstream.active), timedelta(minutes=1))
            await h.after(timedelta(minutes=1), step=timedelta(seconds=10))
        assert len(h.upstream.signed) == 1
        assert h.own.identity.chain[1] == h.upstream.active.signer.certificate

    ran(tmp_path, scenario)

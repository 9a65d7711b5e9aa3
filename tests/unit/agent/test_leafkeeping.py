"""Leaves that survive a restart: what is kept, who gets it again, and when it is renewed."""

import asyncio
import contextlib
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest

from ca_core.acl.principal import Node, Token
from ca_core.agent import leafkeeping
from ca_core.agent.keptleaves import Kept, KeptLeaf
from ca_core.agent.leaffile import ASIDE, FILE, LeafFile
from ca_core.agent.leafkeeping import AT_LEAST_EVERY, LeafKeeping
from ca_core.errors import DeniedError, UnavailableError
from ca_core.identity.spiffe import AgentId
from ca_core.state.kek import Kek, KeyRing
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import TRUST_DOMAIN, FakeUpstream, passed, settle
from tests.unit.agent.leafhouse import ALICE, ANYONE, BOB, HOUR, House, house, leaf_of

AGENT = "spiffe://example/agent/client/dc/dc1/id/n1"
AB = Token("ab")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RING = KeyRing((Kek.made(),))


class Host:
    """A machine whose agent is started again and again; server, clock and disk stay."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = FakeClock()
        self.upstream = FakeUpstream(self.clock)
        self.file = LeafFile(folder, AGENT, RING)
        self.draws = []

    def anchors(self):
        """Return the roots that the agent trusts, as its folder holds them."""
        return self.upstream.anchors()

    @contextlib.asynccontextmanager
    async def agent(self, *, keeps=True, file=None):
        """Run the agent for one life; a clean end writes the file."""
        one_thread = ThreadPoolExecutor(1)  # so that what is queued there is done in order
        asyncio.get_running_loop().set_default_executor(one_thread)
        built = House(clock=self.clock, draws=self.draws, upstream=self.upstream)
        keeping = LeafKeeping(file or self.file, built.leaves, built.roots, self.clock, built.draw)
        if keeps:
            await keeping.restore(self.anchors())
        built.keeping = keeping
        async with house(built=built):
            yield built
        if keeps:
            await keeping.write()


def key_of(answer):
    """Return the private key in an answer."""
    return answer.cert.private_key_pem


@pytest.fixture
def host(tmp_path):
    """Return a machine with an empty folder."""
    return Host(tmp_path)


async def test_leaves_and_keys_survive_a_restart(host):
    """The same leaf under the same index, from memory, and no signature is asked for."""
    async with host.agent() as h:
        plain = await h.leaves.get(ALICE, "web")
        named = await h.leaves.get(ALICE, "web", dns_names=("a.example",))
    async with host.agent() as h:
        again = await h.leaves.get(ALICE, "web")
        assert again.hit
        assert (again.index, again.body) == (plain.index, plain.body)
        assert (await h.leaves.get(ALICE, "web", dns_names=("a.example",))).body == named.body
        assert len(host.upstream.signed) == 2


async def test_they_are_served_while_no_server_answers(host):
    """That is what they are kept for: leaf and roots, with their age."""
    async with host.agent() as h:
        leaf = await h.leaves.get(ALICE, "web")
        roots = await h.roots.get()
    host.clock.advance(MINUTE)
    host.upstream.roots_errors = [UnavailableError("down")] * 1000
    host.upstream.sign_errors = [UnavailableError("down")] * 1000
    async with host.agent() as h:
        assert (await h.leaves.get(ALICE, "web")).body == leaf.body
        again = await h.roots.get()
        assert (again.value, again.index) == (roots.value, roots.index)
        assert not again.known_leader
        assert again.age >= MINUTE


async def test_without_keeping_a_restart_issues_on_demand_only(host):
    """No file, and no herd: what nobody asks for is not issued."""
    async with host.agent(keeps=False) as h:
        for number in range(5):
            await h.leaves.get(ALICE, f"s{number}")
    assert list(host.folder.iterdir()) == []
    async with host.agent(keeps=False) as h:
        await passed(host.clock, HOUR, step=MINUTE)
        assert len(host.upstream.signed) == 5
        await h.leaves.get(ALICE, "s0")
        assert len(host.upstream.signed) == 6


async def test_a_leaf_goes_back_to_whoever_had_it_and_to_nobody_else(host):
    """Partitions are kept with the leaves."""
    async with host.agent() as h:
        alice = await h.leaves.get(ALICE, "web")
        bob = await h.leaves.get(BOB, "web")
    async with host.agent() as h:
        assert key_of(await h.leaves.get(BOB, "web")) == key_of(bob)
        assert key_of(await h.leaves.get(ALICE, "web")) == key_of(alice)
        assert key_of(await h.leaves.get(ANYONE, "web")) not in {key_of(alice), key_of(bob)}
        h.allowed = lambda _: False
        with pytest.raises(DeniedError):
            await h.leaves.get(ALICE, "web")


async def test_a_tokens_leaf_waits_until_the_token_was_shown(host):
    """Until then nobody is asked whether it may be renewed, and a review takes nothing away."""
    async with host.agent() as h:
        first = await h.leaves.get(AB, "web")
    async with host.agent() as h:
        h.allowed = lambda who: who != AB
        h.leaves.review()
        await passed(host.clock, 60 * HOUR, step=HOUR)
        assert len(host.upstream.signed) == 1
        h.allowed = lambda _: True
        assert (await h.leaves.get(AB, "web")).body == first.body
        await settle()
        await passed(host.clock, MINUTE, step=SECOND)
        assert len(host.upstream.signed) == 2  # it was due all the while


async def test_a_kept_leaf_keeps_the_moment_drawn_at_its_issue(host):
    """A restart draws nothing anew: agents that are restarted together stay apart."""
    async with host.agent() as h:
        await h.leaves.get(ALICE, "web")
    host.draws = [0.99] * 50
    async with host.agent() as h:
        await passed(host.clock, 54 * HOUR - MINUTE)
        assert len(host.upstream.signed) == 1
        await passed(host.clock, MINUTE)
        assert len(host.upstream.signed) == 2


async def test_what_became_due_meanwhile_is_no_herd(host):
    """It is renewed within half a minute of the start, each at a moment of its own."""
    async with host.agent() as h:
        for number in range(3):
            await h.leaves.get(ALICE, f"s{number}")
    host.clock.advance(66 * HOUR)
    host.draws = [0.1, 0.5, 0.9] + [0.5] * 100
    counts = []
    async with host.agent():
        for _ in range(3):
            await passed(host.clock, timedelta(seconds=4))
            counts.append(len(host.upstream.signed))
            await passed(host.clock, timedelta(seconds=7))
    assert counts == [4, 5, 5]
    assert len(host.upstream.signed) == 6


async def test_what_ended_meanwhile_is_issued_anew_without_a_herd(host):
    """Expired while the host was off: nobody waits for it, so it has half a minute."""
    async with host.agent() as h:
        await h.leaves.get(ALICE, "web")
        await h.leaves.get(AB, "web")
    host.clock.advance(80 * HOUR)
    async with host.agent() as h:
        await passed(host.clock, timedelta(seconds=14))
        assert len(host.upstream.signed) == 2
        await passed(host.clock, timedelta(seconds=2))
        assert len(host.upstream.signed) == 3
        assert (await h.leaves.get(ALICE, "web")).hit


async def test_whoever_asks_does_not_wait_for_that_moment(host):
    """The half minute is for those that nobody waits for."""
    async with host.agent() as h:
        await h.leaves.get(ALICE, "web")
    host.clock.advance(80 * HOUR)
    async with host.agent() as h:
        assert (await h.leaves.get(ALICE, "web")).index
        await passed(host.clock, MINUTE)
        assert len(host.upstream.signed) == 2


async def test_a_kept_leaf_below_no_trusted_root_is_not_served(host):
    """The root left while the host was off: leaf and roots are those of today."""
    async with host.agent() as h:
        old = await h.leaves.get(ALICE, "web")
    host.upstream.rotate()
    del host.upstream.authorities[0]
    async with host.agent() as h:
        assert h.roots.latest is not None
        fresh = await h.leaves.get(ALICE, "web")
        assert leaf_of(fresh).issuer != leaf_of(old).issuer


async def test_a_change_of_signer_during_the_restart_is_noticed(host):
    """The old root is still trusted: the leaf is served, and renewed as in a running agent."""
    async with host.agent() as h:
        old = await h.leaves.get(ALICE, "web")
    host.upstream.rotate()
    async with host.agent() as h:
        assert (await h.leaves.get(ALICE, "web")).body == old.body
        await passed(host.clock, timedelta(seconds=30))
        fresh = await h.leaves.get(ALICE, "web")
        assert leaf_of(fresh).issuer != leaf_of(old).issuer


async def test_the_file_shows_nothing_and_is_for_one_user(host):
    """Neither the key nor the name of a service is in it; 0600; one file."""
    async with host.agent() as h:
        await h.leaves.get(ALICE, "secret-service")
    path = host.folder / FILE
    raw = path.read_bytes()
    assert b"PRIVATE" not in raw
    assert b"secret-service" not in raw
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in host.folder.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "damage", ["flipped", "cut", "empty", "words", "another key", "another agent"]
)
async def test_a_file_that_does_not_open_is_set_aside_and_leaves_are_issued_anew(
    host, damage, caplog
):
    """Said in the log; the agent works, and its next file takes the place."""
    async with host.agent() as h:
        await h.leaves.get(ALICE, "web")
    path, file = host.folder / FILE, host.file
    raw = path.read_bytes()
    damaged = {
        "flipped": raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:],
        "cut": raw[: len(raw) // 2],
        "empty": b"",
        "words": b"\xff no json",
    }
    path.write_bytes(damaged.get(damage, raw))
    if damage == "another key":
        file = LeafFile(host.folder, AGENT, KeyRing((Kek.made(),)))
    if damage == "another agent":
        file = LeafFile(host.folder, f"{AGENT}2", RING)
    async with host.agent(file=file) as h:
        assert "set aside" in caplog.text
        assert (host.folder / ASIDE).exists()
        assert not path.exists()
        await h.leaves.get(ALICE, "web")
        assert len(host.upstream.signed) == 2
    assert path.exists()


async def test_a_file_of_another_version_is_set_aside(host, caplog):
    """It opens, and is not understood."""
    await asyncio.to_thread(host.file.write, Kept(format=9, saved_at=host.clock.now()))
    assert host.file.read() is None
    assert "format is 9" in caplog.text


async def test_a_file_that_opens_and_makes_no_sense_stops_nobody(host, caplog):
    """Its key was right, so somebody of ours wrote it; leaves are issued anew."""
    async with host.agent() as h:
        await h.leaves.get(ALICE, "web")
    kept = host.file.read()
    wrong = msgspec.structs.replace(kept.leaves[0], addresses=("no address",))
    host.file.write(msgspec.structs.replace(kept, leaves=(wrong,)))
    async with host.agent() as h:
        assert "not understood" in caplog.text
        assert (await h.leaves.get(ALICE, "web")).index
        assert len(host.upstream.signed) == 2


async def test_a_folder_that_cannot_be_read_stops_nobody(host, caplog):
    """Not an error of the leaves: nothing is set aside."""
    (host.folder / FILE).mkdir()
    assert host.file.read() is None
    assert "cannot be read" in caplog.text


async def test_changes_gather_and_are_written_soon(host):
    """Two seconds after the first of them, once for all of them."""
    async with host.agent() as h:
        loop = asyncio.create_task(h.keeping.run())
        await settle()
        for number in range(5):
            await h.leaves.get(ALICE, f"s{number}")
        await passed(host.clock, SECOND)
        assert not (host.folder / FILE).exists()
        await passed(host.clock, SECOND)
        await threads()
        assert len(host.file.read().leaves) == 5
        loop.cancel()


@pytest.mark.parametrize(("rest", "most"), [(0.0, 8), (0.1, 5)])
async def test_many_leaves_are_written_less_often(host, monkeypatch, rest, most):
    """All of them are written for one that changed: the rest grows with their number."""
    monkeypatch.setattr(leafkeeping, "REST_FOR_EACH", rest)

    class Counting(LeafFile):
        times = 0

        def write(self, kept):
            """Count."""
            self.times += 1
            super().write(kept)

    file = Counting(host.folder, AGENT, RING)
    async with host.agent(file=file) as h:
        loop = asyncio.create_task(h.keeping.run())
        await settle()
        for number in range(60):
            await h.leaves.get(ALICE, f"s{number}")
            await passed(host.clock, SECOND / 4)
            await threads()
        await passed(host.clock, 9 * SECOND, step=SECOND)
        await threads()
        assert most - 1 <= file.times <= most
        assert len(file.read().leaves) == 60
        loop.cancel()


async def test_it_is_written_now_and_then_although_nothing_changed(host):
    """When a leaf was last used is news too: it decides how long it is kept."""
    async with host.agent() as h:
        await h.leaves.get(ALICE, "web")
        loop = asyncio.create_task(h.keeping.run())
        await passed(host.clock, 3 * SECOND, step=SECOND)
        await threads()
        await passed(host.clock, HOUR / 2)
        await threads()  # a slow disk is not half an hour behind
        await h.leaves.get(ALICE, "web")
        used = host.clock.now()
        await passed(host.clock, timedelta(seconds=AT_LEAST_EVERY + 3), step=MINUTE)
        await threads()
        assert host.file.read().leaves[0].last_used == used
        loop.cancel()


async def test_a_disk_that_cannot_be_written_is_told_and_tried_again(host, caplog):
    """One line in the log for the whole failure; the leaves are served all the while."""

    class Full(LeafFile):
        broken = True

        def write(self, kept):
            """Fail as long as the disk is full."""
            if self.broken:
                raise UnavailableError("disk full")
            super().write(kept)

    file = Full(host.folder, AGENT, RING)
    async with host.agent(file=file) as h:
        loop = asyncio.create_task(h.keeping.run())
        await settle()
        await h.leaves.get(ALICE, "web")
        for _ in range(40):
            await passed(host.clock, SECOND)
            await threads()
        assert h.keeping.describe()["last_error"] == "disk full"
        assert caplog.text.count("not written") == 1
        file.broken = False
        for _ in range(20):
            await passed(host.clock, SECOND)
            await threads()
        assert h.keeping.describe()["last_error"] == ""
        assert len(file.read().leaves) == 1
        loop.cancel()


async def test_the_last_writing_is_the_last_although_an_earlier_one_is_slow(host):
    """A stop cancels the loop, not the thread that writes for it: what that writes is older."""
    gate, begun = threading.Event(), threading.Event()

    class Slow(LeafFile):
        def write(self, kept):
            """Hang the first time."""
            if not begun.is_set():
                begun.set()
                gate.wait(5)
            super().write(kept)

    async with host.agent(file=Slow(host.folder, AGENT, RING)) as h:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        await h.leaves.get(ALICE, "one")
        loop = asyncio.create_task(h.keeping.write())
        while not begun.is_set():
            await asyncio.sleep(0.001)
        loop.cancel()
        await settle()
        await h.leaves.get(ALICE, "two")
        last = asyncio.create_task(h.keeping.write())
        await settle()
        assert not last.done()
        gate.set()
        await last
        assert len(host.file.read().leaves) == 2


async def test_callers_over_the_network_have_nothing_kept(host):
    """Their leaves are theirs by a certificate that may be another one next time."""
    node = Node(
        identity=AgentId(trust_domain=TRUST_DOMAIN, datacenter="dc1", node="n2"), key_digest="ab"
    )
    async with host.agent() as h:
        await h.leaves.get(node, "web")
    assert host.file.read().leaves == ()


def test_nothing_of_it_shows_a_key_in_its_repr():
    """Neither the whole nor a leaf of it."""
    leaf = msgspec.convert(
        dict.fromkeys(("owner", "service", "asked_under"), "x")
        | dict.fromkeys(("head", "tail"), b"PRIVATE KEY")
        | dict.fromkeys(
            ("not_before", "not_after", "issued_at", "renew_at", "last_used"), FakeClock().now()
        )
        | {"chain": 0, "index": 1},
        KeptLeaf,
    )
    assert "PRIVATE" not in repr(Kept(saved_at=FakeClock().now(), leaves=(leaf,))) + repr(leaf)


async def threads():
    """Let what was handed to the one thread end, and what follows from it begin."""
    for _ in range(3):
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        await settle()

"""Two servers on one store, agents, and a clock: what the lifecycle's state machine plays with."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509

from ca_core.agent.verification import trusted_path
from ca_core.authority.registry import Registry
from ca_core.authority.rows import (
    SIGNERS,
    SignerRow,
    bundle,
    decoded,
    put,
)
from ca_core.authority.settings import CASettings
from ca_core.errors import Error
from ca_core.identity.certificates import fingerprint, parse_certificates
from ca_core.lifecycle.acknowledging import acknowledged
from ca_core.lifecycle.rows import (
    AGENTS,
    AGENTS_TOPIC,
    AgentRecord,
    Kind,
    OperationPhase,
    Wishes,
    operations,
)
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.protocol import LEASES, Transaction
from ca_core.testing.chaos import chaos_plugin
from ca_core.testing.clock import FakeClock
from tests.unit.lifecycle.rooms import LivingRoom

LEAF_TTL = timedelta(hours=2)
WAIT = Wishes(settle=timedelta(minutes=10), patience=timedelta(hours=1))
"""The policy ``wait``: nothing goes on before everybody who counts has acknowledged."""
NAMES = ("server-1", "server-2")
_CALM = 3
_TICK = 0.003
_STEP = timedelta(milliseconds=25)
_LONGEST = 400


@dataclass(frozen=True)
class Leaf:
    """A leaf that was released, with the chain that came with it."""

    chain: tuple[x509.Certificate, ...]
    authority: str

    @property
    def not_after(self):
        """Return its end."""
        return self.chain[0].not_valid_after_utc


@dataclass
class Agent:
    """Somebody who holds a bundle, and leaves, wherever it is now.

    Attributes:
        bundle: the anchors that it verifies by.
        epoch: of the store from which it had them.
        is_up: whether it does anything now.
        until: end of its newest leaf, as the store has it.
    """

    node: str
    bundle: tuple[x509.Certificate, ...]
    epoch: str
    until: datetime
    is_up: bool = True

    @property
    def fingerprints(self):
        """Return the sorted fingerprints of its bundle."""
        return tuple(sorted({fingerprint(anchor) for anchor in self.bundle}))


@dataclass
class World:
    """Everything that there is, and everything that was released.

    Attributes:
        leaves: every leaf that came out, those of no authority in a restored store excepted.
        compromised: whether a root was ever declared tainted here.
        tainted: authorities that were.
    """

    profile: str
    seed: int
    clock: FakeClock = field(default_factory=FakeClock)
    backend: FakeBackend = field(default_factory=FakeBackend)
    rooms: dict[str, LivingRoom] = field(default_factory=dict)
    engines: dict[str, FakeEngine] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    leaves: list[Leaf] = field(default_factory=list)
    compromised: bool = False
    tainted: set[str] = field(default_factory=set)

    def __post_init__(self):
        builtin = Registry().get("builtin")
        own = Registry(entry_points=(), extra={"builtin": builtin})
        self._plugins = {"under-test": builtin, "other": chaos_plugin(own)}

    def settings(self, provider="under-test", rate=0):
        """Return a configuration of one of the two providers."""
        chaos = {"inner": "builtin", "profile": self.profile, "seed": self.seed}
        return CASettings(
            provider=provider,
            config=chaos if provider == "other" else {},
            leaf_ttl=LEAF_TTL,
            csr_max_per_second=rate,
        )

    @property
    def view(self):
        """Return the truth, whatever a server has seen of it."""
        return self.rooms[NAMES[0]].store.snapshot

    @property
    def violations(self):
        """Return every rule of the guard that was broken; a jump may end a leaf being signed."""
        found = [broken for room in self.rooms.values() for broken in room.violations]
        return [broken for broken in found if broken.rule != "leaf.17"]

    @property
    def now(self):
        """Return the time."""
        return self.clock.now()

    async def begin(self):
        """Start both servers; the first one makes the first authority."""
        for name in NAMES:
            await self.start(name)
        await self.within(self.rooms[NAMES[0]].ready())

    async def within(self, coroutine):
        """Run something while time passes: what waits on the clock goes on."""
        task = asyncio.ensure_future(coroutine)
        for _ in range(_LONGEST):
            await asyncio.wait({task}, timeout=_TICK)
            if task.done():
                return task.result()
            self.clock.advance(_STEP)
        task.cancel()
        raise TimeoutError("it takes too long")

    async def start(self, name):
        """Start a server on the store as it is."""
        self.engines[name] = FakeEngine(self.backend)
        room = LivingRoom(
            self.engines[name],
            self._plugins["under-test"],
            name=name,
            clock=self.clock,
            settings=self.settings(),
            others={"other": self._plugins["other"]},
        )
        room.start()
        self.rooms[name] = room

    async def die(self, name):
        """Kill a server, and start it again."""
        await self.stop(self.rooms.pop(name), cleanly=False)
        await self.start(name)

    async def end(self):
        """Stop both servers."""
        for room in self.rooms.values():
            await self.stop(room)

    async def stop(self, room, *, cleanly=True):
        """Stop a server, whatever its store says to that."""
        await room.kill()
        await room.manager.slots.close()
        if cleanly:
            with contextlib.suppress(Error):
                await room.manager.close()
        with contextlib.suppress(Error):
            room.store.close()

    async def quiet(self):
        """Return once nothing is committed any more, or what goes on takes very long."""
        calm = 0
        for _ in range(_LONGEST):
            index = self.backend.index
            await asyncio.sleep(_TICK)
            calm = calm + 1 if self.backend.index == index else 0
            if calm >= _CALM:
                return

    async def pass_time(self, span):
        """Move the clock: at once, as after a sleep of the machine."""
        self.clock.advance(span)
        await self.quiet()

    async def sign(self, name, agent=None):
        """Have a server sign for somebody; the record says how long an agent's leaf lives."""
        room = self.rooms[name]
        try:
            issued = await self.within(room.sign())
        except (Error, TimeoutError):
            return
        chain = parse_certificates(issued.pem)
        assert chain[0].not_valid_after_utc > self.now, "an expired leaf was handed out"
        ends = chain[0].not_valid_after_utc
        if agent is None or await self._recorded(agent, max(agent.until, ends)):
            self.leaves.append(Leaf(chain, _issuer(room.store.snapshot, chain)))

    def hear(self, agent):
        """Let an agent have the bundle that is given out now."""
        agent.bundle, agent.epoch = bundle(self.view), self.view.epoch

    async def join(self, node):
        """Let an agent join, or come back after its last leaf has ended."""
        agent = Agent(node, bundle(self.view), self.view.epoch, self.now)
        if await self._recorded(agent, self.now + LEAF_TTL):
            self.agents[node] = agent

    async def acknowledge(self, agent):
        """Write what an agent says it uses, as the server does for it."""
        store = self.rooms[NAMES[0]].store
        with contextlib.suppress(Error):
            said = acknowledged(self.view, agent.node, agent.fingerprints, self.now)
            if said is not None:
                await store.commit_async(said)

    async def _recorded(self, agent, until):
        """Say whether the store knows until when an agent counts."""
        record = AgentRecord(
            node=agent.node,
            spiffe_id=f"spiffe://mesh/agent/{agent.node}",
            keys=("0",),
            joined=self.now,
            leaf_not_after=until,
        )
        changes, topics = (put(AGENTS, agent.node, record),), frozenset({AGENTS_TOPIC})
        store = self.rooms[NAMES[0]].store
        try:
            await store.commit_async(Transaction(changes=changes, topics=topics))
        except Error:
            return False
        agent.until = until
        return True

    def backup(self):
        """Return a backup: the rows, and the ledgers."""
        disk = self.backend._disk
        ledgers = {name: list(values) for name, values in disk._ledgers.items()}
        return disk.snapshot(), ledgers

    async def restore(self, backup):
        """Stop everything and begin anew with a backup: a new epoch, and nobody leads.

        Leaves of authorities that the backup does not know are lost to everybody.
        """
        await self.end()
        snapshot, ledgers = backup
        self.backend = FakeBackend()
        disk = self.backend._disk
        disk.index, disk._tables = snapshot.index, snapshot.tables.delete(LEASES)
        disk._ledgers = {name: list(values) for name, values in ledgers.items()}
        await self.begin()
        known = self.view.table(AGENTS)
        self.agents = {node: one for node, one in self.agents.items() if node in known}
        self.leaves = [leaf for leaf in self.leaves if self.is_trusted(leaf)]

    def is_trusted(self, leaf):
        """Say whether the bundle that is given out leads to a leaf."""
        return trusted_path(leaf.chain, bundle(self.view), now=self.now) is not None

    @property
    def living(self):
        """Return the leaves that are alive, those of compromised authorities excepted."""
        self.tainted |= {
            row.old.authority
            for row in operations(self.view)
            if row.kind is Kind.TAINT and row.phase is OperationPhase.ACTIVE
        }
        return [
            leaf
            for leaf in self.leaves
            if leaf.not_after > self.now and leaf.authority not in self.tainted
        ]

    @property
    def counted(self):
        """Return the agents that count, and have heard of this epoch's roots."""
        return [
            one
            for one in self.agents.values()
            if one.until > self.now and one.epoch == self.view.epoch
        ]


def _issuer(view, chain):
    """Return the id of the authority whose signer a leaf came from."""
    rows = (decoded(SignerRow, row.value) for row in view.table(SIGNERS).values())
    return next(row.authority for row in rows if row.certificates[0] == chain[1])

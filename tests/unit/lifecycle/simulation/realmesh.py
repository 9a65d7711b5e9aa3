"""A hundred real agents with a real server in one process, on a clock that a test moves."""

import asyncio
import random
from datetime import timedelta

from ca_core.acl.access import AllowAll
from ca_core.acl.principal import Anonymous
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.contact import Contact
from ca_core.agent.upstream import RootsAnswer
from ca_core.agent.waiting import stopped
from ca_core.api.acknowledgement_handlers import lease_of
from ca_core.api.cataloguing import Cataloguing
from ca_core.api.granting import NAMESPACE, Granting
from ca_core.api.localupstream import LocalUpstream
from ca_core.api.membership import Membership
from ca_core.api.rooms import ServerRoom
from ca_core.authority.registry import Registry
from ca_core.authority.roots import roots_index, roots_of
from ca_core.authority.rows import ROOTS_TOPIC, put
from ca_core.authority.settings import CASettings
from ca_core.errors import RateLimitedError, UnavailableError
from ca_core.intentions.following import Following
from ca_core.lifecycle.acknowledging import acknowledged, checked_anchors
from ca_core.lifecycle.reachability import Reachability
from ca_core.lifecycle.rows import AGENTS, AgentRecord
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Transaction
from ca_core.state.secrets import EncryptedSecrets
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import KEYS
from tests.unit.lifecycle.rooms import LivingRoom

STEP = timedelta(milliseconds=200)


class Cable:
    """An agent's way to the server: it can be cut, and what goes through is noted."""

    def __init__(self, mesh, node):
        self._mesh = mesh
        self._node = node
        self._signs = LocalUpstream(mesh.server, node)
        self._cut = asyncio.Event()
        self._contact = Contact(mesh.clock)
        self.on_return = self._contact.subscribe

    def cut(self):
        """Let every call fail, those under way too."""
        self._cut.set()
        self._mesh.room.reachable.discard(self._node)

    def mend(self):
        """Let calls through again."""
        self._cut = asyncio.Event()
        self._mesh.room.reachable.add(self._node)

    async def roots(self, *, index=0, wait=timedelta(minutes=5)):
        """Return the roots, unless the cable is cut meanwhile; the wait is on the test's clock."""
        return await self._through(self._polled(index, wait))

    async def acknowledge(self, said):
        """Keep what the agent says, as the server of an agent far away does."""
        return await self._through(self._kept(checked_anchors(said)))

    async def _kept(self, anchors):
        store = self._mesh.room.store
        now = self._mesh.clock.now()
        transaction = acknowledged(store.snapshot, self._node, anchors, now)
        if transaction is not None:
            await store.commit_async(transaction)
        return await lease_of(self._mesh.server)

    async def _polled(self, index, wait):
        store = self._mesh.room.store
        if index == roots_index(store.snapshot):
            news = asyncio.ensure_future(store.wait((ROOTS_TOPIC,), index, 600))
            late = asyncio.ensure_future(self._mesh.clock.sleep(wait.total_seconds()))
            try:
                await asyncio.wait({news, late}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await stopped(news, late)
        view = store.snapshot
        return RootsAnswer(value=roots_of(view), index=roots_index(view))

    async def revoked(self, _asked):
        """Wait for ever: nothing was revoked."""
        await asyncio.Event().wait()

    async def in_sync(self, _digest):
        """Wait for ever: nothing is registered."""
        await asyncio.Event().wait()

    async def sign(self, csr_pem, *, replaces=None, grant=""):
        """Have a leaf signed, and note when it was asked for and when it came."""
        return await self._contact.noted(self._signed(csr_pem, replaces))

    async def _signed(self, csr_pem, replaces):
        if self._cut.is_set():
            raise UnavailableError("cut")
        self._mesh.note(self._mesh.asked)
        self._mesh.under_way += 1
        try:
            leaf = await self._signs.sign(csr_pem, replaces=replaces)
        except RateLimitedError:
            self._mesh.refused += 1
            raise
        finally:
            self._mesh.under_way -= 1
        self._mesh.note(self._mesh.signed)
        return leaf

    async def run(self):
        """Each call goes through by itself."""
        await asyncio.Event().wait()

    async def close(self):
        """There is nothing to let go of."""

    async def _through(self, call):
        return await self._contact.noted(self._uncut(call))

    async def _uncut(self, call):
        work = asyncio.ensure_future(call)
        cut = asyncio.ensure_future(self._cut.wait())
        try:
            await asyncio.wait({work, cut}, return_when=asyncio.FIRST_COMPLETED)
            if self._cut.is_set():
                raise UnavailableError("cut")
            return work.result()
        finally:
            await stopped(work, cut)


class RealMesh:
    """The server, its agents, and the seconds at which they asked.

    Attributes:
        asked, signed: seconds since ``begin``, one for each CSR.
        refused: CSRs that the limit sent away.
        under_way: CSRs in the server's hands.
    """

    def __init__(self, agents, settings: CASettings):
        self.clock = FakeClock()
        plugin = Registry().get("builtin")
        self.room = LivingRoom(MemoryEngine(), plugin, clock=self.clock, settings=settings)
        self._agents = agents
        self._rate = settings.csr_max_per_second
        self.asked, self.signed, self.refused, self.under_way = [], [], 0, 0
        self.began = 0.0

    async def __aenter__(self):
        self.room.start()
        await self.room.ready()
        self.server = self._server()
        self.cables = [Cable(self, f"n{number}") for number in range(self._agents)]
        for cable in self.cables:
            cable.mend()
        self._join_all()
        self.agents = [self._agent(number) for number in range(self._agents)]
        self.room.manager._limiter.set_rate(0)  # the first leaves are not what is measured
        for number, agent in enumerate(self.agents):
            await agent.start()
            await agent.leaves.get(Anonymous(), f"s{number}")
        await self.pass_time(timedelta(seconds=20))
        self.room.manager._limiter.set_rate(self._rate)
        self.begin()
        return self

    async def __aexit__(self, *_):
        for agent in self.agents:
            await agent.close()
        await self.room.close()

    def begin(self):
        """Count from now on."""
        self.began = self.clock.monotonic()
        self.asked, self.signed, self.refused = [], [], 0

    def note(self, moments):
        """Note that something happened now."""
        moments.append(self.clock.monotonic() - self.began)

    async def pass_time(self, span):
        """Let time pass, step by step, with everything done that falls due."""
        while span > timedelta():
            self.clock.advance(min(span, STEP))
            span -= STEP
            await self._rest()

    async def _rest(self):
        """Return once nothing moves without time passing."""
        quiet, seen = 0, None
        while quiet < 3:
            await asyncio.sleep(0.0005)
            in_hand = self.under_way - self.room.manager._limiter.waiting
            now = (self.room.store.snapshot.index, len(self.asked), len(self.signed))
            quiet = quiet + 1 if now == seen and not in_hand else 0
            seen = now

    def _join_all(self):
        """Write down every agent: one whose leaf has not ended counts."""
        ends = self.clock.now() + timedelta(days=3)
        for number in range(self._agents):
            record = AgentRecord(
                node=f"n{number}",
                spiffe_id=f"n{number}",
                keys=(),
                joined=self.clock.now(),
                leaf_not_after=ends,
            )
            change = put(AGENTS, record.node, record)
            self.room.store.commit(Transaction(changes=(change,)))

    def _server(self):
        room = self.room
        kept = EncryptedSecrets(room.store, KEYS, NAMESPACE)
        return ServerRoom(
            store=room.store,
            manager=room.manager,
            membership=Membership(room.store, self.clock),
            lifecycle=room.lifecycle,
            intentions=Following(room.store),
            reachability=Reachability(self.clock),
            granting=Granting(lambda: room.store.snapshot, kept, self.clock),
            catalog=Cataloguing.of(room.store, self.clock, "simulated"),
            clock=self.clock,
            may=AllowAll(),
            random=random.Random(0),
            leader=lambda: "",
            rekey=dict,
        )

    def _agent(self, number):
        return Agent(
            self.cables[number],
            self.clock,
            AgentSettings(datacenter="dc1", node=f"n{number}"),
            may=AllowAll(),
            draw=random.Random(number).random,
        )

"""A server, agents and the programs that read leaves there, on a loop whose time is virtual."""

import asyncio
import contextlib
import random
import uuid

from ca_core.acl.access import AllowAll
from ca_core.acl.policies import PolicyRow
from ca_core.acl.resolving import TokenRules
from ca_core.acl.rules import Level, Resource, Rule
from ca_core.acl.tokens import TokenRow, secret_hash
from ca_core.acl.wirerules import wired
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.grants import Grants
from ca_core.agent.waiting import Gathering, stopped
from ca_core.agent.watch import Watch
from ca_core.api.keysource import ephemeral_keys
from ca_core.api.server import OpenState, Server, Surroundings
from ca_core.authority.registry import Registry
from ca_core.config.model import CAConfig, Config
from ca_core.errors import Error
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.state.store import Store
from tests.soak.audit import Audit
from tests.soak.cable import Cable
from tests.soak.programs import Holder, Program
from tests.soak.virtualtime import LoopClock
from tests.unit.api.holding import keep, revoke

LOOK_EVERY = 300.0
GLANCES = 10
DAY = 86_400.0


class Site:
    """One host: its agent, the way to the server, and the programs there.

    Attributes:
        agent: None while none runs.
        clock: the host's.
        news: programs that ask in vain ask again at once.
        holders: by name of the group of services, who their programs are.
    """

    def __init__(self, mesh, number):
        self.node = f"n{number}"
        self.clock = LoopClock(asyncio.get_running_loop())
        self.cable = Cable(mesh, self.node, number)
        self.news = Gathering()
        self.agent = self.grants = None
        self.programs = []
        self.holders = {}
        self._random = random.Random(number)
        self._disturbed_at = 0.0

    @property
    def calm(self):
        """Return for how many seconds nothing has stood between this host and a server."""
        if not self.cable.reaches or self.clock.skew or self.agent is None:
            return 0.0
        return self.clock.monotonic() - self._disturbed_at

    def disturbed(self):
        """Note that something is wrong, or was until now."""
        self._disturbed_at = self.clock.monotonic()
        if self.cable.reaches and self.agent is not None:
            self.news.wake()

    async def start(self):
        """Start an agent."""
        draw = self._random.random
        upstream = Watch(self.cable, self.clock, draw)
        self.grants = Grants(upstream, self.clock, draw)
        settings = AgentSettings(datacenter="dc1", node=self.node)
        may = TokenRules(self.grants, AllowAll())
        agent = Agent(upstream, self.clock, settings, may=may, draw=draw, grants=self.grants)
        await agent.start()
        self.agent = agent
        self.disturbed()

    async def stop(self):
        """End it; what it held is gone."""
        agent, self.agent = self.agent, None
        if agent is not None:
            await agent.close()


class Mesh:
    """Everything. Made by ``running_mesh``.

    Attributes:
        server: None while none runs.
        disk: its state, which outlives it.
        leaves: how many are followed in all.
    """

    def __init__(self, clock, *, agents, leaves, ca):
        self.clock = clock
        self.audit = Audit(clock, leaves)
        self.server = None
        self.disk = MemoryDisk()
        self._keys = ephemeral_keys()
        self._config = Config(ca=ca)
        self._registry = Registry()
        self.audit.rate_is(ca.csr_max_per_second)
        self.sites = [Site(self, number) for number in range(agents)]
        self.leaves = leaves
        self._running = []

    @property
    def tasks(self):
        """Return how many tasks live, those of the programs aside."""
        return len(asyncio.all_tasks()) - len(self._running)

    async def start_server(self):
        """Start a server on the state as it is."""
        store = Store(MemoryEngine(disk=self.disk))
        state = OpenState(store=store, keys=self._keys, name="server-1")
        around = Surroundings(
            clock=self.clock,
            may=AllowAll(),
            registry=self._registry,
            random=random.Random(1),
            environment={},
        )
        server = await asyncio.to_thread(Server, self._config, state, around)
        server.start()
        await server.ready()
        self.server = server
        self._disturbed()

    async def stop_server(self, *, cleanly):
        """End the server, or let it die: nothing is given back, nothing is noted."""
        server, self.server = self.server, None
        self._disturbed()
        for site in self.sites:
            site.cable.break_off()
        if cleanly:
            await server.close()
            return
        await stopped(*server._tasks)
        await server.manager.slots.close()
        with contextlib.suppress(Error):
            await asyncio.to_thread(server.store.close)

    def _disturbed(self):
        for site in self.sites:
            site.disturbed()

    async def start(self):
        """Start agents and programs; half of these are users of their host, half hold tokens."""
        await self.start_server()
        for number, site in enumerate(self.sites):
            await site.start()
            for group in range(4):
                site.holders[f"{site.node}-{group}-"] = Holder(uid=1000 + group)
                if group % 2:
                    await self.new_token(site, f"{site.node}-{group}-")
            for place in range(number, self.leaves, len(self.sites)):
                self._add_program(site, place)
        for site in self.sites:
            self._run(*(program.run() for program in site.programs))
        self._run(self._look())

    def _add_program(self, site, place):
        group = f"{site.node}-{place // len(self.sites) % 4}-"
        program = Program(f"{group}s{place}", site.holders[group], site, self.audit, place)
        site.programs.append(program)

    def _run(self, *works):
        self._running += [asyncio.ensure_future(work) for work in works]

    def check_running(self):
        """Fail with whatever a program, or the look, failed with."""
        for task in self._running:
            if task.done():
                task.result()

    async def _look(self):
        """See that nothing is overdue; ask at random; measure once a day."""
        looks, chance = 0, random.Random(4)
        while True:
            await self.clock.sleep(LOOK_EVERY)
            for site in self.sites:
                self.audit.look_at(site)
                for program in chance.sample(site.programs, min(GLANCES, len(site.programs))):
                    await program.glance()
            looks += 1
            if looks % (DAY / LOOK_EVERY) == 0:
                self.audit.measure(self)

    async def new_token(self, site, group):
        """Give the programs of a group a token, in the place of the one that they had."""
        secret, accessor = (str(uuid.uuid4()) for _ in range(2))
        rule = Rule(Resource.SERVICE, group, Level.WRITE, prefix=True)
        policy = PolicyRow(id=f"policy-{group}", name=group, rules="", compiled=wired((rule,)))
        row = TokenRow(accessor=accessor, secret_hash=secret_hash(secret), policies=(policy.id,))
        await asyncio.to_thread(keep, self.server.store, policy, row)
        holder = site.holders[group]
        holder.secret, holder.accessor = secret, accessor

    async def revoke(self, site, group):
        """Delete the token of a group."""
        await asyncio.to_thread(revoke, self.server.store, site.holders[group].accessor)

    def told(self, weather):
        """Return in one line what was lived through."""
        audit = self.audit
        return (
            f"{dict(audit.answers)}, "
            f"{sum(map(len, audit.moments.values()))} leaves in {len(audit.moments)} generations, "
            f"{len(weather.happened)} events, {audit.footprints[-1]}"
        )

    async def close(self):
        """End everything."""
        await stopped(*self._running)
        for site in self.sites:
            await site.stop()
        if self.server is not None:
            await self.stop_server(cleanly=True)


@contextlib.asynccontextmanager
async def running_mesh(clock, *, agents, leaves, **ca):
    """Run a mesh with ``leaves`` programs on ``agents`` hosts; ``ca`` as in the configuration."""
    mesh = Mesh(clock, agents=agents, leaves=leaves, ca=CAConfig(**ca))
    await mesh.start()
    try:
        yield mesh
    finally:
        await mesh.close()

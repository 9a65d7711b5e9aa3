"""Whatever is asked for, whoever dies, whenever: what must never be broken holds at every step."""

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ca_core.agent.verification import trusted_path
from ca_core.authority.rows import Phase, authorities, current_signer
from ca_core.errors import Error, OutcomeUnknownError, UnavailableError
from ca_core.lifecycle.rows import (
    CHANGE,
    OPEN,
    OperationPhase,
    SlotRow,
    operations,
    read,
)
from tests.unit.lifecycle.world import NAMES, WAIT, World

SPANS = (
    timedelta(seconds=3),
    timedelta(seconds=40),
    timedelta(minutes=11),
    timedelta(hours=1),
    timedelta(hours=5),
)
servers = st.sampled_from(NAMES)
nodes = st.sampled_from(["node-1", "node-2", "node-3"])
seen = Counter()
"""What the machine has been through, over all examples: a machine that never gets far says so."""


class Changing(RuleBasedStateMachine):
    """Two servers, three agents, two providers, and an adversary."""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.world = None
        self.backups = []

    def run(self, coroutine):
        """Run something to its end, then let the servers do what follows from it."""

        async def all_of_it():
            found = await self.world.within(coroutine)
            await self.world.quiet()
            return found

        return self.runner.run(all_of_it())

    def ask(self, coroutine):
        """Ask for a change; what is refused changes nothing."""
        with contextlib.suppress(Error, TimeoutError):
            self.run(coroutine)

    @initialize(profile=st.sampled_from(["calm", "mild", "rough"]), seed=st.integers(0, 1000))
    def begin(self, profile, seed):
        """Two servers start; an agent joins."""
        self.world = World(profile, seed)
        self.run(self.world.begin())
        self.run(self.world.join("node-1"))
        self.run(self.world.sign(NAMES[0], self.world.agents["node-1"]))

    def changes(self, server):
        """Return what a server offers to operators."""
        return self.world.rooms[server].changes

    @rule(server=servers, provider=st.sampled_from(["under-test", "other"]), rate=st.integers(0, 2))
    def apply(self, server, provider, rate):
        """An operator applies a configuration: a swap, settings, or nothing new."""
        wanted = self.world.settings(provider, rate * 10_000)
        self.ask(self.changes(server).apply(wanted, actor="operator", wishes=WAIT))

    @rule(server=servers)
    def rotate(self, server):
        """An operator wants a new root."""
        self.ask(self.changes(server).rotate(actor="operator", wishes=WAIT))

    @rule(server=servers)
    def renew(self, server):
        """An operator wants a new signer."""
        self.ask(self.changes(server).renew(actor="operator", wishes=WAIT))

    @rule(server=servers, dice=st.integers(1, 6))
    def taint(self, server, dice):
        """Now and then the root is compromised; from then on agents may be left behind."""
        if dice < 6:
            return
        self.world.compromised = True
        self.ask(self.changes(server).taint(actor="operator", wishes=WAIT))

    @rule(server=servers, which=st.integers(0, 2))
    def abort(self, server, which):
        """An operator ends one of the last operations."""
        for row in operations(self.world.view)[::-1][which : which + 1]:
            self.ask(self.changes(server).abort(row.id, actor="operator"))

    @rule(server=servers, which=st.integers(0, 2))
    def roll_back(self, server, which):
        """An operator wants the old signer back."""
        for row in operations(self.world.view)[::-1][which : which + 1]:
            self.ask(self.changes(server).roll_back(row.id, actor="operator"))

    @rule(span=st.sampled_from(SPANS))
    def pass_time(self, span):
        """The clock jumps."""
        self.run(self.world.pass_time(span))

    @rule(node=nodes)
    def join(self, node):
        """A new agent joins, or one whose leaf has ended comes back."""
        agent = self.world.agents.get(node)
        if agent is None or agent.until <= self.world.now:
            self.run(self.world.join(node))
            self.run(self.world.sign(NAMES[0], self.world.agents.get(node)))

    @rule(node=nodes)
    def fall_silent_or_return(self, node):
        """An agent dies with what it has, or comes back with it."""
        agent = self.world.agents.get(node)
        if agent is not None:
            agent.is_up = not agent.is_up

    @rule(patient=st.booleans())
    def hear(self, patient):
        """Every agent that is up has the newest bundle, and says so now or later."""
        for agent in self.world.agents.values():
            if agent.is_up:
                self.world.hear(agent)
                if not patient:
                    self.run(self.world.acknowledge(agent))

    @rule(node=nodes)
    def acknowledge(self, node):
        """An agent says which bundle it uses; it may be an old one."""
        agent = self.world.agents.get(node)
        if agent is not None and agent.is_up:
            self.run(self.world.acknowledge(agent))

    @rule(server=servers, node=nodes)
    def sign(self, server, node):
        """An agent that is up, may call, and knows the roots of this epoch has a leaf signed."""
        agent = self.world.agents.get(node)
        if agent is not None and agent.is_up and agent in self.world.counted:
            self.run(self.world.sign(server, agent))

    @rule(server=servers)
    def die(self, server):
        """A server is killed, and started again."""
        self.run(self.world.die(server))

    @rule(server=servers, known=st.booleans(), times=st.integers(1, 3))
    def fail(self, server, known, times):
        """The next commits of a server fail; it may not know whether they were written."""
        error = UnavailableError("the disk is full") if known else OutcomeUnknownError("no answer")
        for _ in range(times):
            self.world.engines[server].fail(error, after_writing=not known)

    @rule()
    def back_up(self):
        """An operator makes a backup."""
        self.backups = [*self.backups[-1:], self.world.backup()]

    @rule()
    def restore(self):
        """An operator restores the oldest of the last two backups."""
        if self.backups:
            self.run(self.world.restore(self.backups[0]))

    @invariant()
    def one_operation_at_most_is_open(self):
        """And it is the one in the slot."""
        if self.world is None:
            return
        view = self.world.view
        slot = read(view, SlotRow, CHANGE, "slot")
        found = [row.id for row in operations(view) if row.phase in OPEN]
        assert found == ([] if slot is None else [slot.operation])

    @invariant()
    def exactly_one_authority_signs(self):
        """And it is the current one."""
        if self.world is None:
            return
        view = self.world.view
        found = [row.id for row in authorities(view) if row.phase is Phase.SIGNING]
        assert found == [current_signer(view)[0].id]

    @invariant()
    def the_bundle_has_the_anchor_of_every_living_leaf(self):
        """Whatever is published leads to everything that was released."""
        if self.world is not None:
            assert all(self.world.is_trusted(leaf) for leaf in self.world.living)

    @invariant()
    def everybody_who_counts_verifies_every_living_leaf(self):
        """With the bundle that it holds, and the chain that came with the leaf."""
        if self.world is None or self.world.compromised:
            return
        world = self.world
        for agent in world.counted:
            for leaf in world.living:
                assert trusted_path(leaf.chain, agent.bundle, now=world.now), agent.node

    def teardown(self):
        """Count what was reached, stop the servers."""
        if self.world is not None:
            for row in operations(self.world.view):
                seen[row.kind, row.phase] += 1
            assert self.world.violations == []
            self.runner.run(self.world.end())
        self.runner.close()


@pytest.mark.hypothesis
def test_nothing_that_must_hold_is_broken_by_any_course_of_events():
    """Under the policy ``wait``, without force: see the invariants."""
    seen.clear()
    budget = settings.get_profile("default")
    deep = settings().max_examples > budget.max_examples
    run_state_machine_as_test(
        Changing,
        settings=settings(
            max_examples=settings().max_examples if deep else 12, stateful_step_count=30
        ),
    )
    assert sum(seen[key] for key in seen if key[1] is OperationPhase.ACTIVE) > 0, seen

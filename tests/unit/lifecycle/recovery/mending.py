"""What tests of recovery share: rooms on a clock that stands, agents, and how things end."""

import asyncio
from datetime import timedelta

from ca_core.authority.bystanders import Bystanders
from ca_core.authority.events import Events
from ca_core.authority.registry import Registry
from ca_core.authority.rows import (
    AUTHORITIES,
    AuthorityRow,
    Phase,
    authorities,
    bundle,
    current_signer,
    put,
    read,
)
from ca_core.contract import hookimpl
from ca_core.identity.certificates import fingerprint
from ca_core.lifecycle.evidence import digest_of
from ca_core.lifecycle.rows import (
    ACKNOWLEDGEMENTS,
    ACKNOWLEDGEMENTS_TOPIC,
    AGENTS,
    AGENTS_TOPIC,
    AcknowledgementRow,
    AgentRecord,
    OperationPhase,
    OperationRow,
    operations,
)
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Transaction
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import DOMAIN, short
from tests.unit.lifecycle.rooms import LivingRoom

BUILTIN = Registry().get("builtin")
LEAF_TTL = timedelta(hours=1)


class SickRoom(LivingRoom):
    """A room on a clock that stands, to which something happens."""

    def __init__(self, plugin=BUILTIN, *, engine=None, clock=None, **more):
        super().__init__(
            engine or MemoryEngine(),
            plugin,
            clock=clock or FakeClock(),
            settings=short(LEAF_TTL),
            **more,
        )

    def current(self):
        """Return the id of the authority that signs."""
        return current_signer(self.store.snapshot)[0].id

    def phase_of(self, authority):
        """Return an authority's phase; ``retired`` also once it is forgotten."""
        found = {row.id: row.phase for row in authorities(self.store.snapshot)}
        return found.get(authority, Phase.RETIRED)

    def anchors(self):
        """Return the fingerprints of the bundle."""
        return tuple(sorted(fingerprint(anchor) for anchor in bundle(self.store.snapshot)))

    def latest(self) -> OperationRow | None:
        """Return the newest operation, or None."""
        found = operations(self.store.snapshot)
        return found[-1] if found else None

    async def active(self, name) -> OperationRow:
        """Return the operation once it is over; it must be active."""
        done = await self.over(self.operation(name))
        assert done.phase is OperationPhase.ACTIVE, done
        return done

    async def later(self, holds, step=20.0):
        """Return once ``holds()``, while time goes by in steps of some seconds."""
        for _ in range(1000):
            if holds():
                return
            asleep = self.clock.sleepers
            self.clock.advance(timedelta(seconds=step))
            await self._asleep_again(asleep)
        raise AssertionError("hours have passed")

    async def _asleep_again(self, many):
        """Let whoever a step woke do its work; not for ever: it may wait for something else."""
        for _ in range(100):
            await asyncio.sleep(0.005)
            if self.clock.sleepers >= many:
                return

    def join(self, node, life=LEAF_TTL):
        """Let an agent join that never acknowledges by itself."""
        now = self.clock.now()
        row = AgentRecord(
            node=node,
            spiffe_id=f"spiffe://{DOMAIN.name}/agent/client/dc/dc1/id/{node}",
            keys=("key",),
            joined=now,
            leaf_not_after=now + life,
        )
        change = put(AGENTS, node, row)
        self.store.commit(Transaction(changes=(change,), topics=frozenset({AGENTS_TOPIC})))

    def acknowledge(self, node):
        """Let an agent say that it uses the bundle that is given out."""
        row = AcknowledgementRow(
            digest=digest_of(self.anchors()),
            anchors=self.anchors(),
            epoch=self.store.snapshot.epoch,
            at=self.clock.now(),
        )
        change = put(ACKNOWLEDGEMENTS, node, row)
        topics = frozenset({ACKNOWLEDGEMENTS_TOPIC})
        self.store.commit(Transaction(changes=(change,), topics=topics))

    def authority(self, name):
        """Return an authority's row, or None."""
        return read(self.store.snapshot, AuthorityRow, AUTHORITIES, name)


class Heard:
    """A plugin that keeps what it is told."""

    def __init__(self):
        self.told = []
        registry = Registry(entry_points=(), extra_hooks={"heard": self})
        plugins = [registry.hook_plugin("heard")]
        self.bystanders = Bystanders(events=Events(plugins))

    @hookimpl
    def ca_event(self, event):
        """Keep it."""
        self.told.append(event)

    def of(self, what):
        """Return the fields of every event of a type, oldest first."""
        return [dict(event.fields) for event in tuple(self.told) if event.type is what]

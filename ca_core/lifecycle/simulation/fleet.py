"""Simulated agents: each keeps the records that a real one keeps, and asks when they say so."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

from ca_core.agent import leafattempts, ownleaf
from ca_core.agent.backoff import LONGEST, backoff
from ca_core.agent.leafbody import IssuerChain, LeafBody
from ca_core.agent.leafrecord import HeldLeaf, LeafName, LeafRecord
from ca_core.agent.renewal import drawn, failed, renewal_window, retry_width
from ca_core.agent.signing import Signer, Signing
from ca_core.agent.timetable import Timetable
from ca_core.errors import ProviderError, UnavailableError
from ca_core.lifecycle import spread
from ca_core.lifecycle.reissuing import slower
from ca_core.lifecycle.rows import Kind
from ca_core.lifecycle.simulation.agents import Kept, SimulatedAgent, Trust
from ca_core.lifecycle.simulation.mesh import Mesh, Standing
from ca_core.lifecycle.simulation.scenario import START, Scenario
from ca_core.lifecycle.simulation.signing import SigningServer
from ca_core.lifecycle.simulation.timeline import Timeline

NEVER = datetime.max.replace(tzinfo=START.tzinfo) - timedelta(days=3650)
"""Simulated leaves are always in use."""

_MANY = 16
"""After so many failures in a row the pause before an agent notices its server is the longest."""


@lru_cache(maxsize=16)
def _signing(name: str) -> Signing:
    """Return a signer of that key id, whose one certificate is named alike."""
    return Signing(name, frozenset({name}), name)


@lru_cache(maxsize=16)
def _body(name: str) -> LeafBody:
    """Return what all leaves of a signer hold: nothing but who signed them."""
    return LeafBody(b"", IssuerChain(b"", Signer(name, name)), b"")


class Fleet:
    """Every agent, and when each does what.

    Attributes:
        trust: what the servers say now.
        expired, most_expired: leaves that have ended and were not renewed; now, and at the most.
        old_leaves: living leaves of the signer that signed at the beginning.
        reissued_at: since when there are none.
        on_learned: called when an agent has taken over what the servers say.
    """

    def __init__(
        self, scenario: Scenario, timeline: Timeline, server: SigningServer, mesh: Mesh
    ) -> None:
        self._scenario = scenario
        self._timeline = timeline
        self._server = server
        self._mesh = mesh
        self._spread = _spread(scenario)
        self._timetable: Timetable[datetime, LeafRecord] = Timetable()
        self._wakes_at: datetime | None = None
        self._kept: dict[LeafRecord, Kept] = {}
        self.agents: list[SimulatedAgent] = []
        self.expired = 0
        self.most_expired = 0
        self.old_leaves = 0
        self.reissued_at: datetime | None = None
        self.on_learned: Callable[[SimulatedAgent], None] = lambda _: None

    def settle(self, trust: Trust) -> None:
        """Give every agent its leaves, as if it had lived before the beginning."""
        self.trust = trust
        self._first = trust.signer
        draws = random.Random(self._scenario.seed)  # noqa: S311 - a forecast, repeatable on purpose
        for number in range(self._scenario.agents):
            draw = random.Random(draws.random()).random  # noqa: S311 - as above
            agent = SimulatedAgent(number, draw, trust)
            self.agents.append(agent)
            for service in range(self._scenario.leaves):
                self._equip(agent, f"s{service}")
            if self._scenario.own_leaves:
                self._equip(agent, "", is_own=True)

    def published(self, trust: Trust) -> None:
        """Tell a change of roots to everybody who reaches a server."""
        self.trust = trust
        for agent in self.agents:
            if agent.lost_at is None:
                self._learn(agent)

    def lost(self, agent: SimulatedAgent) -> None:
        """Cut an agent off."""
        agent.lost_at = self._timeline.now

    def returned(self, agent: SimulatedAgent) -> None:
        """Let an agent reach its server again; it notices at its next try."""
        pause = min(backoff(_MANY, agent.draw()), LONGEST) * agent.draw()
        self._timeline.after(timedelta(seconds=pause), lambda: self._found(agent))

    def last_end(self, signer: str) -> datetime:
        """Return when the last leaf of a signer ends; the start if it has none."""
        ends = (r.leaf.not_after for r in self._kept if r.leaf and r.leaf.signer_key_id == signer)
        return max(ends, default=START)

    def _found(self, agent: SimulatedAgent) -> None:
        """Let it learn what it missed; what was due is in the middle of its retries.

        The windows that passed meanwhile reached nobody; the next one is drawn now.
        """
        agent.lost_at = None
        for kept in agent.stalled:
            kept.is_busy = False
            self._remember(kept, UnavailableError("no server answered"))
        agent.stalled.clear()
        self._learn(agent)

    def _learn(self, agent: SimulatedAgent) -> None:
        """Take over what the server says, as the real caches do, and acknowledge it."""
        agent.knows = self.trust
        for record in agent.records:
            self._follow(self._kept[record])
            self._enter(record)
            self._judge(self._kept[record])
        self.on_learned(agent)

    def _equip(self, agent: SimulatedAgent, service: str, *, is_own: bool = False) -> None:
        record = LeafRecord(name=LeafName(f"{agent.number}", service), last_used=NEVER)
        kept = self._kept[record] = Kept(agent, record, is_own=is_own)
        agent.records.append(record)
        ttl, ago = self._scenario.settings.leaf_ttl, self._scenario.issued_ago
        fraction = agent.draw()
        if ago is None:  # a random moment of its own time between two renewals
            lasts = drawn(renewal_window(START, START + ttl), fraction) - START
            ago = agent.draw() * lasts
        leaf = self._leaf(agent.knows, agent.knows.signer, START - ago, fraction)
        self._keep(kept, leaf, agent.knows)

    def _leaf(
        self, trust: Trust, asked_under: str, issued_at: datetime, fraction: float
    ) -> HeldLeaf:
        ends = min(issued_at + self._scenario.settings.leaf_ttl, trust.signer_ends)
        return HeldLeaf(
            body=_body(trust.signer),
            not_before=issued_at,
            not_after=ends,
            issued_at=issued_at,
            renew_at=drawn(renewal_window(issued_at, ends), fraction),
            asked_under=asked_under,
            index=1,
        )

    def _keep(self, kept: Kept, leaf: HeldLeaf, signs: Trust) -> None:
        """Take a new leaf over, as the real leaf cache does."""
        record = kept.record
        if kept.is_over:
            kept.is_over = False
            self.expired -= 1
        elif record.leaf is not None:
            self._counted_old(record.leaf, -1)
        self._counted_old(leaf, 1)
        record.leaf, record.failures, record.error, record.hurry = leaf, None, None, None
        self._follow(kept)
        kept.anchor, kept.crossed = signs.anchor, signs.crossed
        self._judge(kept)
        self._enter(record)
        self._timeline.at(leaf.not_after, lambda: self._ended(kept, leaf))

    def _ended(self, kept: Kept, leaf: HeldLeaf) -> None:
        if kept.record.leaf is leaf:
            self._counted_old(leaf, -1)
            kept.is_over = True
            self.expired += 1
            self.most_expired = max(self.most_expired, self.expired)
            self._judge(kept)

    def _counted_old(self, leaf: HeldLeaf, number: int) -> None:
        """Count the living leaves of the old signer; note when there is none any more."""
        if leaf.signer_key_id == self._first:
            self.old_leaves += number
            self.reissued_at = None if self.old_leaves else self._timeline.now

    def _follow(self, kept: Kept) -> None:
        """Hurry if another one signs, an agent's own leaf among the first, as real ones do."""
        agent = kept.agent
        span = ownleaf.FIRST_SHARE * self._spread if kept.is_own else self._spread
        kept.record.follow(_signing(agent.knows.signer), self._timeline.now, agent.draw, span)

    def _judge(self, kept: Kept) -> None:
        """Note what others think of the leaf, and its holder of theirs."""
        if kept.is_own:
            return
        anchor = None if kept.is_over else kept.anchor
        standing = Standing(anchor, kept.crossed, kept.agent.knows.anchors)
        self._mesh.moved(kept.standing, standing, self._timeline.now)
        kept.standing = standing

    def _enter(self, record: LeafRecord) -> None:
        self._timetable.enter(record)
        self._plan_to_wake()

    def _plan_to_wake(self) -> None:
        due = self._timetable.next_due()
        if due is not None and (self._wakes_at is None or due < self._wakes_at):
            self._wakes_at = due
            self._timeline.at(due, self._attend)

    def _attend(self) -> None:
        """Do what the timetable says; one wake counts, those that it overtook do not."""
        now = self._timeline.now
        if self._wakes_at is None or now < self._wakes_at:
            return
        self._wakes_at = None
        for record in self._timetable.taken(now):
            self._look_at(self._kept[record])
        self._plan_to_wake()

    def _look_at(self, kept: Kept) -> None:
        if kept.is_busy:
            return  # entered again when the attempt ends
        renew_at = kept.record.renew_at()
        if renew_at is None or renew_at > self._timeline.now:
            self._enter(kept.record)
        elif kept.agent.under_way < leafattempts.MAX_BACKGROUND:
            self._ask(kept)
        else:
            self._timeline.after(timedelta(milliseconds=100), lambda: self._look_at(kept))

    def _ask(self, kept: Kept) -> None:
        agent, leaf = kept.agent, kept.record.leaf
        kept.is_busy = True
        if agent.lost_at is not None:
            agent.stalled.append(kept)
            return
        agent.under_way += 1
        signs, asked_under = self.trust, agent.knows.signer
        ends = leaf.not_after if leaf else self._timeline.now
        self._server.sign(ends, lambda error: self._answered(kept, signs, asked_under, error))

    def _answered(
        self, kept: Kept, signs: Trust, asked_under: str, error: ProviderError | None
    ) -> None:
        kept.is_busy = False
        kept.agent.under_way -= 1
        if error is None:
            fraction = kept.agent.draw()
            leaf = self._leaf(signs, asked_under, self._timeline.now, fraction)
            self._keep(kept, leaf, signs)
            return
        self._remember(kept, error)
        self._enter(kept.record)

    def _remember(self, kept: Kept, error: ProviderError) -> None:
        """Note a failure, as the real leaf cache does."""
        record, leaf = kept.record, kept.record.leaf
        if leaf is None:
            return
        record.failures = failed(
            record.failures,
            at=self._timeline.now,
            retry_after=getattr(error, "retry_after", timedelta(seconds=1)),
            fraction=kept.agent.draw(),
            width=retry_width(leaf.issued_at, leaf.not_after),
        )


def _spread(scenario: Scenario) -> timedelta:
    """Return over what time the server tells its agents to renew, as it sizes that."""
    settings = scenario.settings
    measured = scenario.concurrency / max(scenario.signing_time.total_seconds(), 1e-6)
    rate = slower(settings.csr_max_per_second, measured)
    found = spread.reissue_spread(scenario.all_leaves, rate, leaf_ttl=settings.leaf_ttl)
    return min(found, spread.URGENT) if scenario.kind is Kind.TAINT else found

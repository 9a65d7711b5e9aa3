"""A simulated change of who signs: the real rows and decisions, on virtual time."""

from dataclasses import replace
from datetime import datetime

import msgspec

from ca_core.authority.ceilings import next_ceiling
from ca_core.authority.slot import retry_pause
from ca_core.lifecycle import reachability, rows
from ca_core.lifecycle.crosssigning import cross_end
from ca_core.lifecycle.evidence import Counted, Evidence, GiveUp, Go, Stay, decided
from ca_core.lifecycle.rows import (
    PASSES,
    POLICY,
    Ends,
    Kind,
    OperationPhase,
    OperationRow,
    PhaseChange,
    Wishes,
)
from ca_core.lifecycle.simulation.agents import SimulatedAgent, Trust
from ca_core.lifecycle.simulation.fleet import Fleet
from ca_core.lifecycle.simulation.mesh import Mesh
from ca_core.lifecycle.simulation.scenario import Scenario
from ca_core.lifecycle.simulation.signing import SigningServer
from ca_core.lifecycle.simulation.timeline import Act, Timeline

OLD, NEW = "old", "new"
_SAME_ANCHOR = frozenset({Kind.RENEW})


class Change:
    """Carries one operation out, from planned until what was replaced has left.

    Attributes:
        row: the operation as it stands.
        stays: why it waits now; '' while it goes on.
        retired_at: when the old root left the bundle, or the old signer was forgotten.
    """

    def __init__(
        self,
        scenario: Scenario,
        timeline: Timeline,
        fleet: Fleet,
        server: SigningServer,
        mesh: Mesh,
    ) -> None:
        self._scenario = scenario
        self._timeline = timeline
        self._fleet = fleet
        self._server = server
        self._mesh = mesh
        self._failures = 0
        self._missing: dict[int, SimulatedAgent] = {}
        self.stays = ""
        self.retired_at: datetime | None = None
        fleet.on_learned = self._acknowledged

    def begin(self, kind: Kind, wishes: Wishes) -> None:
        """Begin it now."""
        now = self._timeline.now
        self.row = OperationRow(
            id="op-simulated",
            kind=kind,
            phase=OperationPhase.PLANNED,
            actor=POLICY,
            old=Ends(authority=OLD, signer=OLD, configuration=OLD),
            new=Ends(authority=OLD if kind in _SAME_ANCHOR else NEW, signer=NEW, configuration=OLD),
            wishes=wishes,
            history=(PhaseChange(phase=OperationPhase.PLANNED, at=now),),
        )
        self._timeline.after(self._scenario.preparing, self._prepare)

    @property
    def missing(self) -> int:
        """Return how many agents have not acknowledged what is distributed."""
        return len(self._missing)

    @property
    def ended(self) -> bool:
        """Say whether it came to nothing."""
        return self.row.phase in {OperationPhase.ABORTED, OperationPhase.FAILED}

    def _prepare(self) -> None:
        if self._pauses(self._prepare):
            return
        crossed = self.row.makes_authority and self._scenario.can_cross_sign
        self._move(OperationPhase.PREPARED, crossed=crossed)
        if OperationPhase.DISTRIBUTED in PASSES[self.row.kind]:
            self._distribute()
        else:
            self._wait_for_the_moment()

    def _distribute(self) -> None:
        self._move(OperationPhase.DISTRIBUTED)
        self._missing = {agent.number: agent for agent in self._fleet.agents}
        trust = self._fleet.trust
        self._fleet.published(replace(trust, anchors=trust.anchors | {1}))
        self._weigh()

    def _acknowledged(self, agent: SimulatedAgent) -> None:
        """Take an agent's acknowledgement; the last one is what the operation waits for."""
        if 1 not in agent.knows.anchors or self._missing.pop(agent.number, None) is None:
            return
        if not self._missing and self.row.phase is OperationPhase.DISTRIBUTED:
            self._timeline.at(self._timeline.now, self._weigh)

    def _weigh(self) -> None:
        """Go on if the evidence suffices; else look again when something may have changed."""
        if self.row.phase is not OperationPhase.DISTRIBUTED:
            return
        now = self._timeline.now
        found = self._evidence(now)
        match decided(self.row, found, now):
            case Go(left_behind):
                self._activate(left_behind)
            case Stay(reason, until):
                self.stays = reason
                moments = [one.until for one in found.missing if one.until > now]
                if until is not None:
                    moments.append(until)
                if moments:
                    self._timeline.at(min(moments), self._weigh)
            case GiveUp(reason):
                self._move(OperationPhase.ABORTED, reason=reason)
                trust = self._fleet.trust
                self._fleet.published(replace(trust, anchors=trust.anchors - {1}))

    def _evidence(self, now: datetime) -> Evidence:
        everybody = (_counted(agent, now) for agent in self._missing.values())
        missing = tuple(one for one in everybody if one.until > now or one.is_reachable)
        return Evidence(counted=missing, missing=missing)

    def _wait_for_the_moment(self) -> None:
        moment = self.row.wishes.not_before or self._timeline.now
        self._timeline.at(moment, lambda: self._activate(()))

    def _activate(self, left_behind: tuple[str, ...]) -> None:
        if self._pauses(lambda: self._activate(left_behind)):
            return
        self.stays = ""
        self._move(OperationPhase.ACTIVE, left_behind=left_behind, reissue=self._fleet.old_leaves)
        now, ttl = self._timeline.now, self._scenario.settings.leaf_ttl
        if self.row.crossed:
            self._mesh.cross_ends = cross_end(self.row, now, ttl)
            self._timeline.at(self._mesh.cross_ends, self._cross_ended)
        trust = Trust(
            anchors=self._fleet.trust.anchors,
            signer=NEW,
            anchor=1 if self.row.makes_authority else 0,
            signer_ends=now + self._scenario.settings.intermediate_ttl,
            crossed=self.row.crossed,
        )
        self._fleet.published(trust)
        self._timeline.at(self._leaves_at(now), self._retire)

    def _leaves_at(self, now: datetime) -> datetime:
        """Return when what was replaced leaves: its ceiling, or sooner if it is tainted."""
        ceiling = next_ceiling(self._fleet.last_end(OLD))
        return min(ceiling, now + rows.TAINTED_LEAVES) if self.row.kind is Kind.TAINT else ceiling

    def _retire(self) -> None:
        self.retired_at = self._timeline.now
        if self.row.makes_authority:
            trust = self._fleet.trust
            self._fleet.published(replace(trust, anchors=trust.anchors - {0}, crossed=False))

    def _cross_ended(self) -> None:
        self._mesh.cross_ended(self._timeline.now)

    def _pauses(self, again: Act) -> bool:
        """Try again after the pause of the real driver if the provider is away."""
        if not self._server.is_away:
            self._failures = 0
            return False
        self._failures += 1
        self.stays = "the provider is away"
        self._timeline.after(retry_pause(self._failures), again)
        return True

    def _move(self, phase: OperationPhase, **changed: object) -> None:
        history = (*self.row.history, PhaseChange(phase=phase, at=self._timeline.now))
        self.row = msgspec.structs.replace(self.row, phase=phase, history=history, **changed)


def _counted(agent: SimulatedAgent, now: datetime) -> Counted:
    return Counted(
        node=f"agent-{agent.number}",
        spiffe_id=f"agent-{agent.number}",
        until=agent.until,
        holds=None,
        is_reachable=agent.lost_at is None or now - agent.lost_at < reachability.LEASE,
    )

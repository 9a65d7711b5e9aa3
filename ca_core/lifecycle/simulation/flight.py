"""One flight: a scenario in, a forecast out."""

from datetime import datetime, timedelta
from functools import partial
from random import Random

import msgspec

from ca_core.lifecycle.due import Roots, Step, Validity, due, next_look
from ca_core.lifecycle.rows import Kind, OperationPhase
from ca_core.lifecycle.simulation.agents import Trust
from ca_core.lifecycle.simulation.change import OLD, Change
from ca_core.lifecycle.simulation.fleet import Fleet
from ca_core.lifecycle.simulation.forecast import Forecast, PhaseAt, Point
from ca_core.lifecycle.simulation.mesh import Mesh
from ca_core.lifecycle.simulation.scenario import START, Scenario
from ca_core.lifecycle.simulation.signing import SigningServer
from ca_core.lifecycle.simulation.tally import Tally, second_of
from ca_core.lifecycle.simulation.timeline import Timeline

_AFTER = timedelta(minutes=1)
"""What is simulated beyond the last thing that happens."""
_POINTS = 240
"""Of a curve, at most."""
_WIDTHS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
"""Seconds from one point to the next: the first that gives no more than ``_POINTS``."""


def flown(scenario: Scenario) -> Forecast:
    """Return what happens in a scenario; the same one always gives the same."""
    return Flight(scenario).forecast()


class Flight:
    """Everything of one simulation, put together."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._timeline = Timeline(START)
        self._tally = Tally()
        self._mesh = Mesh(START, scenario.handshakes)
        self._server = SigningServer(scenario, self._timeline, self._tally)
        self._fleet = Fleet(scenario, self._timeline, self._server, self._mesh)
        self._change = Change(scenario, self._timeline, self._fleet, self._server, self._mesh)

    def forecast(self) -> Forecast:
        """Let it happen and return what did."""
        step, signer_ends = _what_is_due(self._scenario)
        self._fleet.settle(
            Trust(anchors=frozenset({0}), signer=OLD, anchor=0, signer_ends=signer_ends)
        )
        self._cut_off()
        wishes = self._scenario.wishes
        if step is not None:
            wishes = msgspec.structs.replace(wishes, not_before=step.not_before)
        self._change.begin(self._scenario.kind or (step and step.kind) or Kind.ROTATE, wishes)
        self._timeline.at(self._last_of_the_plan() + _AFTER, lambda: None)
        self._timeline.run(START + self._scenario.longest, self._is_over)
        self._mesh.passed(self._timeline.now)
        return self._told(step)

    def _cut_off(self) -> None:
        """Enter when each cohort loses its server, and when it returns; no agent is in two."""
        order = list(self._fleet.agents)
        Random(self._scenario.seed).shuffle(order)  # noqa: S311 - a forecast, repeatable on purpose
        for cohort in self._scenario.offline:
            size = round(cohort.share * self._scenario.agents)
            for agent in order[:size]:
                away = cohort.away
                self._timeline.at(START + away.begin, partial(self._fleet.lost, agent))
                self._timeline.at(START + away.end, partial(self._fleet.returned, agent))
            del order[:size]

    def _last_of_the_plan(self) -> datetime:
        """Return when the last cohort is back and the last outage is over."""
        spans = (*self._scenario.outages, *(cohort.away for cohort in self._scenario.offline))
        return START + max((span.end for span in spans), default=timedelta())

    def _is_over(self) -> bool:
        if self._change.ended:
            return True
        has_left = self._change.retired_at is not None and self._fleet.reissued_at is not None
        is_quiet = self._timeline.now > self._last_of_the_plan() + _AFTER
        return has_left and is_quiet and not self._fleet.expired

    def _told(self, step: Step | None) -> Forecast:
        row, tally, fleet = self._change.row, self._tally, self._fleet
        simulated = self._timeline.now - START
        is_active = row.phase is OperationPhase.ACTIVE
        reissued = fleet.reissued_at if is_active else None
        return Forecast(
            kind=str(row.kind),
            outcome=str(row.phase),
            reason=row.reason or self._change.stays,
            due="" if step is None else step.reason,
            phases=tuple(PhaseAt(str(one.phase), _after(one.at)) for one in row.history),
            missing=len(row.left_behind) if is_active else self._change.missing,
            reissued_after=reissued - START if reissued else None,
            retired_after=self._change.retired_at - START if self._change.retired_at else None,
            simulated=simulated,
            asked=tally.asking.total(),
            signed=tally.signing.total(),
            refused=tally.refused,
            failed=tally.failed,
            peak=tally.peak,
            handshakes=self._scenario.handshakes * simulated.total_seconds(),
            failed_handshakes=self._mesh.failed,
            worst_share=self._mesh.worst,
            most_expired=fleet.most_expired,
            curve=self._curve(reissued),
        )

    def _curve(self, reissued: datetime | None) -> tuple[Point, ...]:
        """Return the CSRs from shortly before it became active until all were re-issued."""
        active = self._change.row.phase_since
        ends = reissued or self._timeline.now
        around = max((ends - active) / 20, timedelta(seconds=2))
        first, last = second_of(active - around), second_of(ends + around)
        return curve(self._tally, first, last)


def curve(tally: Tally, first: int, last: int) -> tuple[Point, ...]:
    """Return points from one second to another, each the mean until the next."""
    width = next((w for w in _WIDTHS if (last - first) / w <= _POINTS), _WIDTHS[-1])
    return tuple(
        Point(
            at,
            sum(tally.asking[second] for second in range(at, at + width)) / width,
            sum(tally.signing[second] for second in range(at, at + width)) / width,
        )
        for at in range(first, last + 1, width)
    )


def _what_is_due(scenario: Scenario) -> tuple[Step | None, datetime]:
    """Return what the policy begins at the start, and when the signer ends that signs until then.

    Nothing is due where a kind is asked for: the signer has its whole life before it. Otherwise
    root and signer were made together, and the start is the first moment at which one is due.
    """
    settings = scenario.settings
    if scenario.kind is not None:
        return None, START + settings.intermediate_ttl
    made_now = _made_at(scenario, START)
    wait = next_look(made_now, scenario.policy) - START
    roots = _made_at(scenario, START - wait)
    return due(roots, scenario.policy, START), roots.signer.not_after


def _made_at(scenario: Scenario, made: datetime) -> Roots:
    settings = scenario.settings
    return Roots(
        root=Validity(made, made + settings.root_ttl),
        signer=Validity(made, made + min(settings.intermediate_ttl, settings.root_ttl)),
        leaf_ttl=settings.leaf_ttl,
        intermediate_ttl=settings.intermediate_ttl,
    )


def _after(moment: datetime) -> float:
    return (moment - START).total_seconds()

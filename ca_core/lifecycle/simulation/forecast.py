"""What a simulation foretells."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Point:
    """CSRs a second, on average, from ``at`` seconds after the beginning until the next point."""

    at: float
    asked: float
    signed: float


@dataclass(frozen=True, slots=True)
class PhaseAt:
    """When the operation came into a phase, in seconds after the beginning."""

    phase: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What happens if the change is made so.

    Attributes:
        kind: of the operation.
        outcome: its phase at the end.
        reason: why it was given up, or why it waits still.
        due: why it began, if the policy did; else ''.
        phases: in their order.
        missing: agents that had not acknowledged when it became active, or do not yet.
        reissued_after: until the last living leaf is of the new signer; None: not in this time.
        retired_after: until what was replaced has left; None: not in this time.
        simulated: how much time was simulated.
        asked, signed, refused, failed: CSRs; refused are those told to come back by a limit.
        peak: CSRs asked in the busiest second.
        handshakes, failed_handshakes: expected.
        worst_share: share of handshakes that failed at the worst moment.
        most_expired: leaves that had ended at the worst moment.
        curve: CSRs while leaves are re-issued.
    """

    kind: str
    outcome: str
    reason: str
    due: str
    phases: tuple[PhaseAt, ...]
    missing: int
    reissued_after: timedelta | None
    retired_after: timedelta | None
    simulated: timedelta
    asked: int
    signed: int
    refused: int
    failed: int
    peak: int
    handshakes: float
    failed_handshakes: float
    worst_share: float
    most_expired: int
    curve: tuple[Point, ...]

    def as_json(self) -> Mapping[str, object]:
        """Return it as programs read it; spans in seconds."""
        return {
            "Kind": self.kind,
            "Outcome": self.outcome,
            "Reason": self.reason,
            "Due": self.due,
            "Phases": [{"Phase": one.phase, "Seconds": one.at} for one in self.phases],
            "Missing": self.missing,
            "ReissuedSeconds": _seconds(self.reissued_after),
            "RetiredSeconds": _seconds(self.retired_after),
            "SimulatedSeconds": _seconds(self.simulated),
            "CSRs": {
                "Asked": self.asked,
                "Signed": self.signed,
                "Refused": self.refused,
                "Failed": self.failed,
                "PeakPerSecond": self.peak,
            },
            "Handshakes": round(self.handshakes),
            "FailedHandshakes": round(self.failed_handshakes, 3),
            "WorstFailingShare": round(self.worst_share, 6),
            "MostExpiredLeaves": self.most_expired,
            "Curve": [
                {"Seconds": one.at, "Asked": round(one.asked, 3), "Signed": round(one.signed, 3)}
                for one in self.curve
            ],
        }


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds(), 3)

"""What one run of a check gave, and what several in a row mean; pure."""

from dataclasses import dataclass

from ca_core.agent.services.definitions import Thresholds
from ca_core.wire.catalog import CheckStatus


@dataclass(frozen=True, slots=True)
class Outcome:
    """One result; ``output`` is for people."""

    status: CheckStatus
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many results in a row were good, or bad; one of both is zero."""

    good: int = 0
    bad: int = 0

    def after(self, status: CheckStatus) -> "Counted":
        """Return the count with one result more; a warning is a good one."""
        if status is CheckStatus.CRITICAL:
            return Counted(bad=self.bad + 1)
        return Counted(good=self.good + 1)

    def means(self, status: CheckStatus, needed: Thresholds) -> CheckStatus | None:
        """Return how the check stands now, the last result being ``status``; None as before.

        Source: Consul's published page on checks: ``success_before_passing`` and the two
        ``failures_before_…``.
        """
        if status is not CheckStatus.CRITICAL:
            return status if self.good >= needed.passing else None
        if self.bad >= needed.critical:
            return CheckStatus.CRITICAL
        return CheckStatus.WARNING if self.bad >= needed.warning else None

"""What is counted while time passes: CSRs by the second."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from ca_core.errors import ProviderError, RateLimitedError
from ca_core.lifecycle.simulation.scenario import START


@dataclass(slots=True)
class Tally:
    """CSRs by the whole second after the beginning in which they were asked, signed or refused.

    Attributes:
        asking, signing: by second.
        refused: told to come back by a limit; ``failed``: by anything else.
    """

    asking: Counter[int] = field(default_factory=Counter)
    signing: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    failed: int = 0

    def asked(self, now: datetime) -> None:
        """Count a CSR that reached the server."""
        self.asking[second_of(now)] += 1

    def answered(self, now: datetime, error: ProviderError | None) -> None:
        """Count its answer."""
        match error:
            case None:
                self.signing[second_of(now)] += 1
            case RateLimitedError():
                self.refused += 1
            case _:
                self.failed += 1

    @property
    def peak(self) -> int:
        """Return the most CSRs that were asked in one second."""
        return max(self.asking.values(), default=0)


def second_of(moment: datetime) -> int:
    """Return the whole second after the beginning; negative before it."""
    return int((moment - START).total_seconds() // 1)

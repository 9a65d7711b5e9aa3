"""What fails again and again: logged when it begins, then rarely, and once more when it is over."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from ca_core.clock import Clock

SAME_AGAIN = timedelta(hours=1)
"""The same words about the same thing are written again only after this time."""
OTHER_WORDS = timedelta(minutes=5)
"""The same for other words: backends give their errors numbers."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What was written last, and when."""

    text: str
    at: datetime

    def is_enough(self, text: str, now: datetime) -> bool:
        """Say whether nothing needs to be written about it now."""
        return now - self.at < (SAME_AGAIN if text == self.text else OTHER_WORDS)


class Complaints:
    """Complaints by what they are about. Lives on one event loop."""

    def __init__(self, log: logging.Logger, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._said: dict[str, _Said] = {}

    def about(self, what: str, text: str) -> None:
        """Write a warning, unless it was written lately.

        Args:
            what: names it; no two things share a name.
            text: one sentence, without secrets.
        """
        now, before = self._clock.now(), self._said.get(what)
        if before is None or not before.is_enough(text, now):
            self._said[what] = _Said(text, now)
            self._log.warning("%s", text)

    def over(self, what: str, text: str) -> None:
        """Write that it is well again, if there was a complaint about it."""
        if self._said.pop(what, None) is not None:
            self._log.info("%s", text)

    def forget(self, what: str) -> None:
        """Forget a complaint about what is there no more."""
        self._said.pop(what, None)

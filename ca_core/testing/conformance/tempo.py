"""What a run's checks have in common: time, names never used before, a corporate CA."""

import secrets
import time
from datetime import datetime, timedelta

from ca_core.clock import Clock, SystemClock
from ca_core.contract import KeySpec
from ca_core.testing.clock import FakeClock
from ca_core.testing.corporate import CorporateCA

CALL_LIMIT = timedelta(seconds=30)
"""The deadline of every request, from now."""


class Tempo:
    """Time and names of one run. Thread-safe.

    Args:
        clock: the author's fake clock, or None for the machine's.
        key: the kind of CA key that is used unless a check needs another.
    """

    def __init__(self, clock: FakeClock | None, key: KeySpec) -> None:
        self._fake = clock
        self.clock: Clock = clock or SystemClock()
        self.key = key
        self._corporate = CorporateCA(now=self.clock.now())

    @property
    def corporate(self) -> CorporateCA:
        """Return the corporate CA; a younger one once time travel has brought it to half its life.

        Not to be asked for by two threads at once.
        """
        root, now = self._corporate.root, self.clock.now()
        if now - root.not_valid_before_utc > root.not_valid_after_utc - now:
            self._corporate = CorporateCA(now=now)
        return self._corporate

    def pause(self, span: timedelta) -> None:
        """Let time pass: at once on a fake clock, else by waiting."""
        if self._fake is not None:
            self._fake.advance(max(span, timedelta()))
        else:
            time.sleep(max(span.total_seconds(), 0))

    def advance(self, span: timedelta) -> None:
        """Move the fake clock; for checks that need one.

        Raises:
            RuntimeError: there is none.
        """
        if self._fake is None:
            raise RuntimeError("this check must say that it needs a clock")
        self._fake.advance(span)

    def deadline(self) -> datetime:
        """Return the deadline of a request made now, aware UTC."""
        return self.clock.now() + CALL_LIMIT

    def new_id(self, prefix: str) -> str:
        """Return an id that was never used: runs on one live backend do not meet."""
        return f"{prefix}-{secrets.token_hex(6)}"

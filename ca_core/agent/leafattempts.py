"""Attempts to have leaves: one for each record at most, whoever asks for it."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from ca_core.agent.cache.entries import Counts
from ca_core.agent.issuance import LeafIssuer
from ca_core.agent.joining import Draw
from ca_core.agent.leafanswer import refusal
from ca_core.agent.leafrecord import HeldLeaf, LeafRecord
from ca_core.agent.renewal import RETRY_WINDOW, failed, retry_width
from ca_core.agent.waiting import stopped, within
from ca_core.clock import Clock
from ca_core.errors import Error, ProviderError, UnavailableError

log = logging.getLogger(__name__)

FETCH_LIMIT = timedelta(seconds=60)
"""An attempt that takes longer is given up, so that renewal goes on."""
MAX_BACKGROUND = 32
"""Renewals under way at once; the others stay due. More would only queue at the server."""
_DEFAULT_RETRY = timedelta(seconds=1)
USED_WHILE_AWAY = 10
"""Of so many retry windows one is used while no server answers: a key and a request for each leaf
every half minute would bring nothing, and whoever asks for the roots hears sooner of its return."""


class LeafAttempts:
    """The attempts under way, and how earlier ones went. Used from one event loop.

    Attributes:
        issued: first leaves of records that had none.
        renewed: leaves that took the place of another one.
    """

    def __init__(
        self,
        issuer: LeafIssuer,
        clock: Clock,
        draw: Draw,
        counts: Counts,
        *,
        kept: Callable[[LeafRecord, HeldLeaf], None],
        ended: Callable[[LeafRecord], None],
    ) -> None:
        self._issuer = issuer
        self._clock = clock
        self._draw = draw
        self._counts = counts
        self._kept = kept
        self._ended = ended
        self._closed = False
        self._under_way = 0
        self.issued = 0
        self.renewed = 0

    def is_full(self) -> bool:
        """Say whether as many are under way as may be in the background."""
        return self._under_way >= MAX_BACKGROUND

    @property
    def closed(self) -> bool:
        """Say whether there are no more attempts."""
        return self._closed

    async def joined(self, record: LeafRecord) -> None:
        """Wait for an attempt, joining the one under way; giving up does not disturb it.

        Raises:
            Error: it brought nothing, or it is too early for another one.
        """
        if record.fetch is None and not record.may_ask(self._clock.now()):
            raise _remembered(record)
        task = self.begun(record)
        await asyncio.wait({task})
        if record.withdrawn:
            return
        if task.cancelled():
            raise UnavailableError("the agent is stopping")
        error = task.result()
        if error is not None:
            raise refusal(record, error)

    def begun(self, record: LeafRecord) -> asyncio.Task[Error | None]:
        """Return the attempt under way for a record, beginning one if there is none.

        Raises:
            UnavailableError: no more are made.
        """
        if self._closed:
            raise UnavailableError("the agent is stopping")
        if record.fetch is None:
            self._under_way += 1
            record.fetch = asyncio.create_task(self._attempt(record))
            record.fetch.add_done_callback(lambda _: self._over(record))
        return record.fetch

    async def close(self, records: list[LeafRecord]) -> None:
        """End the attempts for these records; none is begun any more."""
        self._closed = True
        await stopped(*(record.fetch for record in records if record.fetch))

    async def _attempt(self, record: LeafRecord) -> Error | None:
        """Try once to have a new leaf; the record keeps it, or the reason why not."""
        service, is_first = record.name.service, record.leaf is None
        try:
            issuing = self._issuer.issue(record.name, record.leaf, record.principal)
            leaf = await within(issuing, FETCH_LIMIT, self._clock, what=f"signing for {service!r}")
            self._kept(record, leaf)
        except Error as error:
            return self._remember(record, error)
        except Exception as error:
            log.exception("leaf of %s: failed in a way it should not", service)
            return self._remember(record, ProviderError(f"signing failed: {type(error).__name__}"))
        self.issued += is_first
        self.renewed += not is_first
        return None

    def put_off(self, record: LeafRecord) -> bool:
        """Let a retry window pass, because no server answers; say whether that was done.

        The first attempt of a run is always made, and one of ``USED_WHILE_AWAY`` later ones.
        """
        run = record.failures
        if run is None or not (run.number + 1) % USED_WHILE_AWAY:
            return False
        self._fail(record, _DEFAULT_RETRY)
        return True

    def _remember(self, record: LeafRecord, error: Error) -> Error:
        level = logging.WARNING if record.failures is None else logging.DEBUG
        log.log(level, "leaf of %s: %s", record.name.service, error)
        self._counts.failed(error)
        record.error = error
        self._fail(record, getattr(error, "retry_after", _DEFAULT_RETRY))
        return error

    def _fail(self, record: LeafRecord, retry_after: timedelta) -> None:
        leaf = record.leaf
        record.failures = failed(
            record.failures,
            at=self._clock.now(),
            retry_after=retry_after,
            fraction=self._draw(),
            width=retry_width(leaf.issued_at, leaf.not_after) if leaf else RETRY_WINDOW,
        )

    def _over(self, record: LeafRecord) -> None:
        record.fetch = None
        self._under_way -= 1
        self._ended(record)


def _remembered(record: LeafRecord) -> Error:
    if record.error is None:
        return UnavailableError("the last attempt failed")
    return refusal(record, record.error)

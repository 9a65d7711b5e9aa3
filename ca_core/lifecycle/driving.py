"""The one who carries operations out: on the server that holds the lease, step by step.

A step is decided on what the store says and ends in one commit, so a server that dies anywhere is
continued by whoever holds the lease next.
"""

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta
from enum import Enum, auto

from ca_core.authority.bringup import Leadership
from ca_core.authority.milestones import tell_authority
from ca_core.authority.rows import AUTHORITIES, AuthorityRow, read
from ca_core.authority.slot import retry_pause
from ca_core.errors import (
    AuthorityRetiredError,
    CapabilityUnsupportedError,
    ConfigError,
    ConflictError,
    Error,
    GuardError,
    PendingError,
    PermissionDeniedError,
    RequestError,
    SignerUnknownError,
)
from ca_core.lifecycle import commits
from ca_core.lifecycle.activating import activate, evidence_of
from ca_core.lifecycle.complaints import Complaints
from ca_core.lifecycle.evidence import GiveUp, Go, Stay, decided
from ca_core.lifecycle.making import made
from ca_core.lifecycle.milestones import tell_ended, tell_phase
from ca_core.lifecycle.rows import (
    ACKNOWLEDGEMENTS_TOPIC,
    AGENTS_TOPIC,
    OPERATIONS_TOPIC,
    POLICY,
    OperationPhase,
    OperationRow,
    open_operation,
    operation,
)
from ca_core.lifecycle.tools import Tools
from ca_core.state.protocol import Fence

LOOK_AGAIN = timedelta(seconds=2)
"""Leases end without a commit, so evidence is looked at this often while somebody is missing."""

BREATHS = 4
"""Times as long as counting took nobody is counted: each of ten thousand agents that acknowledges
wakes the driver, and a fifth of the loop is enough for that."""

IDLE = timedelta(seconds=60)

_TOPICS = (OPERATIONS_TOPIC, ACKNOWLEDGEMENTS_TOPIC, AGENTS_TOPIC)

_PERMANENT = (
    AuthorityRetiredError,
    CapabilityUnsupportedError,
    ConfigError,
    GuardError,
    PermissionDeniedError,
    SignerUnknownError,
)

_MANY_RACES = 10
"""Lost in a row: what we see of the store is behind, and looking again at once helps nobody."""

_LONG = 60.0
"""Seconds; a backend that has not answered by then is named as what the change waits for."""

_SILENT = "the backend has not answered for a minute"

_WAITS_FOR_SIGNATURE = (
    "the new primary CA waits for your corporate CA's signature: sign what `ca-core ca csr` prints,"
    " then `ca-core ca install-chain FILE`"
)

_log = logging.getLogger("ca_core.lifecycle")


class Fault(Enum):
    """What to do about an error of a step."""

    RACE = auto()
    """Somebody was faster: look again."""
    PASSING = auto()
    """Try again after a pause."""
    LASTING = auto()
    """Trying again does not mend it: the operation fails, everything stays as it was."""


def fault_of(error: Error) -> Fault:
    """Return what to do about an error of a step."""
    if isinstance(error, ConflictError):
        return Fault.RACE
    if isinstance(error, (*_PERMANENT, RequestError)):
        return Fault.LASTING
    return Fault.PASSING


class Driver:
    """Carries out the operation in the change slot. Lives on one event loop."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._failures = 0
        self._races = 0
        self._complaints = Complaints(_log, tools.clock)
        self._operation = ""  # that the complaints are about
        self._left: set[asyncio.Future[timedelta]] = set()

    async def run(self, leadership: Leadership) -> None:
        """Carry out whatever operation there is, for ever; cancel to end."""
        try:
            while True:
                fence = await leadership.held()
                seen = self._tools.view.topic_index(*_TOPICS)
                row = open_operation(self._tools.view)
                pause = IDLE if row is None else await self._tried_while_open(row, fence)
                await self._tools.rest(_TOPICS, seen, pause)
        finally:
            for step in self._left:
                step.cancel()

    async def _tried_while_open(self, row: OperationRow, fence: Fence) -> timedelta:
        """Try one step; once its operation has ended, leave it to itself: its backend may hang."""
        step = asyncio.ensure_future(self._tried(row, fence))
        ended = asyncio.ensure_future(self._ended(row))
        try:
            await asyncio.wait({step, ended}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            step.cancel()
            raise
        finally:
            ended.cancel()
        if step.done():
            return step.result()
        self._left.add(step)
        step.add_done_callback(self._left.discard)
        return timedelta()

    async def _ended(self, row: OperationRow) -> None:
        """Return once an operation is not open any more; say so if its step takes long."""
        began = self._tools.clock.monotonic()
        while True:
            seen = self._tools.view.topic_index(OPERATIONS_TOPIC)
            standing = operation(self._tools.view, row.id)
            if standing is None or not standing.is_open:
                return
            if not standing.error and self._tools.clock.monotonic() - began >= _LONG:
                with contextlib.suppress(Error):  # the store: it is tried again
                    await self._note(row, _SILENT)
            await self._tools.rest((OPERATIONS_TOPIC,), seen, IDLE)

    async def _tried(self, row: OperationRow, fence: Fence) -> timedelta:
        """Try one step; return how long to wait before the next look."""
        if row.id != self._operation:
            self._operation, self._complaints = row.id, Complaints(_log, self._tools.clock)
        try:
            return await self._tried_once(row, fence)
        except Error as error:  # the store: what happened could not be written down
            self._failures += 1
            self._complaints.about("store", f"{_named(row)} cannot go on: {error}")
            return retry_pause(self._failures, error)

    async def _tried_once(self, row: OperationRow, fence: Fence) -> timedelta:
        try:
            pause = await self._step(row, fence)
        except PendingError as pending:
            waits = _WAITS_FOR_SIGNATURE if pending.csr else "the backend answers later"
            await self._note(row, waits)
            return pending.poll_after
        except Error as error:
            return await self._failed(row, error, fence)
        self._failures = self._races = 0
        for what in ("store", "step"):
            self._complaints.over(what, f"{_named(row)} goes on")
        return pause

    async def _step(self, row: OperationRow, fence: Fence) -> timedelta:
        match row.phase:
            case OperationPhase.PLANNED:
                await self._prepare(row, fence)
            case OperationPhase.PREPARED if row.makes_authority:
                await self._distribute(row, fence)
            case OperationPhase.PREPARED:
                return await self._activate(row, fence)
            case _:
                return await self._weigh(row, fence)
        return timedelta()

    async def _prepare(self, row: OperationRow, fence: Fence) -> None:
        found = await made(self._tools, row)
        tools = self._tools
        await tools.store.commit_async(
            commits.prepared(tools.view, row, found, tools.clock.now(), fence)
        )
        tell_phase(tools.events, row, OperationPhase.PREPARED)
        _log.info("operation %s (%s): prepared, crossed: %s", row.id, row.kind, found.crosses != ())

    async def _distribute(self, row: OperationRow, fence: Fence) -> None:
        tools = self._tools
        await tools.store.commit_async(
            commits.distributed(tools.view, row, tools.clock.now(), fence)
        )
        authority = read(tools.view, AuthorityRow, AUTHORITIES, row.new.authority)
        if authority is not None:
            tell_authority(tools.events, authority, adopted=False)
        tell_phase(tools.events, row, OperationPhase.DISTRIBUTED)
        _log.info("operation %s (%s): the new root is distributed", row.id, row.kind)

    async def _weigh(self, row: OperationRow, fence: Fence) -> timedelta:
        """Go on if the evidence suffices; else say who is missing."""
        clock, now = self._tools.clock, self._tools.clock.now()
        began = clock.monotonic()
        found = evidence_of(self._tools, row)
        took = clock.monotonic() - began
        match decided(row, found, now):
            case Go():
                if row.blames:
                    await self._note(row, "")
                await activate(self._tools, row, fence)
            case Stay(reason, until):
                await self._note(row, reason, blames=True)
                await clock.sleep(BREATHS * took)
                return min(LOOK_AGAIN, max(until - now, timedelta())) if until else LOOK_AGAIN
            case GiveUp(reason):
                await self._end(row, OperationPhase.ABORTED, reason, fence)
        return timedelta()

    async def _activate(self, row: OperationRow, fence: Fence) -> timedelta:
        moment, now = row.wishes.not_before, self._tools.clock.now()
        if moment is not None and now < moment:
            return min(IDLE, moment - now)
        await activate(self._tools, row, fence)
        return timedelta()

    async def _failed(self, row: OperationRow, error: Error, fence: Fence) -> timedelta:
        match fault_of(error):
            case Fault.RACE:
                self._races += 1
                return timedelta() if self._races < _MANY_RACES else LOOK_AGAIN
            case Fault.LASTING:
                await self._end(row, OperationPhase.FAILED, str(error), fence)
                return timedelta()
            case Fault.PASSING:
                self._failures += 1
                await self._note(row, str(error))
                return retry_pause(self._failures, error)

    async def _end(
        self, row: OperationRow, phase: OperationPhase, reason: str, fence: Fence
    ) -> None:
        tools = self._tools
        _log.warning("operation %s (%s) %s: %s", row.id, row.kind, phase, reason)
        try:
            await tools.store.commit_async(
                commits.ended(tools.view, row, phase, tools.clock.now(), fence, reason=reason)
            )
        except RequestError:
            return  # somebody else ended it meanwhile
        tell_ended(tools, row, phase, actor=POLICY, reason=reason)

    async def _note(self, row: OperationRow, error: str, *, blames: bool = False) -> None:
        transaction = commits.noted(self._tools.view, row, error, blames=blames)
        if transaction is None:
            return
        if error:
            what = "evidence" if blames else "step"
            self._complaints.about(what, f"{_named(row)} waits: {error}")
        try:
            await self._tools.store.commit_async(transaction)
        except ConflictError:
            return  # it went on


def _named(row: OperationRow) -> str:
    return f"operation {row.id} ({row.kind})"


def activation_moment(row: OperationRow) -> datetime | None:
    """Return when an operation became active, or None."""
    found = (step.at for step in row.history if step.phase is OperationPhase.ACTIVE)
    return next(found, None)

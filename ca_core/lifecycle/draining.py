"""How authorities and signers leave: by evidence that nothing they signed is alive.

First out of the bundle, then out of the backend, then out of the store; each is one commit, and
each is tried until it is done.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from ca_core.authority.bringup import Leadership
from ca_core.authority.ceilings import ceiling_of, signer_ceiling
from ca_core.authority.guard import GuardedProvider
from ca_core.authority.rows import (
    AUTHORITIES,
    ROOTS_TOPIC,
    SIGNERS,
    SIGNERS_TOPIC,
    AuthorityRow,
    Phase,
    SignerRow,
    authorities,
    decoded,
    read,
)
from ca_core.authority.slot import LAST_RETRY, retry_pause
from ca_core.authority.slots import Place
from ca_core.authority.unreplaced import issuances, unreplaced
from ca_core.contract.requests import RetireRequest, RetireSignerRequest
from ca_core.errors import AuthorityRetiredError, ConflictError, Error, SignerUnknownError
from ca_core.lifecycle import leavings
from ca_core.lifecycle.complaints import Complaints
from ca_core.lifecycle.milestones import tell_retired
from ca_core.lifecycle.readiness import opened
from ca_core.lifecycle.rows import OPERATIONS_TOPIC, LeftoverRow, leftovers
from ca_core.lifecycle.tools import Tools, new_request_id
from ca_core.state.protocol import Fence, Transaction
from ca_core.state.view import View

LOOK_EVERY = timedelta(minutes=1)
"""A ceiling is passed without a commit."""

_STORE_IS_AWAY = timedelta(seconds=2)

HURRIED_LOOK = timedelta(seconds=10)
"""The same while a compromised authority is in the bundle: the record is asked who renewed."""

LAST_SWEEP = timedelta(hours=1)
"""Longest pause between two tries to remove what a backend holds: 1, 2, 4 … s, an hour at last."""

LAST_SIGNATURES = timedelta(seconds=30)
"""A server that has not heard of a change signs under the old signer for no longer than this."""

_TOPICS = (ROOTS_TOPIC, SIGNERS_TOPIC, OPERATIONS_TOPIC)

_log = logging.getLogger("ca_core.lifecycle")


def may_leave(view: View, row: AuthorityRow, now: datetime) -> bool:
    """Say whether nothing that a draining authority signed is alive any more.

    Its ceiling is committed ahead of every leaf, so it is never too early; for a compromised one
    the moment that was set counts too.
    """
    if row.phase is not Phase.DRAINING:
        return False
    if row.tainted and row.leave_by is not None and row.leave_by <= now:
        return True
    ceiling = ceiling_of(view, row.id)
    return ceiling is None or ceiling <= now


def hurries(row: AuthorityRow) -> bool:
    """Say whether an authority is to leave before what it signed has ended."""
    return row.tainted and row.phase is Phase.DRAINING


def replaced_signers(view: View, now: datetime) -> tuple[SignerRow, ...]:
    """Return the signers of living authorities that were replaced and whose leaves have ended."""
    rows = (decoded(SignerRow, row.value) for row in view.table(SIGNERS).values())
    alive = {row.id for row in authorities(view) if row.phase is not Phase.RETIRED}
    return tuple(
        row
        for row in rows
        if row.replaced is not None and row.authority in alive and _has_ended(view, row, now)
    )


def _has_ended(view: View, row: SignerRow, now: datetime) -> bool:
    if row.certificates[0].not_valid_after_utc <= now:
        return True
    ceiling = signer_ceiling(view, row.authority, row.id)
    return ceiling is None or ceiling <= now


class Drain:
    """Lets authorities and signers leave. Lives on one event loop."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._failures: dict[str, tuple[int, datetime]] = {}
        self._complaints = Complaints(_log, tools.clock)
        self._sweeping: dict[str, asyncio.Task[None]] = {}
        self._swept_one = asyncio.Event()

    async def run(self, leadership: Leadership) -> None:
        """Let leave what may, for ever; cancel to end."""
        try:
            while True:
                fence = await leadership.held()
                self._swept_one.clear()
                seen = self._tools.view.topic_index(*_TOPICS)
                pause = await self._looked(fence)
                await self._rest(seen, pause)
        finally:
            for sweeping in self._sweeping.values():
                sweeping.cancel()

    async def _looked(self, fence: Fence) -> timedelta:
        try:
            pause = await self.look(fence)
        except Error as error:  # the store
            self._complaints.about("store", f"nobody can leave now: {error}")
            return _STORE_IS_AWAY
        self._complaints.over("store", "who may leave is looked after again")
        return pause

    async def _rest(self, seen: int, pause: timedelta) -> None:
        """Rest until something changes, a backend has answered, or the pause is over."""
        waits = (self._tools.rest(_TOPICS, seen, pause), self._swept_one.wait())
        tasks = {asyncio.ensure_future(wait) for wait in waits}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def look(self, fence: Fence) -> timedelta:
        """Let leave what may leave now; return how long to wait before the next look."""
        await self._out_of_the_bundle(fence)
        self._out_of_the_backend(fence)
        now = self._tools.clock.now()
        tries = [max(when - now, timedelta(seconds=1)) for _, when in self._failures.values()]
        hurried = [row for row in authorities(self._tools.view) if hurries(row)]
        ends = [row.leave_by - now for row in hurried if row.leave_by is not None]
        return min([HURRIED_LOOK if hurried else LOOK_EVERY, *tries, *ends])

    async def _out_of_the_bundle(self, fence: Fence) -> None:
        tools, now = self._tools, self._tools.clock.now()
        for row in authorities(tools.view):
            if may_leave(tools.view, row, now) or await self._is_replaced(row, now):
                _log.info("authority %s (tainted: %s) leaves the bundle", row.id, row.tainted)
                if await self._commit(partial(leavings.retired, tools.view, row.id, now, fence)):
                    tell_retired(tools.events, row)
        for signer in replaced_signers(tools.view, now):
            authority = read(tools.view, AuthorityRow, AUTHORITIES, signer.authority)
            place = authority.configuration if authority else ""
            await self._commit(
                partial(leavings.signer_retired, tools.view, signer, place, now, fence)
            )

    async def _is_replaced(self, row: AuthorityRow, now: datetime) -> bool:
        """Say whether every leaf of a compromised authority has a successor, by a whole record."""
        since = row.phase_since
        if not (hurries(row) and row.complete) or since is None or now < since + LAST_SIGNATURES:
            return False
        try:
            left = await asyncio.to_thread(self._left, row.id, now)
        except Error as error:
            said = f"who renewed cannot be read, authority {row.id} stays: {error}"
            self._complaints.about("record", said)
            return False
        self._complaints.over("record", "who renewed can be read again")
        return left == 0

    def _left(self, authority: str, now: datetime) -> int:
        return unreplaced(issuances(self._tools.store), authority, now)

    def _out_of_the_backend(self, fence: Fence) -> None:
        """Begin to remove what is left behind; a backend that hangs holds up nobody else."""
        left = leftovers(self._tools.view)
        for key in self._failures.keys() - {row.key for row in left}:  # it was given up
            del self._failures[key]
            self._complaints.forget(_sweep_of(key))
        for row in left:
            _, when = self._failures.get(row.key, (0, self._tools.clock.now()))
            if when <= self._tools.clock.now() and row.authority not in self._sweeping:
                self._sweep(row, fence)

    def _sweep(self, row: LeftoverRow, fence: Fence) -> None:
        """Remove in the background, one of each authority at a time."""
        task = asyncio.create_task(self._swept(row, fence), name=f"sweep {row.key}")
        self._sweeping[row.authority] = task
        task.add_done_callback(partial(self._over, row))

    def _over(self, row: LeftoverRow, task: asyncio.Task[None]) -> None:
        del self._sweeping[row.authority]
        self._swept_one.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._complaints.about(_sweep_of(row.key), f"what is left of {row.key}: {error}")
            self._failures[row.key] = (1, self._tools.clock.now() + _STORE_IS_AWAY)

    async def _swept(self, row: LeftoverRow, fence: Fence) -> None:
        tools = self._tools
        try:
            await self._removed(row)
        except Error as error:
            await self._not_swept(row, error)
            return
        self._failures.pop(row.key, None)
        self._complaints.over(_sweep_of(row.key), f"what was left of {row.key} is removed")
        await self._commit(lambda: leavings.swept(tools.view, row, fence))

    async def _not_swept(self, row: LeftoverRow, error: Error) -> None:
        """Note why something cannot be removed, and when that is tried again."""
        now = self._tools.clock.now()
        failures = self._failures.get(row.key, (0, now))[0] + 1
        self._failures[row.key] = (failures, now + sweep_pause(failures, error))
        said = f"what is left of {row.key} cannot be removed yet: {error}"
        self._complaints.about(_sweep_of(row.key), said)
        noted = leavings.left(self._tools.view, row, str(error))
        if noted is not None:
            await self._commit(lambda: noted)

    async def _removed(self, row: LeftoverRow) -> None:
        """Have the backend remove it; what is gone already is fine."""
        tools, place = self._tools, Place(row.authority, row.configuration)
        slot = tools.slots.hold(place)
        try:
            async with tools.lock(row.authority):
                ready = await opened(tools, slot)
                await ready.call(partial(_retire, row, tools.deadline()))
        except (AuthorityRetiredError, SignerUnknownError):
            return
        finally:
            tools.slots.release(place)

    async def _commit(self, make: Callable[[], Transaction]) -> bool:
        """Say whether it was committed; if something changed meanwhile, it is looked at again."""
        try:
            await self._tools.store.commit_async(make())
        except ConflictError:
            return False
        return True


def sweep_pause(failures: int, error: Error) -> timedelta:
    """Return how long to wait after the n-th failure in a row: 1, 2, 4 … s, an hour at last.

    Longer if ``error`` says how long the backend wants to be left alone.
    """
    asked = retry_pause(failures, error)
    if asked < LAST_RETRY:
        return asked
    return max(asked, min(LAST_SWEEP, timedelta(seconds=1 << min(failures - 1, 12))))


def _sweep_of(key: str) -> str:
    return f"sweep {key}"


def _retire(row: LeftoverRow, deadline: datetime, provider: GuardedProvider) -> None:
    """Retire a signer, or the whole authority."""
    request_id = new_request_id()
    if row.signer:
        provider.retire_signer(
            RetireSignerRequest(request_id=request_id, deadline=deadline, id=row.signer)
        )
    else:
        provider.retire(RetireRequest(request_id=request_id, deadline=deadline))
